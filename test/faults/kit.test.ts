/** The kit is right about what it says: proven on a queue in memory, where losses are known. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { REQUEST_MESSAGE } from '../../src/otlp/schema.ts'
import { itemsOf } from '../harness/backend.ts'
import { FATE } from '../harness/numbered-load.ts'
import { NumberBook, NumberedRequests, scanNumbers } from '../harness/numbered-spans.ts'
import { decode } from '../otlp/oracle.ts'
import {
  assertExact,
  missing,
  Subject,
  sleep,
  startLoad,
  startSink,
  untilDelivered,
} from './kit.ts'

test('numbers every span, and finds the numbers again in any order of requests', () => {
  const requests = new NumberedRequests(7)
  const bytes = Buffer.concat([requests.body(300, 7), requests.body(2, 4_000_000)])
  const found: [number, number][] = []

  const spans = scanNumbers(bytes, (stream, number) => found.push([stream, number]))

  assert.equal(spans, 14)
  assert.deepEqual(found[0], [300, 7])
  assert.deepEqual(found[13], [2, 4_000_006])
  assert.equal(itemsOf('traces', decode(REQUEST_MESSAGE.traces, bytes)).length, 14)
})

test('a book grows to the number, and counts', () => {
  const book = new NumberBook()
  book.add(1, 500_000)
  book.add(1, 500_000)
  book.set(2, 3, FATE.accepted)

  assert.equal(book.get(1, 500_000), 2)
  assert.equal(book.get(1, 499_999), 0)
  assert.equal(
    book.count(1, times => times > 0),
    1,
  )
  assert.deepEqual(book.streams, [1, 2])
})

test('a destination that dies and comes back loses nothing that a queue in memory holds', async t => {
  const sink = await startSink(t)
  const subject = await Subject.start(t, { target: sink.port })
  const load = startLoad(t, { port: subject.port, stream: 1, spans: 20, rate: 4000 })
  await sleep(300)
  await sink.die()
  await sleep(500)
  await sink.revive()
  await sleep(300)
  await load.stop()

  await untilDelivered(load.fates, sink, [1], 10_000)
  const stopped = await subject.stop()

  assert.equal(stopped.code, 0, stopped.output)
  assertExact(stopped)
  assert.ok(load.counts.accepted > 0)
  assert.equal(stopped.rows[0].sent, load.counts.accepted)
})

test('sees what a killed queue in memory has lost', async t => {
  const sink = await startSink(t)
  sink.feel({ kind: 'hang' })
  const subject = await Subject.start(t, { target: sink.port })
  const load = startLoad(t, { port: subject.port, stream: 1, spans: 20, requests: 30 })
  await load.done

  await subject.kill()

  assert.equal(load.counts.accepted, 600)
  assert.equal(missing(load.fates, sink, 1), 600)
})

test('knows refused from unknown and from partly taken, and each mood of the destination', async t => {
  const sink = await startSink(t)
  sink.poison.set(1, 0, 1)
  sink.feel({ kind: 'busy' }, 2)
  sink.feel({ kind: 'slow', ms: 20 }, 3)
  const subject = await Subject.start(t, {
    target: sink.port,
    exporter: { sending_queue: { enabled: false }, retry_on_failure: { enabled: false } },
  })
  const { port } = subject
  const send = (stream: number) =>
    startLoad(t, { port, stream, spans: 5, requests: 2, inFlight: 1 })
  const loads = [1, 2, 3].map(send)
  await Promise.all(loads.map(load => load.done))
  const nobody = startLoad(t, { port: 9, stream: 4, requests: 1 })
  await nobody.done

  assert.deepEqual(
    loads.map(({ counts }) => [counts.accepted, counts.refused, counts.rejected]),
    [
      [9, 0, 1],
      [0, 10, 0],
      [10, 0, 0],
    ],
  )
  assert.deepEqual([...nobody.counts.byCode], [[-1, 1]])
  assert.equal(sink.distinct(3), 10)
  assert.equal(sink.duplicates(3), 0)
})
