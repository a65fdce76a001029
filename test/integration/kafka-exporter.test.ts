/** The Kafka exporter against real brokers: encodings aside, whether everything arrives, whatever the brokers do meanwhile. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { corpusRequest } from '../../bench/corpus/requests.ts'
import { validateComponentConfig } from '../../src/config/judge.ts'
import { Batch, DEFAULT_TENANT, NO_CONTEXT, type RequestContext } from '../../src/core/batch.ts'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import type { Component } from '../../src/core/component.ts'
import type { CreateContext, Factory } from '../../src/core/factory.ts'
import { Payload } from '../../src/core/payload.ts'
import type { KafkaConfig } from '../../src/exporters/kafka/config.ts'
import { KafkaSender } from '../../src/exporters/kafka/exporter.ts'
import { factory as typed } from '../../src/exporters/kafka/factory.ts'
import type { SendResult } from '../../src/exporters/sending/sender.ts'
import { loadKafkajs } from '../../src/net/kafka/kafkajs/internals.ts'
import { encodeParts } from '../../src/otlp/encode.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { TracesView } from '../../src/otlp/traces-view.ts'
import { fakeHost, fakeServices } from '../../src/testing/fakes.ts'
import { AbortSource } from '../../src/util/abort.ts'
import { eventually } from '../harness/process.ts'
import { KAFKA_USER, type KafkaPeer, kafkaJars, startKafka } from './kafka-peer.ts'
import { lacking } from './peer-cache.ts'

/** A reader whose broker has gone for good must not keep this process alive. */
const ONCE = { retry: { restartOnFailure: async () => false } }

const factory = typed as Factory
const skip = lacking(kafkaJars)
/** What brokers take of one batch by default. */
const BROKER_LIMIT = 1_048_588
const READ_MS = 30_000

let topics = 0
const freshTopic = (): string => `topic-${process.pid}-${++topics}`

async function startSender(
  t: TestContext,
  section: object,
  extensions: ReadonlyMap<string, Component> = new Map(),
): Promise<KafkaSender> {
  assert.deepEqual(validateComponentConfig(factory, section), [])
  const config = factory.config.schema.parse(section) as KafkaConfig
  const services = { ...fakeServices(), clock: SYSTEM_CLOCK }
  const context: CreateContext<KafkaConfig> = {
    ...services,
    id: 'kafka',
    config,
    signals: ['traces', 'metrics', 'logs'],
  }
  const sender = new KafkaSender(context)
  t.after(() => sender.stop())
  await sender.start(fakeHost(extensions))
  return sender
}

function batchOf(
  items: number,
  { seed = 1, tenant = DEFAULT_TENANT, context = NO_CONTEXT as RequestContext } = {},
): Batch {
  const bytes = corpusRequest('traces', { items, seed })
  const index = indexRequest('traces', bytes)
  assert.ok(!isWireFault(index))
  const part = { payload: new Payload(bytes), index, selection: null, edits: null, items }
  return new Batch('traces', tenant, context, [part])
}

function attempt(sender: KafkaSender, batch: Batch, timeoutMs = 20_000): Promise<SendResult> {
  const { chunks, byteLength } = encodeParts(batch.parts)
  const abort = new AbortSource()
  const timer = setTimeout(() => abort.abort(new Error('no answer in time')), timeoutMs)
  const encoded = { signal: batch.signal, items: batch.items, chunks, byteLength, batch }
  return sender.send(encoded, abort).finally(() => clearTimeout(timer))
}

interface Found {
  readonly key: string | null
  readonly value: Buffer
  readonly partition: number
  readonly headers: Readonly<Record<string, string>>
}

/** Everything in a topic, once it is so many records. */
async function read(t: TestContext, kafka: KafkaPeer, topic: string, least = 1): Promise<Found[]> {
  loadKafkajs()
  const consumer = kafka
    .client()
    .consumer({ groupId: `read-${topic}`, maxWaitTimeInMs: 100, ...ONCE })
  t.after(() => consumer.disconnect())
  const found: Found[] = []
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const headers = Object.entries(message.headers ?? {}).map(([name, text]) => [name, `${text}`])
      const key = message.key?.toString('latin1') ?? null
      const value = Buffer.from(message.value!)
      found.push({ key, value, partition, headers: Object.fromEntries(headers) })
    },
  })
  await eventually(() => found.length >= least, READ_MS, `${least} records in ${topic}`)
  return found
}

/** Ids of the spans in records, sorted. */
function spanIds(values: readonly Uint8Array[]): string[] {
  const view = new TracesView()
  const ids = values.flatMap(value => {
    const index = indexRequest('traces', value)
    assert.ok(!isWireFault(index))
    view.reset(value, index)
    return Array.from({ length: index.items }, (_, item) => view.moveTo(item).spanId)
  })
  return ids.sort()
}

const sentIds = (...batches: readonly Batch[]): string[] =>
  spanIds(batches.flatMap(({ parts }) => parts.map(part => part.payload.bytes)))

test('the Kafka exporter', { skip }, async t => {
  const kafka = await startKafka(t, {
    sasl: true,
    tls: true,
    properties: { 'auto.create.topics.enable': 'false' },
  })
  const { brokers } = kafka

  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    await t.test(
      `delivers 5 MB whole to a broker that takes 1 MiB, with ${compression}`,
      async t => {
        const topic = freshTopic()
        await kafka.createTopic(topic, 3)
        const section = { brokers, traces: { topic }, producer: { compression } }
        const sender = await startSender(t, section)
        const batch = batchOf(12_000)
        assert.ok(batch.bytes > 5_000_000, String(batch.bytes))

        const result = await attempt(sender, batch)

        assert.deepEqual(result, { kind: 'sent' })
        const found = await read(t, kafka, topic, 6)
        assert.ok(found.every(({ value }) => value.length < BROKER_LIMIT))
        assert.deepEqual(spanIds(found.map(({ value }) => value)), sentIds(batch))
      },
    )
  }

  await t.test('cuts smaller when a topic takes less than the configuration says', async t => {
    const topic = freshTopic()
    await kafka.createTopic(topic, 1, { 'max.message.bytes': '150000' })
    const sender = await startSender(t, { brokers, traces: { topic } })
    const batches = [batchOf(2000), batchOf(2000, { seed: 2 })]

    for (const batch of batches) assert.deepEqual(await attempt(sender, batch), { kind: 'sent' })

    const found = await read(t, kafka, topic, 12)
    assert.deepEqual(spanIds(found.map(({ value }) => value)), sentIds(...batches))
  })

  await t.test('names tenant and metadata in headers, and each trace in a key', async t => {
    const topic = freshTopic()
    await kafka.createTopic(topic, 5)
    const sender = await startSender(t, {
      brokers,
      traces: { topic },
      partition_traces_by_id: true,
      include_metadata_keys: ['X-Region'],
      record_headers: { fixed: 'yes' },
    })
    const context = { metadata: new Map([['x-region', ['eu']]]), peer: '' }
    const batch = batchOf(500, { tenant: 'shop', context })

    assert.deepEqual(await attempt(sender, batch), { kind: 'sent' })
    assert.deepEqual(await attempt(sender, batchOf(500, { tenant: 'shop', context })), {
      kind: 'sent',
    })

    const traces = new Set(sentTraces(batch))
    const found = await read(t, kafka, topic, 2 * traces.size)
    const headers = { fixed: 'yes', 'X-Region': 'eu', 'millrace-tenant': 'shop' }
    for (const record of found) assert.deepEqual(record.headers, headers)
    assert.deepEqual(new Set(found.map(({ key }) => key)), traces)
    const places = new Set(found.map(({ key, partition }) => `${key} ${partition}`))
    assert.equal(places.size, traces.size)
  })

  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    for (const tls of [false, true]) {
      await t.test(`authenticates by ${mechanism}${tls ? ' over TLS' : ''}`, async t => {
        const topic = freshTopic()
        await kafka.createTopic(topic)
        const sender = await startSender(t, {
          brokers: tls ? kafka.saslTlsBrokers : kafka.saslBrokers,
          traces: { topic },
          auth: { sasl: { mechanism, ...KAFKA_USER } },
          ...(tls && { tls: { ca_file: kafka.caFile } }),
        })

        assert.deepEqual(await attempt(sender, batchOf(10)), { kind: 'sent' })
      })
    }
  }

  await t.test('shows the token of an extension by OAUTHBEARER', async t => {
    const topic = freshTopic()
    await kafka.createTopic(topic)
    const extensions = new Map([['bearertokenauth', tokenSource()]])
    const auth = { mechanism: 'OAUTHBEARER', oauthbearer_token_source: 'bearertokenauth' }
    const section = { brokers: kafka.saslBrokers, traces: { topic }, auth: { sasl: auth } }
    const sender = await startSender(t, section, extensions)

    assert.deepEqual(await attempt(sender, batchOf(10)), { kind: 'sent' })
  })

  await t.test('speaks TLS', async t => {
    const topic = freshTopic()
    await kafka.createTopic(topic)
    const tls = { ca_file: kafka.caFile }
    const sender = await startSender(t, { brokers: kafka.tlsBrokers, traces: { topic }, tls })

    assert.deepEqual(await attempt(sender, batchOf(10)), { kind: 'sent' })
  })

  await t.test('keeps data while the password is wrong', async t => {
    const sasl = { mechanism: 'PLAIN', username: KAFKA_USER.username, password: 'wrong' }
    const sender = await startSender(t, { brokers: kafka.saslBrokers, auth: { sasl } })

    const result = await attempt(sender, batchOf(10))

    assert.equal(result.kind, 'retry')
    assert.match((result as { message: string }).message, /[Aa]uthentication failed/)
  })

  await t.test('keeps data while the topic is not there, and delivers it then', async t => {
    const topic = freshTopic()
    const sender = await startSender(t, { brokers, traces: { topic } })
    const batch = batchOf(10)

    const before = await attempt(sender, batch)
    await kafka.createTopic(topic)
    const after = await attempt(sender, batch)

    assert.equal(before.kind, 'retry')
    assert.match((before as { message: string }).message, /UNKNOWN_TOPIC_OR_PARTITION/)
    assert.deepEqual(after, { kind: 'sent' })
  })

  await t.test('asks for no answer, and for that of all, with numbers', async t => {
    for (const producer of [
      { required_acks: 0 },
      { required_acks: 'all' },
      { required_acks: 'all', compression: 'gzip', linger: '0s' },
    ]) {
      const topic = freshTopic()
      await kafka.createTopic(topic, 2)
      const sender = await startSender(t, { brokers, traces: { topic }, producer })
      const batches = Array.from({ length: 20 }, (_, seed) => batchOf(20, { seed: seed + 1 }))

      const results = await Promise.all(batches.map(batch => attempt(sender, batch)))

      assert.deepEqual(new Set(results.map(({ kind }) => kind)), new Set(['sent']))
      const found = await read(t, kafka, topic, batches.length)
      assert.deepEqual(spanIds(found.map(({ value }) => value)), sentIds(...batches))
    }
  })

  await t.test('goes on when the broker is killed and comes back', async t => {
    const topic = freshTopic()
    await kafka.createTopic(topic, 2)
    const sender = await startSender(t, {
      brokers,
      traces: { topic },
      producer: { required_acks: 'all' },
    })
    const batches = Array.from({ length: 30 }, (_, seed) => batchOf(50, { seed: seed + 1 }))
    const delivered = batches.map(async (batch, i) => {
      await new Promise(done => setTimeout(done, i * 100))
      for (;;) {
        const result = await attempt(sender, batch, 5000)
        if (result.kind !== 'retry') return result.kind
        await new Promise(done => setTimeout(done, 500))
      }
    })

    await new Promise(done => setTimeout(done, 700))
    await kafka.kill()
    await kafka.restart()

    assert.deepEqual(new Set(await Promise.all(delivered)), new Set(['sent']))
    const found = await read(t, kafka, topic, batches.length)
    assert.deepEqual(
      new Set(spanIds(found.map(({ value }) => value))),
      new Set(sentIds(...batches)),
    )
  })
})

test('the Kafka exporter follows partitions to another leader', { skip }, async t => {
  const kafka = await startKafka(t, { brokers: 2 })
  const topic = freshTopic()
  await kafka.createTopic(topic, 4, {}, 2)
  const sender = await startSender(t, { brokers: kafka.brokers, traces: { topic } })
  const batches = Array.from({ length: 40 }, (_, seed) => batchOf(20, { seed: seed + 1 }))
  const deliver = async (batch: Batch): Promise<void> => {
    for (let tries = 0; tries < 20; tries++) {
      if ((await attempt(sender, batch, 5000)).kind === 'sent') return
    }
    assert.fail('not delivered')
  }
  for (const batch of batches.slice(0, 20)) await deliver(batch)

  await kafka.stopBroker(1)
  for (const batch of batches.slice(20)) await deliver(batch)

  const found = await read(t, kafka, topic, batches.length)
  assert.deepEqual(new Set(spanIds(found.map(({ value }) => value))), new Set(sentIds(...batches)))
})

function sentTraces({ parts }: Batch): string[] {
  const view = new TracesView()
  const [{ payload, index }] = parts
  view.reset(payload.bytes, index)
  return Array.from({ length: index.items }, (_, item) => view.moveTo(item).traceId)
}

/** A JSON web token that is not signed, which is what the broker's own handler of such tokens takes. */
function tokenSource(): Component {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const token = `${encode({ alg: 'none' })}.${encode({ sub: 'alice', iat: now, exp: now + 600 })}.`
  const headers = new Map([['authorization', `Bearer ${token}`]])
  return {
    start: async () => {},
    stop: async () => {},
    clientAuthenticator: { headers: () => headers },
  } as Component
}
