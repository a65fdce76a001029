/** Configuration of the receiver: upstream's defaults, and everything that cannot be, found at the start. */
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  config,
  type KafkaReceiverConfig,
  strategiesOf,
} from '../../../src/receivers/kafka/config.ts'

function parse(given: unknown): KafkaReceiverConfig {
  return config.schema.parse(given) as KafkaReceiverConfig
}

function problems(given: unknown): string[] {
  return config.check!(parse(given)).map(({ path, message }) => `${path.join('.')} ${message}`)
}

test('has the defaults of the Go collector', () => {
  const parsed = parse(null)

  assert.deepEqual(parsed.traces, {
    topics: ['otlp_spans'],
    exclude_topics: [],
    encoding: 'otlp_proto',
  })
  assert.deepEqual(parsed.metrics.topics, ['otlp_metrics'])
  assert.deepEqual(parsed.logs.topics, ['otlp_logs'])
  assert.equal(parsed.group_id, 'otel-collector')
  assert.equal(parsed.client_id, 'otel-collector')
  assert.equal(parsed.initial_offset, 'latest')
  assert.equal(parsed.session_timeout, 10_000)
  assert.equal(parsed.heartbeat_interval, 3000)
  assert.deepEqual(parsed.autocommit, { enable: true, interval: 1000 })
  assert.equal(parsed.max_fetch_size, 1_048_576)
  assert.equal(parsed.max_fetch_wait, 250)
  assert.deepEqual(parsed.brokers, ['localhost:9092'])
  assert.deepEqual(strategiesOf(parsed), ['cooperative-sticky'])
  assert.equal(parsed.tenant_header, '')
})

test('takes encodings that the signal has, and no others', () => {
  for (const encoding of ['jaeger_proto', 'zipkin_thrift', 'otlp_json']) {
    assert.equal(parse({ traces: { encoding } }).traces.encoding, encoding)
  }
  assert.equal(parse({ logs: { encoding: 'text_shift_jis' } }).logs.encoding, 'text_shift_jis')
  for (const wrong of [
    { metrics: { encoding: 'zipkin_json' } },
    { traces: { encoding: 'raw' } },
    { logs: { encoding: 'text_klingon' } },
  ]) {
    assert.throws(() => parse(wrong), /not an encoding of this signal/)
  }
})

test('refuses topics and exclusions that are no names and no expressions', () => {
  for (const wrong of [
    { traces: { topics: [] } },
    { traces: { topics: [''] } },
    { traces: { topics: ['^('] } },
    { logs: { topics: ['^a'], exclude_topics: [''] } },
    { logs: { topics: ['^a'], exclude_topics: ['['] } },
    { group_rebalance_strategies: ['my_extension'] },
    { initial_offset: 'middle' },
  ]) {
    assert.throws(() => parse(wrong), JSON.stringify(wrong))
  }
})

test('finds keys that do not go together', () => {
  assert.deepEqual(problems({}), [])
  assert.match(problems({ traces: { exclude_topics: ['a'] } })[0], /^traces\.exclude_topics/)
  assert.match(problems({ min_fetch_size: 10, max_fetch_size: 5 })[0], /^max_fetch_size/)
  assert.match(problems({ heartbeat_interval: '10s' })[0], /^heartbeat_interval/)
  assert.match(
    problems({ group_rebalance_strategy: 'range', group_rebalance_strategies: ['sticky'] })[0],
    /^group_rebalance_strategy/,
  )
  assert.match(problems({ auth: { sasl: { mechanism: 'PLAIN' } } })[0], /^auth\.sasl/)
})
