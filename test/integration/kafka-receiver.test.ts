/**
 * The Kafka receiver against a real broker: nothing is missing, by the numbers in the spans, when members of the group come
 * and go, when a process is killed half way, and when records are poison; what it commits is what it has handed on.
 */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Kafka } from 'kafkajs'
import { loadKafkajs } from '../../src/net/kafka/kafkajs/internals.ts'
import { startSink, temporaryFolder } from '../faults/kit.ts'
import type { NumberedSink } from '../harness/numbered-sink.ts'
import { NumberedRequests } from '../harness/numbered-spans.ts'
import { eventually } from '../harness/process.ts'
import { KAFKA_USER, type KafkaPeer, kafkaJars, startKafka } from './kafka-peer.ts'
import { lacking } from './peer-cache.ts'
import { PATIENT, ProofCollector } from './proof-kit.ts'

const STREAM = 3
const SPANS = 20
const PARTITIONS = 4
const WITHIN_MS = 60_000
const ZSTD = 4

test('a real broker, and what happens around it', { skip: lacking(kafkaJars) }, async t => {
  const kafka = await startKafka(t)
  const client = new (loadKafkajs().kafkajs.Kafka)({ brokers: kafka.brokers, logLevel: 0 })

  await t.test('takes every record once while members of the group come and go', async t => {
    const sink = await startSink(t)
    await kafka.createTopic('rebalance', PARTITIONS)
    const producing = produce(client, 'rebalance', 300, { pauseMs: 20 })
    const first = await readerOf(t, kafka, sink, 'rebalance')
    await eventually(() => sink.distinct(STREAM) > 0, WITHIN_MS, 'the first member reads')
    const second = await readerOf(t, kafka, sink, 'rebalance')
    await eventually(() => shares(second) > 0, WITHIN_MS, 'the second member has partitions')
    const both = [shares(first), shares(second)]
    assert.equal(await first.stopExact(), 0)
    await producing
    await untilAll(sink, 300)
    await untilCommitted(kafka, 'rebalance', 300)

    assert.deepEqual(both, [PARTITIONS / 2, PARTITIONS / 2])
    // Each handed its records on, and committed them, before the other one had the partition.
    assert.equal(sink.duplicates(STREAM), 0)
    assert.equal(await second.stopExact(), 0)
  })

  await t.test('misses nothing when it is killed half way', async t => {
    const sink = await startSink(t)
    await kafka.createTopic('killed', PARTITIONS)
    await produce(client, 'killed', 800, { compression: ZSTD })
    // Without a queue the receiver hears of the end of each record, and no more are on their way than it may have.
    const options = { queue: { enabled: false } }
    sink.feel({ kind: 'slow', ms: 200 })
    const first = await readerOf(t, kafka, sink, 'killed', options)
    const someCommitted = async (): Promise<boolean> =>
      (await committedOf(kafka, 'killed')) > PARTITIONS * 16
    await eventually(someCommitted, WITHIN_MS, 'some are committed')
    first.running.child.kill('SIGKILL')
    await first.running.stop()
    const arrived = sink.distinct(STREAM)
    sink.feel({ kind: 'well' })
    const second = await readerOf(t, kafka, sink, 'killed', options)
    await untilAll(sink, 800)
    await untilCommitted(kafka, 'killed', 800)

    t.diagnostic(JSON.stringify({ arrived, duplicates: sink.duplicates(STREAM) }))
    assert.ok(arrived < 800 * SPANS)
    assert.ok(sink.duplicates(STREAM) < arrived)
    assert.equal(await second.stopExact(), 0)
  })

  await t.test('waits for a destination that is gone, and loses and commits nothing', async t => {
    const sink = await startSink(t)
    await kafka.createTopic('gone', 1)
    await produce(client, 'gone', 50)
    sink.feel({ kind: 'busy' })
    const reader = await readerOf(t, kafka, sink, 'gone', {
      queue: { enabled: false },
      exporter: { retry_on_failure: { enabled: false }, circuit_breaker: { enabled: false } },
    })
    await eventually(() => sink.refused > 20, WITHIN_MS, 'it is turned away again and again')
    const committed = await kafka.committed('group-gone', 'gone')
    sink.feel({ kind: 'well' })
    await untilAll(sink, 50)
    await untilCommitted(kafka, 'gone', 50)

    assert.ok((committed.get(0) ?? -1) <= 0, `${[...committed]}`)
    assert.equal(sink.duplicates(STREAM), 0)
    await reader.stopExact()
  })

  await t.test('goes on after poison, which it keeps', async t => {
    const sink = await startSink(t)
    await kafka.createTopic('poison', 1)
    await produce(client, 'poison', 5)
    await send(client, 'poison', [Buffer.from('this is no OTLP'), Buffer.alloc(0), null])
    await produce(client, 'poison', 5, { from: 5 })
    const reader = await readerOf(t, kafka, sink, 'poison', { letters: true })
    await untilAll(sink, 10)
    await untilCommitted(kafka, 'poison', 13)

    assert.match(reader.output, /"event":"record_left_out"/)
    assert.match(reader.output, /"reason":"bad_data"/)
    assert.doesNotMatch(reader.output, /letter_not_kept/)
    assert.equal(sink.duplicates(STREAM), 0)
    await reader.stopExact()
  })

  await t.test('reads over what transactions leave in a topic', async t => {
    const sink = await startSink(t)
    await kafka.createTopic('transactions', 1)
    const requests = new NumberedRequests(SPANS)
    const producer = client.producer({
      transactionalId: 'numbered',
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await producer.connect()
    for (let i = 0; i < 5; i++) {
      const transaction = await producer.transaction()
      const value = requests.body(STREAM, i * SPANS)
      await transaction.send({ topic: 'transactions', messages: [{ value }] })
      await transaction.commit()
    }
    await producer.disconnect()
    const reader = await readerOf(t, kafka, sink, 'transactions')
    await untilAll(sink, 5)

    assert.equal(sink.duplicates(STREAM), 0)
    await reader.stopExact()
  })

  await t.test(
    'finds topics by a pattern, leaves out others, and those that come later',
    async t => {
      const sink = await startSink(t)
      await kafka.createTopics(['team-a', 'team-test', 'other'], 1)
      await produce(client, 'team-a', 2)
      await produce(client, 'team-test', 2, { from: 100 })
      const reader = await readerOf(t, kafka, sink, '^team-.*', {
        receiver: {
          traces: { topics: ['^team-.*'], exclude_topics: ['-test$'] },
          metadata: { refresh_interval: '1s' },
        },
      })
      await untilAll(sink, 2)
      await kafka.createTopic('team-b', 1)
      await produce(client, 'team-b', 2, { from: 2 })
      await untilAll(sink, 4)

      assert.equal(sink.distinct(STREAM), 4 * SPANS)
      await reader.stopExact()
    },
  )
})

test('reads with credentials over TLS, and says when they are wrong', {
  skip: lacking(kafkaJars),
}, async t => {
  const kafka = await startKafka(t, { sasl: true, tls: true })
  const client = new (loadKafkajs().kafkajs.Kafka)({ brokers: kafka.brokers, logLevel: 0 })
  const sink = await startSink(t)
  await kafka.createTopic('secret', 1)
  await produce(client, 'secret', 3)
  const auth = (password: string) => ({
    brokers: kafka.saslTlsBrokers,
    tls: { ca_file: kafka.caFile, server_name_override: 'localhost' },
    auth: { sasl: { mechanism: 'SCRAM-SHA-512', username: KAFKA_USER.username, password } },
  })
  const wrong = { receiver: { ...auth('guessed'), group_id: 'wrong' }, hasPlace: false }
  const stranger = await readerOf(t, kafka, sink, 'secret', wrong)
  const reader = await readerOf(t, kafka, sink, 'secret', {
    receiver: auth(KAFKA_USER.password),
  })

  await untilAll(sink, 3)
  await stranger.hasLogged('consumer_group_fails')

  assert.equal(sink.distinct(STREAM), 3 * SPANS)
  assert.doesNotMatch(stranger.output, /guessed|partitions_assigned/)
  assert.equal(await stranger.running.stop(), 0)
  await reader.stopExact()
})

interface ReaderOptions {
  readonly queue?: object
  readonly exporter?: object
  readonly receiver?: object
  readonly letters?: boolean
  /** False: it will not become a member of the group. */
  readonly hasPlace?: boolean
}

async function readerOf(
  t: TestContext,
  kafka: KafkaPeer,
  sink: NumberedSink,
  topic: string,
  { queue, exporter, receiver, letters = false, hasPlace = true }: ReaderOptions = {},
): Promise<ProofCollector> {
  const reader = await ProofCollector.start(t, {
    receivers: {
      kafka: {
        brokers: kafka.brokers,
        group_id: `group-${topic.replace(/\W/g, '')}`,
        initial_offset: 'earliest',
        traces: { topics: [topic] },
        autocommit: { interval: '200ms' },
        ...receiver,
        ...(letters && { dead_letters: 'file_storage' }),
      },
    },
    exporters: {
      otlp_grpc: {
        endpoint: `127.0.0.1:${sink.port}`,
        tls: { insecure: true },
        compression: 'none',
        ...PATIENT,
        ...exporter,
        ...(queue !== undefined && { sending_queue: queue }),
      },
    },
    ...(letters && { extensions: { file_storage: { directory: temporaryFolder(t) } } }),
    pipelines: { traces: { receivers: ['kafka'], exporters: ['otlp_grpc'] } },
  })
  if (hasPlace) await reader.hasLogged('partitions_assigned')
  return reader
}

/** How many partitions it was given last. */
function shares({ output }: ProofCollector): number {
  const lines = output.split('\n').filter(line => line.includes('"event":"partitions_assigned"'))
  const { partitions } = JSON.parse(lines.at(-1) ?? '{"partitions":""}') as { partitions: string }
  return partitions === '' ? 0 : partitions.split(' ').length
}

interface ProduceOptions {
  readonly from?: number
  readonly compression?: number
  readonly pauseMs?: number
}

/** Numbered requests, over all partitions in turn. */
async function produce(
  client: Kafka,
  topic: string,
  count: number,
  { from = 0, compression = 0, pauseMs = 0 }: ProduceOptions = {},
): Promise<void> {
  const requests = new NumberedRequests(SPANS)
  const producer = client.producer()
  await producer.connect()
  for (let i = from; i < from + count; i++) {
    const value = requests.body(STREAM, i * SPANS)
    await producer.send({ topic, compression, messages: [{ value, key: String(i) }] })
    if (pauseMs > 0) await new Promise(resolve => setTimeout(resolve, pauseMs))
  }
  await producer.disconnect()
}

async function send(
  client: Kafka,
  topic: string,
  values: readonly (Buffer | null)[],
): Promise<void> {
  const producer = client.producer()
  await producer.connect()
  await producer.send({ topic, messages: values.map(value => ({ value })) })
  await producer.disconnect()
}

function untilAll(sink: NumberedSink, requests: number): Promise<void> {
  const hasAll = (): boolean => sink.distinct(STREAM) >= requests * SPANS
  return eventually(hasAll, WITHIN_MS, 'everything has arrived')
}

function untilCommitted(kafka: KafkaPeer, topic: string, records: number): Promise<void> {
  const hasAll = async (): Promise<boolean> => (await committedOf(kafka, topic)) === records
  return eventually(hasAll, WITHIN_MS, 'everything is committed')
}

/** Of all partitions together. */
async function committedOf(kafka: KafkaPeer, topic: string): Promise<number> {
  const committed = await kafka.committed(`group-${topic}`, topic)
  return [...committed.values()].reduce((sum, offset) => sum + Math.max(0, offset), 0)
}
