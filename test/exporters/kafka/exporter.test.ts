/** What becomes records, with which topics, keys and headers, and what the answers of brokers mean for a batch. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { corpusRequest } from '../../../bench/corpus/requests.ts'
import { Batch, DEFAULT_TENANT, NO_CONTEXT, type RequestContext } from '../../../src/core/batch.ts'
import type { Factory } from '../../../src/core/factory.ts'
import { Payload } from '../../../src/core/payload.ts'
import type { Signal } from '../../../src/core/signal.ts'
import type { KafkaConfig } from '../../../src/exporters/kafka/config.ts'
import { KafkaSender } from '../../../src/exporters/kafka/exporter.ts'
import { factory as typed } from '../../../src/exporters/kafka/factory.ts'
import type { SendResult } from '../../../src/exporters/sending/sender.ts'
import type {
  KafkaFailure,
  KafkaProducer,
  KafkaProducerOptions,
  OutgoingRecord,
} from '../../../src/net/kafka/client.ts'
import { failureOfCode, retryLater } from '../../../src/net/kafka/errors.ts'
import { encodeParts } from '../../../src/otlp/encode.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import { fakeHost, fakeServices } from '../../../src/testing/fakes.ts'
import { readerOf } from '../../../src/translate/encoding/readers.ts'
import { AbortSource } from '../../../src/util/abort.ts'
import { encode } from '../../otlp/oracle.ts'

const factory = typed as Factory
const TOO_LARGE = failureOfCode(10, 't')

interface Kept {
  readonly topic: string
  readonly key: string | null
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

class FakeProducer implements KafkaProducer {
  readonly sends: Kept[][] = []
  options: KafkaProducerOptions | null = null
  late: ((index: number) => void) | undefined
  answer: (record: Kept, n: number) => KafkaFailure | null = () => null

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async send(records: readonly OutgoingRecord[], _: unknown, late?: (index: number) => void) {
    const kept = records.map(({ topic, key, value, headers }) => ({
      topic,
      key: key === null ? null : Buffer.from(key).toString('latin1'),
      value: Buffer.concat(value),
      headers: Object.fromEntries(headers.map(({ key, value }) => [key, `${Buffer.from(value)}`])),
    }))
    this.late = late
    this.sends.push(kept)
    return kept.map(record => this.answer(record, this.sends.length))
  }

  get records(): Kept[] {
    return this.sends.flat()
  }
}

async function start(t: TestContext, section: object = {}) {
  const config = factory.config.schema.parse(section) as KafkaConfig
  const producer = new FakeProducer()
  const context = { ...fakeServices(), id: 'kafka', config }
  const signals: Signal[] = ['traces', 'metrics', 'logs']
  const sender = new KafkaSender({ ...context, signals }, async () => ({
    producer: options => {
      producer.options = options
      return producer
    },
    consumer: () => assert.fail('no consumer'),
  }))
  t.after(() => sender.stop())
  await sender.start(fakeHost())
  const send = (batch: Batch): Promise<SendResult> => {
    const { chunks, byteLength } = encodeParts(batch.parts)
    const encoded = { signal: batch.signal, items: batch.items, chunks, byteLength, batch }
    return sender.send(encoded, new AbortSource())
  }
  return { producer, send }
}

interface BatchOptions {
  readonly items?: number
  readonly tenant?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly selection?: (length: number) => Selection
}

function batchOf(signal: Signal, options: BatchOptions = {}): Batch {
  return batchOfBytes(signal, corpusRequest(signal, { items: options.items ?? 100 }), options)
}

function batchOfBytes(signal: Signal, bytes: Uint8Array, options: BatchOptions = {}): Batch {
  const { tenant = DEFAULT_TENANT, metadata, selection } = options
  const index = indexRequest(signal, bytes)
  assert.ok(!isWireFault(index))
  const selected = selection?.(index.items) ?? null
  const context: RequestContext =
    metadata === undefined
      ? NO_CONTEXT
      : { metadata: new Map(Object.entries(metadata).map(([k, v]) => [k, [v]])), peer: '' }
  const part = {
    payload: new Payload(bytes),
    index,
    selection: selected,
    edits: null,
    items: selected?.count ?? index.items,
  }
  return new Batch(signal, tenant, context, [part])
}

/** Items of records that hold requests. */
function itemsIn(signal: Signal, values: readonly Uint8Array[]): number {
  return values.reduce((sum, value) => {
    const index = indexRequest(signal, value)
    assert.ok(!isWireFault(index))
    return sum + index.items
  }, 0)
}

test('a request is one record, byte for byte, in the topic of its signal', async t => {
  const { producer, send } = await start(t)

  for (const [signal, topic] of [
    ['traces', 'otlp_spans'],
    ['metrics', 'otlp_metrics'],
    ['logs', 'otlp_logs'],
  ] as const) {
    const batch = batchOf(signal)
    assert.deepEqual(await send(batch), { kind: 'sent' })
    const record = producer.records.at(-1)!
    assert.deepEqual(record.value, Buffer.from(batch.parts[0].payload.bytes))
    assert.deepEqual([record.topic, record.key, record.headers], [topic, null, {}])
  }
})

test('hands the producer what the configuration says', async t => {
  const { producer } = await start(t, {
    brokers: ['a:1', '[::1]:2'],
    timeout: '7s',
    producer: {
      required_acks: 'all',
      compression: 'lz4',
      max_message_bytes: 5000,
      linger: '3ms',
      flush_max_messages: 7,
      allow_auto_topic_creation: false,
    },
    metadata: { refresh_interval: '1m', retry: { max: 9, backoff: '2s' } },
  })

  const { options } = producer
  assert.deepEqual(options?.brokers, ['a:1', '[::1]:2'])
  assert.deepEqual(
    [options?.acks, options?.idempotent, options?.compression, options?.lingerMs],
    [-1, true, 'lz4', 3],
  )
  assert.deepEqual(
    [options?.maxBatchBytes, options?.maxBatchRecords, options?.allowAutoTopicCreation],
    [5000, 7, false],
  )
  assert.deepEqual(
    [options?.metadataMaxAgeMs, options?.metadataRetries, options?.metadataBackoffMs],
    [60_000, 9, 2000],
  )
  assert.equal(options?.requestTimeoutMs, 7000)
})

for (const encoding of ['otlp_proto', 'otlp_json', 'zipkin_json', 'zipkin_proto']) {
  test(`${encoding} is cut at item borders until every record fits`, async t => {
    const limit = 20_000
    const { producer, send } = await start(t, {
      traces: { encoding },
      producer: { max_message_bytes: limit },
    })

    assert.deepEqual(await send(batchOf('traces', { items: 500 })), { kind: 'sent' })

    const read = readerOf(encoding, 'traces')!
    const values = producer.records.map(({ value }) => {
      assert.ok(value.length < limit, String(value.length))
      const request = read(value, 0)
      assert.ok(request instanceof Uint8Array)
      return request
    })
    assert.ok(values.length > 1)
    assert.equal(itemsIn('traces', values), 500)
  })
}

for (const encoding of ['jaeger_proto', 'jaeger_json']) {
  test(`${encoding} is a record for each span, by its trace id`, async t => {
    const { producer, send } = await start(t, {
      traces: { encoding },
      partition_traces_by_id: true,
    })

    assert.deepEqual(await send(batchOf('traces', { items: 40 })), { kind: 'sent' })

    assert.equal(producer.records.length, 40)
    assert.ok(producer.records.every(({ key }) => /^[0-9a-f]{32}$/.test(key ?? '')))
    const read = readerOf(encoding, 'traces')!
    const requests = producer.records.map(({ value }) => read(value, 0) as Uint8Array)
    assert.equal(itemsIn('traces', requests), 40)
  })
}

test('items that were filtered out are not sent', async t => {
  const { producer, send } = await start(t)

  await send(batchOf('traces', { selection: length => Selection.range(length, 10, 15) }))

  assert.equal(itemsIn('traces', [producer.records[0].value]), 5)
})

test('each trace is a record of its own where it is the key', async t => {
  const { producer, send } = await start(t, { partition_traces_by_id: true })

  assert.deepEqual(await send(batchOf('traces', { items: 300 })), { kind: 'sent' })

  const keys = producer.records.map(({ key }) => key)
  assert.ok(keys.length > 1)
  assert.equal(new Set(keys).size, keys.length)
  assert.ok(keys.every(key => /^[0-9a-f]{32}$/.test(key ?? '')))
  assert.equal(
    itemsIn(
      'traces',
      producer.records.map(({ value }) => value),
    ),
    300,
  )
})

for (const signal of ['metrics', 'logs'] as const) {
  test(`each resource of ${signal} is a record of its own where it is the key`, async t => {
    const { producer, send } = await start(t, {
      [`partition_${signal}_by_resource_attributes`]: true,
    })

    assert.deepEqual(await send(batchOf(signal, { items: 300 })), { kind: 'sent' })
    await send(batchOf(signal, { items: 300 }))

    const [first, second] = producer.sends.map(records => records.map(({ key }) => key))
    assert.ok(first.every(key => key?.length === 16))
    assert.equal(new Set(first).size, first.length)
    assert.deepEqual(second, first)
    assert.equal(
      itemsIn(
        signal,
        producer.sends[0].map(({ value }) => value),
      ),
      300,
    )
  })
}

test('logs are parted by trace id, those without one together', async t => {
  const { producer, send } = await start(t, { partition_logs_by_trace_id: true })

  assert.deepEqual(await send(batchOf('logs', { items: 200 })), { kind: 'sent' })

  const keys = producer.records.map(({ key }) => key)
  assert.equal(new Set(keys).size, keys.length)
  assert.equal(
    itemsIn(
      'logs',
      producer.records.map(({ value }) => value),
    ),
    200,
  )
})

test('raw logs are the bodies alone', async t => {
  const { producer, send } = await start(t, { logs: { encoding: 'raw' } })

  const result = await send(batchOf('logs', { items: 20 }))

  assert.equal(result.kind, 'sent')
  assert.equal(producer.records.length, 20)
  assert.ok(producer.records.every(({ value }) => value.length > 0))
})

test('the topic comes from an attribute of the resource, resource by resource', async t => {
  const { producer, send } = await start(t, {
    topic_from_attribute: 'service.name',
    traces: { topic: 'others' },
  })

  assert.deepEqual(await send(batchOf('traces', { items: 300 })), { kind: 'sent' })

  const topics = producer.records.map(({ topic }) => topic)
  assert.equal(new Set(topics).size, topics.length)
  assert.ok(!topics.includes('otlp_spans'))
  assert.equal(
    itemsIn(
      'traces',
      producer.records.map(({ value }) => value),
    ),
    300,
  )
})

test('a topic that looks like another with its key is kept apart from that one', async t => {
  const { producer, send } = await start(t, {
    topic_from_attribute: 'topic',
    partition_logs_by_trace_id: true,
  })
  const id = '0102030405060708090a0b0c0d0e0f10'
  const resource = (topic: string, traceId: string) => ({
    resource: { attributes: [{ key: 'topic', value: { stringValue: topic } }] },
    scopeLogs: [{ logRecords: [{ traceId: Buffer.from(traceId, 'hex') }] }],
  })
  const bytes = encode(REQUEST_MESSAGE.logs, {
    resourceLogs: [resource(`mine ${id}`, ''), resource('mine', id)],
  })

  const result = await send(batchOfBytes('logs', bytes))

  assert.equal(result.kind === 'sent' && result.rejected, 1)
  assert.deepEqual(
    producer.records.map(({ topic, key }) => [topic, key]),
    [['mine', id]],
  )
})

test('metadata names topic and key, before the attribute', async t => {
  const { producer, send } = await start(t, {
    topic_from_attribute: 'service.name',
    traces: { topic_from_metadata_key: 'X-Topic', message_key_from_metadata_key: 'X-Key' },
  })

  await send(batchOf('traces', { metadata: { 'x-topic': 'mine', 'x-key': 'k' } }))

  assert.deepEqual(
    producer.records.map(({ topic, key }) => [topic, key]),
    [['mine', 'k']],
  )
})

test('a name that is no topic is refused and counted, without asking a broker', async t => {
  const { producer, send } = await start(t, {
    traces: { topic_from_metadata_key: 'x-topic' },
  })

  const result = await send(batchOf('traces', { metadata: { 'x-topic': '../etc' } }))

  assert.equal(result.kind, 'drop')
  assert.equal((result as { reason: string }).reason, 'bad_topic')
  assert.deepEqual(producer.records, [])
})

test('the tenant is named in a header, except the default one', async t => {
  const { producer, send } = await start(t, { include_metadata_keys: ['x-a', 'x-b'] })

  await send(batchOf('traces', { tenant: 'shop', metadata: { 'x-a': '1' } }))
  await send(batchOf('traces'))

  assert.deepEqual(
    producer.records.map(({ headers }) => headers),
    [{ 'x-a': '1', 'millrace-tenant': 'shop' }, {}],
  )
})

test('a further attempt sends only what was not taken', async t => {
  const { producer, send } = await start(t, { partition_traces_by_id: true })
  const batch = batchOf('traces', { items: 100 })
  const refusedOnce = new Set<string>()
  producer.answer = ({ key }, n) => {
    if (n > 1 || refusedOnce.size >= 2) return null
    refusedOnce.add(key!)
    return failureOfCode(6, 't')
  }

  const first = await send(batch)
  const second = await send(batch)

  assert.equal(first.kind, 'retry')
  assert.deepEqual(second, { kind: 'sent' })
  assert.deepEqual(new Set(producer.sends[1].map(({ key }) => key)), refusedOnce)
})

test('what was taken after the attempt had ended is not sent again', async t => {
  const { producer, send } = await start(t, { partition_traces_by_id: true })
  const batch = batchOf('traces', { items: 100 })
  producer.answer = (_, n) => (n === 1 ? retryLater('no answer in time') : null)

  await send(batch)
  const [taken] = producer.sends[0]
  producer.late?.(0)
  await send(batch)

  assert.equal(producer.sends[1].length, producer.sends[0].length - 1)
  assert.ok(!producer.sends[1].some(({ key }) => key === taken.key))
})

test('a batch whose success is told when nobody waits for it any more is not sent again', async t => {
  const { producer, send } = await start(t, { partition_traces_by_id: true })
  const batch = batchOf('traces', { items: 10 })

  await send(batch)
  const again = await send(batch)

  assert.deepEqual(again, { kind: 'sent' })
  assert.equal(producer.sends.length, 1)
})

test('bytes that may still be read are not used again', async t => {
  const { producer, send } = await start(t)
  const [answered, open] = [batchOf('traces'), batchOf('traces')]

  producer.answer = () => failureOfCode(6, 't')
  await send(answered)
  producer.answer = () => retryLater('connection lost')
  await send(open)

  assert.equal(answered.isTainted, false)
  assert.equal(open.isTainted, true)
})

test('one record whose bytes may still be read is enough for that', async t => {
  const { producer, send } = await start(t, { partition_traces_by_id: true })
  const batch = batchOf('traces')
  let records = 0
  producer.answer = () => (++records === 3 ? retryLater('lost') : failureOfCode(6, 't'))

  await send(batch)

  assert.equal(batch.isTainted, true)
})

test('a record that the broker finds too large is halved, and later ones are cut beforehand', async t => {
  const { producer, send } = await start(t)
  const limit = 100_000
  producer.answer = ({ value }) => (value.length > limit ? TOO_LARGE : null)

  assert.deepEqual(await send(batchOf('traces', { items: 1000 })), { kind: 'sent' })
  const taken = producer.records.filter(({ value }) => value.length <= limit)
  assert.equal(
    itemsIn(
      'traces',
      taken.map(({ value }) => value),
    ),
    1000,
  )
  producer.sends.length = 0
  await send(batchOf('traces', { items: 1000 }))

  assert.equal(producer.sends.length, 1)
})

test('what has no room beside its headers is refused and counted', async t => {
  // Somewhere here is the length that leaves nothing at all.
  for (let length = 900; length <= 1000; length++) {
    const { producer, send } = await start(t, {
      producer: { max_message_bytes: 1024 },
      record_headers: [{ name: 'h', value: 'x'.repeat(length) }],
    })

    const result = await send(batchOf('traces', { items: 3 }))

    assert.equal(result.kind === 'drop' && result.reason, 'item_too_large')
    assert.deepEqual(producer.records, [])
  }
})

test('a single item that is too large is refused and counted, the others go', async t => {
  const { send } = await start(t, {
    producer: { max_message_bytes: 1024 },
    traces: { encoding: 'otlp_json' },
  })

  const result = await send(batchOf('traces', { items: 50 }))

  assert.ok(result.kind === 'drop' || (result.kind === 'sent' && (result.rejected ?? 0) > 0))
})

test('records that are refused for good are counted while the others are delivered', async t => {
  const { producer, send } = await start(t, { partition_traces_by_id: true })
  const batch = batchOf('traces', { items: 100 })
  let first: string | undefined
  producer.answer = ({ key }) => {
    first ??= key!
    return key === first ? failureOfCode(29, 't') : null
  }

  const result = await send(batch)

  assert.equal(result.kind, 'sent')
  const refused = producer.records.filter(({ key }) => key === first)
  const items = itemsIn(
    'traces',
    refused.map(({ value }) => value),
  )
  assert.equal((result as { rejected?: number }).rejected, items)
})

test('a batch that is refused whole is dropped with the reason', async t => {
  const { producer, send } = await start(t)
  producer.answer = () => failureOfCode(29, 'otlp_spans')

  const result = await send(batchOf('traces'))

  assert.deepEqual(result, {
    kind: 'drop',
    reason: 'permission_denied',
    message: 'otlp_spans: TOPIC_AUTHORIZATION_FAILED',
  })
})
