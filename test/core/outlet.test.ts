/** The line in front of the next stage: order, waiting, refusals, the end. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ACCEPTED, busy, type Outcome, refused } from '../../src/core/outcome.ts'
import { Outlet } from '../../src/core/outlet.ts'
import { makeBatch } from '../../src/testing/builders.ts'
import { CollectingConsumer, fakeServices, settle } from '../../src/testing/fakes.ts'

function start(maxItems = 10) {
  const services = fakeServices()
  const next = new CollectingConsumer()
  let rooms = 0
  const outlet = new Outlet({
    ...{ id: 'x', next, clock: services.clock, ledger: services.ledger, maxItems },
    onRoom: () => rooms++,
  })
  const dropped = () =>
    services.ledger.rows().flatMap(row => row.dropped.map(({ reason, items }) => [reason, items]))
  return { ...services, next, outlet, rooms: () => rooms, dropped }
}

test('hands on at once what is taken at once', () => {
  const { outlet, next } = start()
  outlet.push(makeBatch(3))
  assert.deepEqual([outlet.items, next.items], [0, 3])
})

test('keeps the order while the next stage is busy, and says when there is room', async () => {
  const { outlet, next, clock, rooms } = start(5)
  next.answer = () => busy(5000)
  outlet.push(makeBatch(4))
  assert.equal(outlet.isFull, false)
  outlet.push(makeBatch(2))
  assert.deepEqual([outlet.isFull, outlet.items, outlet.retryAfterMs], [true, 6, 5000])
  next.answer = () => ACCEPTED
  await clock.advance(100)
  assert.deepEqual(
    next.batches.map(batch => batch.items),
    [4, 2],
  )
  assert.deepEqual([outlet.isFull, rooms()], [false, 1])
})

test('one batch is on its way at a time, also when the next stage pushes back in', async () => {
  const { outlet, next } = start()
  const answers: ((outcome: Outcome) => void)[] = []
  next.answer = () => new Promise(resolve => answers.push(resolve))
  outlet.push(makeBatch(1))
  outlet.push(makeBatch(2))
  assert.equal(answers.length, 1)
  answers[0](ACCEPTED)
  await settle()
  assert.equal(answers.length, 2)
  answers[1](ACCEPTED)
  await settle()
  assert.deepEqual([next.items, outlet.items], [3, 0])

  let depth = 0
  next.answer = () => {
    if (depth++ === 0) outlet.push(makeBatch(7))
    return ACCEPTED
  }
  outlet.push(makeBatch(6))
  assert.deepEqual(
    next.batches.slice(2).map(batch => batch.items),
    [6, 7],
  )
})

test('books what is refused, whole or in part', () => {
  const { outlet, next, dropped } = start()
  let freed = 0
  next.answer = () => refused(5, 'rejected', 'no')
  outlet.push(makeBatch(5, { onFree: () => freed++ }))
  assert.deepEqual([dropped(), freed], [[['rejected', 5]], 1])
  next.answer = () => refused(2, 'rejected', 'not these')
  outlet.push(makeBatch(5, { onFree: () => freed++ }))
  assert.deepEqual([dropped(), freed], [[['rejected', 7]], 1])
})

test('is visited for what it holds', () => {
  const { outlet, next } = start()
  next.answer = () => busy(100)
  outlet.push(makeBatch(4))
  outlet.push(makeBatch(2, { tenant: 'b' }))
  const seen: unknown[] = []
  outlet.visit((tenant, signal, items) => seen.push([tenant, signal, items]))
  assert.deepEqual(seen, [
    ['default', 'traces', 4],
    ['b', 'traces', 2],
  ])
})

test('drains until it is empty', async () => {
  const { outlet, next, clock } = start()
  next.answer = () => busy(100)
  outlet.push(makeBatch(4))
  let done = false
  const drained = outlet.drain(new AbortController().signal).then(() => {
    done = true
  })
  await clock.advance(100)
  assert.equal(done, false)
  next.answer = () => ACCEPTED
  await clock.advance(100)
  await drained
  assert.equal(next.items, 4)
  assert.equal(clock.pending, 0)
})

test('drops what is left when the deadline is over, and what comes after', async () => {
  const { outlet, next, clock, dropped } = start()
  next.answer = () => busy(100)
  outlet.push(makeBatch(4))
  const end = new AbortController()
  const drained = outlet.drain(end.signal)
  end.abort()
  await drained
  outlet.push(makeBatch(3))
  assert.deepEqual([outlet.items, dropped()], [0, [['shutdown', 7]]])
  assert.equal(clock.pending, 0)
})
