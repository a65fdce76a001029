/** A real broker takes a part of a request and refuses the rest for good: the books and the dead letters part it likewise. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import type { Component, Consumer } from '../../src/core/component.ts'
import type { Factory } from '../../src/core/factory.ts'
import { factory as typed } from '../../src/exporters/kafka/factory.ts'
import { REQUEST_MESSAGE } from '../../src/otlp/schema.ts'
import { fakeHost, fakeServices } from '../../src/testing/fakes.ts'
import { acceptBatch } from '../exporters/batch-of.ts'
import { FakeStorage } from '../exporters/sending/fake-storage.ts'
import { eventually } from '../harness/process.ts'
import { decode, encode } from '../otlp/oracle.ts'
import { kafkaJars, startKafka } from './kafka-peer.ts'
import { lacking } from './peer-cache.ts'

const factory = typed as Factory
const TOPIC = 'small-records'
const TRACES = 30
const LIMIT = 2000
/** Every tenth trace has a span that the topic does not take. */
const isLarge = (trace: number): boolean => trace % 10 === 4
const WITHIN_MS = 30_000

test('the Kafka exporter keeps what a broker refuses of a request', {
  skip: lacking(kafkaJars),
}, async t => {
  const kafka = await startKafka(t)
  await kafka.createTopic(TOPIC, 2, { 'max.message.bytes': `${LIMIT}` })
  const services = { ...fakeServices(), clock: SYSTEM_CLOCK }
  const storage = new FakeStorage()
  const config = factory.config.schema.parse({
    ...{ brokers: kafka.brokers, traces: { topic: TOPIC }, partition_traces_by_id: true },
    sending_queue: { storage: 'disk' },
  })
  const context = { ...services, id: 'kafka', config, signals: ['traces'] as const }
  const exporter = factory.create(context, undefined as never) as Component & Consumer
  await exporter.start(fakeHost(new Map([['disk', storage]])))
  t.after(() => exporter.stop(AbortSignal.abort()))

  const { batch } = acceptBatch(services, 'traces', request())
  assert.equal((await exporter.consume(batch)).kind, 'accepted')
  const isOver = (): boolean => services.ledger.rows().every(({ held }) => held === 0)
  await eventually(isOver, WITHIN_MS, 'everything has ended')

  const large = Array.from({ length: TRACES }, (_, trace) => trace).filter(isLarge)
  const [row] = services.ledger.rows()
  assert.equal(row.sent, TRACES - large.length)
  assert.deepEqual(
    row.dropped.map(({ reason, items }) => [reason, items]),
    [['item_too_large', large.length]],
  )
  assert.equal(await kafka.records(TOPIC), TRACES - large.length)
  const [letter, ...others] = storage.kept
  assert.deepEqual([others.length, letter.reason], [0, 'item_too_large'])
  assert.deepEqual(
    names(Buffer.concat(letter.chunks)),
    large.map(trace => nameOf(trace)),
  )
})

function nameOf(trace: number): string {
  return `${trace} ${'x'.repeat(isLarge(trace) ? LIMIT : 10)}`
}

function request(): Uint8Array {
  const spans = Array.from({ length: TRACES }, (_, trace) => ({
    traceId: Buffer.alloc(16, trace + 1),
    spanId: Buffer.alloc(8, trace + 1),
    name: nameOf(trace),
  }))
  return encode(REQUEST_MESSAGE.traces, { resourceSpans: [{ scopeSpans: [{ spans }] }] })
}

function names(bytes: Uint8Array): string[] {
  const { resourceSpans } = decode(REQUEST_MESSAGE.traces, bytes) as {
    resourceSpans: { scopeSpans: { spans: { name: string }[] }[] }[]
  }
  const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(each => each.spans))
  return spans
    .map(({ name }) => name)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
}
