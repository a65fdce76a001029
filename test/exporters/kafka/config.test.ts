/** The configuration of the Kafka exporter: upstream's defaults, and what is refused with which words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validateComponentConfig } from '../../../src/config/judge.ts'
import type { Factory } from '../../../src/core/factory.ts'
import { type KafkaConfig, signalConfig } from '../../../src/exporters/kafka/config.ts'
import { factory as typed } from '../../../src/exporters/kafka/factory.ts'

const factory = typed as Factory

function problems(section: object): string[] {
  return validateComponentConfig(factory, section).map(({ path, message }) => `${path} ${message}`)
}

test("has upstream's defaults", () => {
  const config = factory.config.schema.parse({}) as KafkaConfig

  assert.deepEqual(config.brokers, ['localhost:9092'])
  assert.equal(config.client_id, 'otel-collector')
  assert.equal(config.timeout, 5000)
  assert.deepEqual(
    [config.traces.topic, config.metrics.topic, config.logs.topic],
    ['otlp_spans', 'otlp_metrics', 'otlp_logs'],
  )
  assert.equal(config.traces.encoding, 'otlp_proto')
  const { producer, metadata } = config
  assert.deepEqual(
    [producer.max_message_bytes, producer.required_acks, producer.compression, producer.linger],
    [1_000_000, 1, 'none', 10],
  )
  assert.deepEqual(
    [producer.flush_max_messages, producer.allow_auto_topic_creation],
    [10_000, true],
  )
  assert.deepEqual(
    [metadata.refresh_interval, metadata.retry.max, metadata.retry.backoff],
    [600_000, 3, 250],
  )
})

test('gives signals that name none of their own the topic and encoding of older configurations', () => {
  const section = { topic: 'all', encoding: 'jaeger_proto', logs: { topic: 'lines' } }
  const config = factory.config.schema.parse(section) as KafkaConfig

  assert.deepEqual(problems(section), [])
  const [traces, metrics, logs] = (['traces', 'metrics', 'logs'] as const).map(signal =>
    signalConfig(config, signal),
  )
  assert.deepEqual([traces.topic, metrics.topic, logs.topic], ['all', 'all', 'lines'])
  assert.deepEqual([traces.encoding, metrics.encoding], ['jaeger_proto', 'otlp_proto'])
  assert.deepEqual(problems({ encoding: 'runes' }), ['encoding is not known'])
})

test("takes upstream's own examples", () => {
  assert.deepEqual(problems({}), [])
  assert.deepEqual(
    problems({
      brokers: ['foo:123', 'bar:456', '[2001:db8::1]:9092'],
      client_id: 'test_client_id',
      topic_from_attribute: 'kafka_topic',
      include_metadata_keys: ['k1'],
      record_headers: [{ name: 'some-key', value: 'some-value' }],
      partition_traces_by_id: true,
      record_partitioner: { sticky_key: { hasher: 'murmur2' } },
      traces: { topic: 'spans', encoding: 'jaeger_json' },
      metrics: { encoding: 'otlp_json' },
      metadata: { full: false, retry: { max: 15 } },
      producer: {
        max_message_bytes: 10_000_000,
        required_acks: 'all',
        compression: 'gzip',
        compression_params: { level: 3 },
      },
      auth: { sasl: { username: 'jdoe', password: 'pass', mechanism: 'PLAIN', version: 0 } },
      tls: { insecure: true },
      timeout: '10s',
      sending_queue: { num_consumers: 2, queue_size: 10 },
      retry_on_failure: { initial_interval: '10s', max_interval: '60s', max_elapsed_time: '10m' },
    }),
    [],
  )
})

for (const [words, section, expected] of [
  ['no brokers', { brokers: [] }, /brokers is empty/],
  ['an address without port', { brokers: ['kafka'] }, /brokers has "kafka"/],
  ['a port that there is not', { brokers: ['kafka:99999'] }, /brokers has "kafka:99999"/],
  ['a linger that no attempt lives to see', { producer: { linger: '5s' } }, /linger is not less/],
  [
    'an unknown encoding',
    { logs: { encoding: 'jaeger_proto' } },
    /logs.encoding is not known for logs/,
  ],
  ['a name that is no topic', { traces: { topic: 'a b' } }, /traces.topic is no name of a topic/],
  [
    'two keys for traces',
    { partition_traces_by_id: true, traces: { message_key_from_metadata_key: 'k' } },
    /message_key_from_metadata_key does not go together/,
  ],
  [
    'two keys for logs',
    { partition_logs_by_trace_id: true, partition_logs_by_resource_attributes: true },
    /partition_logs_by_trace_id does not go together/,
  ],
  [
    'two partitioners',
    { record_partitioner: { round_robin: {}, least_backup: {} } },
    /record_partitioner has more than one way/,
  ],
  [
    'SASL without password',
    { auth: { sasl: { mechanism: 'PLAIN', username: 'u' } } },
    /password is missing/,
  ],
  [
    'OAUTHBEARER without source',
    { auth: { sasl: { mechanism: 'OAUTHBEARER' } } },
    /oauthbearer_token_source is missing/,
  ],
  ['Kerberos', { auth: { kerberos: { realm: 'r' } } }, /kerberos is not supported/],
  ['idempotence without all acks', { producer: { idempotent: true } }, /required_acks is too few/],
  ['acks of 2', { producer: { required_acks: 2 } }, /required_acks/],
  [
    'a batch that forgets metadata',
    { include_metadata_keys: ['k'], sending_queue: { batch: {} } },
    /include_metadata_keys names k/,
  ],
] as const) {
  test(`refuses ${words}`, () => {
    const found = problems(section)

    assert.equal(found.length, 1, found.join('\n'))
    assert.match(found[0], expected)
  })
}
