/** What happens to what an exporter still holds when it is stopped. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertBalanced, fakeHost, settle } from '../../../src/testing/fakes.ts'
import { droppedItems, SENT, sentItems, startSending } from './kit.ts'

const RETRY = { kind: 'retry', message: 'not now' } as const

test('delivers everything that is queued, in flight or being batched before it stops', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 1, batch: { min_size: 8 } } })
  await kit.exporter.start(fakeHost())
  kit.sender.reply = null
  for (let i = 0; i < 5; i++) kit.feed(5)
  const stopped = kit.stop()
  for (let i = 0; i < 3; i++) {
    kit.sender.open[i].answer(SENT)
    await settle()
  }
  await stopped

  assert.equal(sentItems(kit), 25)
  assert.equal(kit.sender.stopped, true)
  assertBalanced(kit.services.ledger)
})

test('tries parked requests again at once, then every second', async () => {
  const kit = startSending()
  kit.sender.reply = () => (kit.sender.attempts.length < 4 ? RETRY : SENT)
  kit.feed()
  await settle()

  const stopped = kit.stop()
  await kit.services.clock.advance(2500)
  await stopped

  assert.equal(sentItems(kit), 5)
  assertBalanced(kit.services.ledger)
})

test('obeys Retry-After of parked requests even while stopping', async () => {
  const kit = startSending()
  kit.sender.reply = () => ({ kind: 'retry', afterMs: 20_000, message: 'throttled' })
  kit.feed()
  await settle()
  const deadline = new AbortController()
  const stopped = kit.exporter.stop(deadline.signal)
  await kit.services.clock.advance(19_000)
  assert.equal(kit.sender.attempts.length, 1)

  deadline.abort()
  await stopped

  assert.equal(droppedItems(kit, 'shutdown'), 5)
})

test('drops what is left at the deadline through the ledger, aborts what is in flight, and says how much', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 1, batch: { min_size: 100 } } })
  const said: object[] = []
  kit.services.log.error = (event, fields) => said.push({ event, ...fields })
  kit.sender.reply = null
  const inFlight = kit.feed(100)
  kit.feed(100)
  kit.feed(3)
  const deadline = new AbortController()
  const stopped = kit.exporter.stop(deadline.signal)
  await settle()

  deadline.abort()
  await stopped

  assert.equal(kit.sender.open[0].abort.aborted, true)
  assert.equal(droppedItems(kit, 'shutdown'), 203)
  assert.ok(inFlight.freed())
  assert.deepEqual(said, [
    { event: 'items_lost_at_shutdown', exporter: 'scripted', signal: 'traces', items: 203 },
  ])
  kit.sender.open[0].answer(SENT)
  await settle()
  assertBalanced(kit.services.ledger)
})

test('is safe to stop twice, before start, and after the deadline', async () => {
  const kit = startSending()
  kit.feed()

  await Promise.all([kit.stop(true), kit.stop()])

  assertBalanced(kit.services.ledger)
})

test('takes nothing any more once it stops', async () => {
  const kit = startSending()
  await kit.stop()

  const outcome = kit.exporter.consume(kit.batch().batch)

  assert.deepEqual(outcome, { kind: 'busy', retryAfterMs: 1000, cause: 'unavailable' })
})

test('tells those who wait for the result when the deadline comes', async () => {
  const kit = startSending({ sending_queue: { enabled: false } })
  kit.sender.reply = null
  const { batch, freed } = kit.batch()
  const waiting = kit.exporter.consume(batch)

  await kit.stop(true)

  assert.equal((await waiting).kind, 'busy')
  assert.equal(freed(), false)
})
