/** Configuration of `kafka`. Keys, defaults and checks are upstream's; what is ours is said in the README. */
import { z } from 'zod'
import { checkKafkaClient, kafkaClientFields } from '../../config/fields/kafka.ts'
import {
  compressionParams,
  duration,
  extensionReference,
  headersMap,
  idle,
  integer,
  optionalSection,
  section,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { writableEncodings, writerOf } from '../../translate/encoding/writers.ts'
import { checkSending, sendingFields } from '../sending/config.ts'

const INT32_MAX = 0x7fff_ffff
/** Anything less has no room for a record's key and headers. */
const LEAST_MESSAGE_BYTES = 1024

const TOPIC: Readonly<Record<Signal | 'profiles', string>> = {
  traces: 'otlp_spans',
  metrics: 'otlp_metrics',
  logs: 'otlp_logs',
  profiles: 'otlp_profiles',
}
const ENCODING = 'otlp_proto'

function signalFields(signal: Signal | 'profiles') {
  return section({
    topic: z.string().min(1).default(TOPIC[signal]).describe('Topic.'),
    topic_from_metadata_key: z
      .string()
      .default('')
      .describe("Takes the topic from this key of the request's metadata, where it is there."),
    message_key_from_metadata_key: z
      .string()
      .default('')
      .describe("Takes the record's key from this key of the request's metadata."),
    encoding: z.string().default(ENCODING).describe('What a record holds.'),
  })
}

/** YAML has the words `all` and -1 for the same. */
const requiredAcks = z
  .preprocess(value => (value === 'all' ? -1 : value), z.literal([-1, 0, 1]))
  .prefault(1) as unknown as z.ZodType<-1 | 0 | 1>

const producer = section({
  max_message_bytes: integer(1_000_000, { min: LEAST_MESSAGE_BYTES, max: INT32_MAX }).describe(
    'Most bytes of a record batch before compression; larger requests are split at item borders.',
  ),
  max_broker_write_bytes: integer(104_857_600, { min: 104_857_600, max: INT32_MAX }).describe(
    'Most bytes of one request to a broker.',
  ),
  required_acks: requiredAcks.describe(
    'Who has to have it: 0 nobody, 1 the leader, -1 or all every replica in sync.',
  ),
  compression: z
    .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    .default('none')
    .describe('Compression of record batches.'),
  compression_params: compressionParams.describe('How hard to compress.'),
  flush_max_messages: integer(10_000, { min: 1 }).describe('Most records of one batch.'),
  allow_auto_topic_creation: z
    .boolean()
    .default(true)
    .describe('Lets brokers make topics that are missing, if they are set to.'),
  linger: duration('10ms').describe('A batch waits so long for more records of its partition.'),
  idempotent: z
    .boolean()
    .optional()
    .describe('Has brokers notice repetitions (ours); absent is with required_acks all only.'),
})

const schema = section({
  ...kafkaClientFields,
  traces: signalFields('traces').describe('Where and how traces go.'),
  metrics: signalFields('metrics').describe('Where and how metrics go.'),
  logs: signalFields('logs').describe('Where and how logs go.'),
  profiles: idle(signalFields('profiles').describe('Accepted for compatibility.')),
  topic: z
    .string()
    .default('')
    .describe('As older collectors have it: the topic of signals that name none of their own.'),
  encoding: z
    .string()
    .default('')
    .describe('As older collectors have it: the encoding of signals that name none of their own.'),
  topic_from_attribute: z
    .string()
    .default('')
    .describe('Takes the topic from this attribute of the resource, where it is there.'),
  include_metadata_keys: z
    .array(z.string())
    .default([])
    .describe("Keys of the request's metadata that become headers of records."),
  record_headers: headersMap.describe('Headers of every record; the values are secret.'),
  tenant_header: z
    .string()
    .default('millrace-tenant')
    .describe('Header that names the tenant, if it is not the default one (ours); empty for none.'),
  partition_traces_by_id: z
    .boolean()
    .default(false)
    .describe('A record for each trace, with its id as the key; Jaeger encodings always do.'),
  partition_metrics_by_resource_attributes: z
    .boolean()
    .default(false)
    .describe('A record for each resource, with a hash of its attributes as the key.'),
  partition_logs_by_resource_attributes: z
    .boolean()
    .default(false)
    .describe('A record for each resource, with a hash of its attributes as the key.'),
  partition_logs_by_trace_id: z
    .boolean()
    .default(false)
    .describe('A record for each trace id, with it as the key.'),
  record_partitioner: section({
    sticky_key: optionalSection({
      hasher: z
        .enum(['sarama_compat', 'murmur2'])
        .default('sarama_compat')
        .describe("Hash of keys: the Go collector's or that of Java clients."),
    }).describe('By key; without one, one partition until its batch is full. The default.'),
    round_robin: optionalSection({}).describe('Partitions in turn.'),
    least_backup: optionalSection({}).describe('The partition with the fewest bytes waiting.'),
    extension: extensionReference().optional().describe('An extension; not supported.'),
  }).describe('How records are shared out to partitions; at most one.'),
  producer: producer.describe('How records are sent.'),
  ...sendingFields('5s'),
})

export type KafkaConfig = z.output<typeof schema>

export const config: ConfigSpec<KafkaConfig> = { schema, check }

/** Where and how a signal goes; what it does not name itself may be named for all that can have it. */
export function signalConfig(config: KafkaConfig, signal: Signal): KafkaConfig['traces'] {
  const own = config[signal]
  const isForAll = own.encoding === ENCODING && writerOf(config.encoding, signal) !== null
  return {
    ...own,
    topic: config.topic !== '' && own.topic === TOPIC[signal] ? config.topic : own.topic,
    encoding: isForAll ? config.encoding : own.encoding,
  }
}

type Fault = (path: readonly (string | number)[], message: string, expected: string) => void

function check(config: KafkaConfig): ConfigProblem[] {
  const problems = [...checkSending(config), ...checkKafkaClient(config)]
  const fault: Fault = (path, message, expected) => problems.push({ path, message, expected })
  for (const signal of SIGNALS) checkSignal(config, signal, fault)
  if (
    config.encoding !== '' &&
    SIGNALS.every(signal => writerOf(config.encoding, signal) === null)
  ) {
    fault(['encoding'], 'is not known', writableEncodings('traces').join(', '))
  }
  if (config.partition_logs_by_resource_attributes && config.partition_logs_by_trace_id) {
    const message = 'does not go together with partition_logs_by_resource_attributes'
    fault(['partition_logs_by_trace_id'], message, 'one of them')
  }
  checkPartitioner(config.record_partitioner, fault)
  checkProducer(config.producer, config.timeout, fault)
  checkMetadataKeys(config, fault)
  return problems
}

function checkSignal(config: KafkaConfig, signal: Signal, fault: Fault): void {
  const { encoding, message_key_from_metadata_key: key, topic } = signalConfig(config, signal)
  if (writerOf(encoding, signal) === null) {
    const message = `is not known for ${signal}`
    fault([signal, 'encoding'], message, writableEncodings(signal).join(', '))
  }
  if (!isTopicName(topic)) fault([signal, 'topic'], 'is no name of a topic', TOPIC_NAME)
  if (key === '') return
  for (const other of PARTITION_KEYS[signal]) {
    if (!config[other]) continue
    fault([signal, 'message_key_from_metadata_key'], `does not go together with ${other}`, 'one')
  }
}

const PARTITION_KEYS = {
  traces: ['partition_traces_by_id'],
  metrics: ['partition_metrics_by_resource_attributes'],
  logs: ['partition_logs_by_resource_attributes', 'partition_logs_by_trace_id'],
} as const

const TOPIC_NAME = 'at most 249 letters, digits, dots, underscores and hyphens'

/** What brokers take; names may come from the data. */
export function isTopicName(topic: string): boolean {
  return /^[a-zA-Z0-9._-]{1,249}$/.test(topic) && topic !== '.' && topic !== '..'
}

function checkPartitioner(partitioner: KafkaConfig['record_partitioner'], fault: Fault): void {
  const set = Object.entries(partitioner).filter(([, value]) => value !== undefined)
  if (set.length > 1) fault(['record_partitioner'], 'has more than one way', 'at most one')
  if (partitioner.extension === undefined) return
  fault(['record_partitioner', 'extension'], 'is not supported', 'one of the other ways')
}

function checkProducer(producer: KafkaConfig['producer'], timeoutMs: number, fault: Fault): void {
  if (timeoutMs > 0 && producer.linger >= timeoutMs) {
    // Every attempt would be over before its batch is closed.
    fault(['producer', 'linger'], 'is not less than timeout', `less than ${timeoutMs}ms`)
  }
  if (producer.max_message_bytes > producer.max_broker_write_bytes) {
    const expected = `at most max_broker_write_bytes, ${producer.max_broker_write_bytes}`
    fault(['producer', 'max_message_bytes'], 'is too large', expected)
  }
  if (producer.idempotent === true && producer.required_acks !== -1) {
    fault(['producer', 'required_acks'], 'is too few for idempotent', 'all')
  }
}

/** Joining requests forgets their metadata but for these keys. */
function checkMetadataKeys(config: KafkaConfig, fault: Fault): void {
  const { batch } = config.sending_queue
  if (!config.sending_queue.enabled || batch === undefined) return
  const kept = new Set(batch.partition.metadata_keys)
  const need = (path: readonly string[], key: string): void => {
    if (key === '' || kept.has(key)) return
    const message = `names ${key}, which is not in sending_queue.batch.partition.metadata_keys`
    fault(path, message, 'the key in both places')
  }
  for (const key of config.include_metadata_keys) need(['include_metadata_keys'], key)
  for (const signal of SIGNALS) {
    for (const key of ['topic_from_metadata_key', 'message_key_from_metadata_key'] as const) {
      need([signal, key], config[signal][key])
    }
  }
}
