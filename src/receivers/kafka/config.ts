/** Configuration of `kafka`: the keys and defaults of the Go collector; what is ours is said in the README. */
import { z } from 'zod'
import { checkKafkaClient, kafkaClientFields } from '../../config/fields/kafka.ts'
import {
  byteSize,
  duration,
  extensionReference,
  idle,
  integer,
  section,
  textField,
  textList,
  wrong,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { readableEncodings, readerOf } from '../../translate/encoding/readers.ts'

const STRATEGIES = ['range', 'roundrobin', 'sticky', 'cooperative-sticky'] as const
/** Kafka's own bound of a topic's name is 249 characters; a regular expression may be longer. */
const MAX_TOPIC_CHARS = 1000
const MIB = 1 << 20

/** A name, or a regular expression that begins with `^`. */
const topic = textField(
  text => {
    if (text === '') return wrong('is empty', 'the name of a topic')
    if (text.length > MAX_TOPIC_CHARS) return wrong('is too long', `up to ${MAX_TOPIC_CHARS}`)
    return text.startsWith('^') ? readPattern(text) : text
  },
  { type: 'string' },
)

const exclusion = textField(
  text =>
    text === ''
      ? wrong('is empty, which is in every name', 'a regular expression')
      : readPattern(text),
  { type: 'string' },
)

function readPattern(text: string) {
  try {
    new RegExp(text)
    return text
  } catch (error) {
    return wrong((error as Error).message, 'a regular expression')
  }
}

function source(signal: Signal, defaultTopic: string) {
  return section({
    topics: z
      .array(topic)
      .min(1)
      .default([defaultTopic])
      .describe('Topics to read; one that begins with ^ is a regular expression.'),
    exclude_topics: z
      .array(exclusion)
      .default([])
      .describe('Regular expressions of topics that those in topics must not match.'),
    encoding: textField(
      text =>
        readerOf(text, signal) === null
          ? wrong(
              'is not an encoding of this signal',
              `one of ${readableEncodings(signal).join(', ')}`,
            )
          : text,
      { type: 'string' },
    )
      .prefault('otlp_proto' as never)
      .describe(`What messages are: ${readableEncodings(signal).join(', ')}.`),
  }).describe(`Where ${signal} are read from.`)
}

const strategy = z.enum(STRATEGIES)

const groupFields = {
  group_id: z
    .string()
    .min(1)
    .default('otel-collector')
    .describe('Consumer group to be a member of.'),
  group_instance_id: z
    .string()
    .default('')
    .describe(
      'Makes this a static member of the group, which keeps its partitions over a restart.',
    ),
  initial_offset: z
    .enum(['latest', 'earliest'])
    .default('latest')
    .describe('Where to begin in partitions of which the group has committed nothing.'),
  session_timeout: duration('10s', { positive: true }).describe(
    'The group takes a member for dead that was silent for so long.',
  ),
  heartbeat_interval: duration('3s', { positive: true }).describe(
    'How often the group is told that this member lives.',
  ),
  group_rebalance_strategies: z
    .array(strategy)
    .default([])
    .describe('How partitions are shared out, preferred first; the group takes one that all know.'),
  group_rebalance_strategy: strategy.optional().describe("Upstream's old name, for one strategy."),
  autocommit: section({
    enable: z
      .boolean()
      .default(true)
      .describe('Commits at intervals; false commits after each batch of records.'),
    interval: duration('1s', { positive: true }).describe('How often offsets are committed.'),
  }).describe('When offsets are committed; never before the pipeline has taken the records.'),
}

const fetchFields = {
  min_fetch_size: integer(1, { max: 2 ** 31 - 1 }).describe(
    'A broker waits for so many bytes, up to max_fetch_wait.',
  ),
  max_fetch_size: integer(MIB, { max: 2 ** 31 - 1 }).describe('Most bytes of one fetch.'),
  max_fetch_wait: duration('250ms').describe('Longest wait for min_fetch_size bytes.'),
  max_partition_fetch_size: integer(MIB, { max: 2 ** 31 - 1 }).describe(
    'Most bytes of one partition in a fetch; a larger record batch comes alone.',
  ),
}

const messageMarking = section({
  after: idle(
    z
      .boolean()
      .default(true)
      .describe(
        'Accepted for compatibility; offsets are never committed before the pipeline took the records.',
      ),
  ),
  on_error: z
    .boolean()
    .default(false)
    .describe('Drops and counts a record that the pipeline has no room for, instead of waiting.'),
  on_permanent_error: z
    .boolean()
    .default(true)
    .describe('False stops the partition at a record that will never be taken.'),
}).describe('What becomes of records that are not taken.')

const headerExtraction = section({
  extract_headers: z
    .boolean()
    .default(false)
    .describe('Puts headers of records into the attributes of their resources.'),
  headers: textList().describe('Names of these headers; the attributes are kafka.header.<name>.'),
}).describe('Headers as attributes of resources.')

const errorBackoff = section({
  enabled: z
    .boolean()
    .default(false)
    .describe('Sets the waits below; without it a wait is from 250ms to 5s.'),
  initial_interval: duration('5s').describe('Wait after the first time without room.'),
  randomization_factor: z.number().min(0).max(1).default(0.5).describe('Spread of each wait.'),
  multiplier: z.number().min(0).default(1.5).describe('Growth from wait to wait.'),
  max_interval: duration('30s').describe('Longest wait, unless the pipeline asks for more.'),
  max_elapsed_time: duration('5m').describe(
    'With on_error: drops a record after so long; 0 never. Without it, waiting goes on.',
  ),
}).describe('How long to wait when the pipeline has no room.')

const schema = section({
  ...kafkaClientFields,
  ...groupFields,
  ...fetchFields,
  traces: source('traces', 'otlp_spans'),
  metrics: source('metrics', 'otlp_metrics'),
  logs: source('logs', 'otlp_logs'),
  profiles: idle(
    section({
      topics: textList().describe('Topics.'),
      exclude_topics: textList().describe('Exclusions.'),
      encoding: z.string().default('otlp_proto').describe('Encoding.'),
    }).describe('Accepted for compatibility; profiles are not received.'),
  ),
  message_marking: messageMarking,
  header_extraction: headerExtraction,
  error_backoff: errorBackoff,
  telemetry: section({
    metrics: section({
      kafka_receiver_records_delay: section({
        enabled: z.boolean().default(false).describe('Measures the age of records as they come.'),
      }).describe('Time from producing to receiving.'),
    }).describe('Metrics that are not always there.'),
  }).describe('What is measured beside the usual.'),
  include_metadata: z
    .boolean()
    .default(true)
    .describe(
      'Hands topic, partition, offset and headers on with the data, as upstream does; ours.',
    ),
  max_header_bytes: byteSize(16_384).describe(
    'Headers of a record that are larger together are not handed on; ours.',
  ),
  tenant_header: z
    .string()
    .default('')
    .describe('Header that says whose a record is. Only where every producer is trusted; ours.'),
  max_in_flight: integer(16, { min: 1, max: 1000 }).describe(
    'Records of one partition that may be on their way into the pipeline at a time; ours.',
  ),
  dead_letters: extensionReference()
    .optional()
    .describe('Extension that keeps what cannot be taken, such as file_storage; ours.'),
})

export type KafkaReceiverConfig = z.output<typeof schema>

export const config: ConfigSpec<KafkaReceiverConfig> = { schema, check }

function check(config: KafkaReceiverConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = checkKafkaClient(config)
  if (config.max_fetch_size < config.min_fetch_size) {
    problems.push({
      path: ['max_fetch_size'],
      message: 'is less than min_fetch_size',
      expected: `at least ${config.min_fetch_size}`,
    })
  }
  if (config.heartbeat_interval >= config.session_timeout) {
    problems.push({
      path: ['heartbeat_interval'],
      message: 'is not less than session_timeout',
      expected: `about a third of ${config.session_timeout}ms`,
    })
  }
  if (
    config.group_rebalance_strategy !== undefined &&
    config.group_rebalance_strategies.length > 0
  ) {
    problems.push({
      path: ['group_rebalance_strategy'],
      message: 'does not go together with group_rebalance_strategies',
      expected: 'group_rebalance_strategies alone',
    })
  }
  for (const signal of SIGNALS) problems.push(...checkExclusions(signal, config[signal]))
  return problems
}

function checkExclusions(
  signal: Signal,
  { topics, exclude_topics }: KafkaReceiverConfig[Signal],
): ConfigProblem[] {
  if (exclude_topics.length === 0 || topics.some(text => text.startsWith('^'))) return []
  const message = `is set, but none of ${signal}.topics is a regular expression`
  return [{ path: [signal, 'exclude_topics'], message, expected: 'a topic that begins with ^' }]
}

/** In the order in which the group is offered them. */
export function strategiesOf(config: KafkaReceiverConfig): readonly (typeof STRATEGIES)[number][] {
  const { group_rebalance_strategies: several, group_rebalance_strategy: one } = config
  if (several.length > 0) return several
  return [one ?? 'cooperative-sticky']
}
