/** Queue, retries, splits, time-outs and shutdown around a scripted sender. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeParts } from '../../../src/otlp/encode.ts'
import { assertBalanced, fakeHost, settle } from '../../../src/testing/fakes.ts'
import { droppedItems, SENT, sentItems, startSending } from './kit.ts'

const RETRY = { kind: 'retry', message: 'not now' } as const
const TOO_LARGE = { kind: 'drop', reason: 'too_large', message: 'message too large' } as const

test('sends what it accepts, books it and lets the bytes go', async () => {
  const kit = startSending()
  const { batch, freed } = kit.batch(7)

  const outcome = kit.exporter.consume(batch)
  await settle()

  assert.deepEqual(outcome, { kind: 'accepted' })
  assert.equal(sentItems(kit), 7)
  assert.ok(freed())
  assert.equal(kit.services.meter.total('otelcol_exporter_sent_spans'), 7)
  assertBalanced(kit.services.ledger)
})

test('keeps at most num_consumers requests in flight', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 2 } })
  kit.sender.reply = null
  for (let i = 0; i < 5; i++) kit.feed()

  assert.equal(kit.sender.open.length, 2)
  assert.equal(kit.services.meter.total('otelcol_exporter_in_flight_requests'), 2)
  kit.sender.open[0].answer(SENT)
  await settle()

  assert.equal(kit.sender.open.length, 3)
  assertBalanced(kit.services.ledger, 20)
})

test('answers busy with a delay when the queue is full, and counts it', () => {
  const kit = startSending({ sending_queue: { queue_size: 2 } })
  kit.sender.reply = null
  kit.feed()
  kit.feed()
  const third = kit.batch(3)

  const outcome = kit.exporter.consume(third.batch)

  assert.deepEqual(outcome, { kind: 'busy', retryAfterMs: 1000, cause: 'overloaded' })
  assert.equal(third.freed(), false)
  assert.equal(kit.services.meter.total('otelcol_exporter_enqueue_failed_spans'), 3)
  assert.equal(kit.services.meter.total('otelcol_exporter_queue_size'), 2)
})

test('computes the delay from how fast the queue drains', async () => {
  const kit = startSending({ sending_queue: { queue_size: 100, num_consumers: 100 } })
  kit.sender.reply = null
  for (let i = 0; i < 100; i++) kit.feed(1)
  for (let i = 0; i < 50; i++) {
    await kit.services.clock.advance(100)
    kit.sender.open[i].answer(SENT)
    await settle()
    kit.feed(1)
  }

  const outcome = kit.exporter.consume(kit.batch(1).batch)

  assert.equal(outcome instanceof Promise ? '' : outcome.kind, 'busy')
  const { retryAfterMs } = outcome as { retryAfterMs: number }
  // One request per 100 ms, and a tenth of the queue is ten of them.
  assert.ok(Math.abs(retryAfterMs - 1000) <= 100, `${retryAfterMs}`)
})

for (const [sizer, queue_size, fits] of [
  ['items', 12, 2],
  ['bytes', 2500, 1],
] as const) {
  test(`bounds the queue in ${sizer}`, () => {
    const kit = startSending({ sending_queue: { sizer, queue_size } })
    kit.sender.reply = null
    const outcomes = Array.from({ length: 4 }, () => kit.exporter.consume(kit.batch(6).batch))

    const kinds = outcomes.map(o => (o as { kind: string }).kind)
    const accepted = kinds.filter(kind => kind === 'accepted').length
    if (sizer === 'items') assert.equal(accepted, fits)
    else assert.ok(accepted >= fits && accepted < 4)
    assert.equal(kinds[3], 'busy')
  })
}

test('refuses a request that could never fit the queue', () => {
  const kit = startSending({ sending_queue: { sizer: 'items', queue_size: 4 } })

  const outcome = kit.exporter.consume(kit.batch(5).batch) as { kind: string; why: string }

  assert.equal(outcome.kind, 'refused')
  assert.equal(outcome.why, 'too_large')
})

test('lets senders wait in turn with block_on_overflow', async () => {
  const kit = startSending({ sending_queue: { queue_size: 1, block_on_overflow: true } })
  kit.sender.reply = null
  kit.feed()
  const waiting = [kit.batch(2), kit.batch(3)].map(b => kit.exporter.consume(b.batch))
  await settle()
  assert.equal(kit.sender.attempts.length, 1)

  kit.sender.open[0].answer(SENT)
  assert.deepEqual(await waiting[0], { kind: 'accepted' })
  await settle()
  kit.sender.open[1].answer(SENT)
  assert.deepEqual(await waiting[1], { kind: 'accepted' })

  assert.deepEqual(kit.sender.sizes, [5, 2, 3])
})

test('tells waiting senders to come back when it stops', async () => {
  const kit = startSending({ sending_queue: { queue_size: 1, block_on_overflow: true } })
  kit.feed()
  const waiting = kit.exporter.consume(kit.batch().batch)

  await kit.stop()

  const outcome = (await waiting) as { kind: string; cause: string }
  assert.equal(outcome.kind, 'busy')
  assert.equal(outcome.cause, 'unavailable')
})

test('retries with growing waits until it succeeds, without occupying a consumer', async () => {
  const kit = startSending({ sending_queue: { num_consumers: 1 } })
  const { clock } = kit.services
  const at: number[] = []
  kit.sender.reply = encoded => {
    if (encoded.items !== 5) return SENT
    at.push(clock.monotonic())
    return at.length < 4 ? RETRY : SENT
  }
  kit.feed(5)
  await settle()
  kit.feed(3)
  await settle()
  assert.equal(sentItems(kit), 3)

  await clock.advance(60_000)

  assert.deepEqual(at, [0, 5000, 12_500, 23_750])
  assert.equal(sentItems(kit), 8)
  assertBalanced(kit.services.ledger)
})

test('spreads the waits at random within the configured factor', async () => {
  for (const [random, expected] of [
    [0, 2500],
    [1, 7500],
  ]) {
    const kit = startSending({}, { random: () => random })
    const at: number[] = []
    kit.sender.reply = () => {
      at.push(kit.services.clock.monotonic())
      return at.length < 2 ? RETRY : SENT
    }
    kit.feed()
    await settle()
    await kit.services.clock.advance(10_000)

    assert.equal(at[1], expected)
  }
})

test('never comes back earlier than the destination asked, and goes on growing from there', async () => {
  const kit = startSending({ retry_on_failure: { max_elapsed_time: '0s' } }, { random: () => 0 })
  const at: number[] = []
  kit.sender.reply = () => {
    at.push(kit.services.clock.monotonic())
    return { kind: 'retry', afterMs: 20_000, message: 'throttled' }
  }
  kit.feed()
  await settle()
  await kit.services.clock.advance(70_000)

  const gaps = at.slice(1).map((t, i) => t - at[i])
  assert.ok(
    gaps.every(gap => gap >= 20_000),
    `${gaps}`,
  )
})

test('holds back fresh requests while the destination asks for less', async () => {
  const kit = startSending({}, { random: () => 0.5 })
  kit.sender.reply = () =>
    kit.sender.attempts.length === 1 ? { kind: 'retry', afterMs: 8000, message: 'throttled' } : SENT
  kit.feed()
  await settle()
  kit.feed()
  await kit.services.clock.advance(7900)
  assert.equal(kit.sender.attempts.length, 1)

  await kit.services.clock.advance(200)

  assert.equal(kit.sender.attempts.length, 3)
})

test('gives up after max_elapsed_time and says so in ledger and metrics', async () => {
  const kit = startSending({
    retry_on_failure: { initial_interval: '1s', max_interval: '2s', max_elapsed_time: '10s' },
  })
  kit.sender.reply = () => RETRY
  const { freed } = kit.feed(4)
  await settle()

  await kit.services.clock.advance(11_000)

  assert.equal(droppedItems(kit, 'retries_exhausted'), 4)
  assert.equal(kit.services.meter.total('otelcol_exporter_send_failed_spans'), 4)
  assert.ok(freed())
  assertBalanced(kit.services.ledger)
})

test('parked requests count toward the bound of the queue', async () => {
  const kit = startSending({ sending_queue: { queue_size: 1 } })
  kit.sender.reply = () => RETRY
  kit.feed()
  await settle()

  const outcome = kit.exporter.consume(kit.batch().batch)

  assert.equal((outcome as { kind: string }).kind, 'busy')
})

test('drops at once what the destination refuses for good, and without retries what fails', async () => {
  const kit = startSending({ retry_on_failure: { enabled: false } })
  kit.sender.reply = ({ items }) =>
    items === 1 ? { kind: 'drop', reason: 'bad_data', message: 'no' } : RETRY
  kit.feed(1)
  kit.feed(2)
  await settle()

  assert.equal(droppedItems(kit, 'bad_data'), 1)
  assert.equal(droppedItems(kit, 'send_failed'), 2)
  assertBalanced(kit.services.ledger)
})

test('counts what a destination rejected in a partial success, and never sends it again', async () => {
  const kit = startSending()
  kit.sender.reply = () => ({ kind: 'sent', rejected: 2, message: 'two are bad' })
  kit.feed(5)
  await kit.services.clock.advance(600_000)

  assert.equal(sentItems(kit), 3)
  assert.equal(droppedItems(kit, 'rejected_by_destination'), 2)
  assert.equal(kit.sender.attempts.length, 1)
  assertBalanced(kit.services.ledger)
})

test('a destination that claims more rejected than sent cannot unbalance the ledger', async () => {
  const kit = startSending()
  kit.sender.reply = () => ({ kind: 'sent', rejected: 1e9 })
  kit.feed(5)
  await settle()

  assert.equal(droppedItems(kit, 'rejected_by_destination'), 5)
  assertBalanced(kit.services.ledger)
})

test('aborts an attempt at its timeout and tries again', async () => {
  const kit = startSending({ timeout: '3s' })
  kit.sender.reply = null
  kit.feed()
  const [attempt] = kit.sender.open
  await kit.services.clock.advance(2999)
  assert.equal(attempt.abort.aborted, false)

  await kit.services.clock.advance(1)
  assert.equal(attempt.abort.aborted, true)
  attempt.answer(RETRY)
  await settle()
  await kit.services.clock.advance(5000)

  assert.equal(kit.sender.open.length, 2)
})

test('does not wait for a sender that ignores its abort', async () => {
  const kit = startSending({ timeout: '3s' })
  kit.sender.reply = null
  kit.feed()
  await kit.services.clock.advance(10_000)

  assert.equal(kit.sender.open.length, 2)
  kit.sender.open[0].answer(SENT)
  kit.sender.open[1].answer(SENT)
  await settle()
  assert.equal(sentItems(kit), 5)
  assertBalanced(kit.services.ledger)
})

test('a sender that throws loses its batch with a reason, not the process', async () => {
  const kit = startSending()
  kit.sender.reply = () => {
    throw new Error('broken')
  }
  kit.feed(5)
  await settle()

  assert.equal(droppedItems(kit, 'internal_error'), 5)
  assertBalanced(kit.services.ledger)
})

test('cuts what is too large for the destination in halves until it fits', async () => {
  const kit = startSending()
  kit.sender.reply = ({ items }) => (items > 3 ? TOO_LARGE : SENT)
  const { freed } = kit.feed(10)
  await settle()

  assert.equal(sentItems(kit), 10)
  assert.deepEqual(kit.sender.sizes, [10, 5, 5, 3, 2, 3, 2])
  assert.ok(freed())
  assertBalanced(kit.services.ledger)
})

test('learns the limit of a destination and splits later requests beforehand', async () => {
  const kit = startSending()
  kit.sender.reply = ({ byteLength }) => (byteLength > 100_000 ? TOO_LARGE : SENT)
  kit.feed(2000)
  await settle()
  const inVain = kit.sender.attempts.filter(({ byteLength }) => byteLength > 100_000).length
  for (let i = 0; i < 3; i++) kit.feed(2000)
  await settle()

  const all = kit.sender.attempts.filter(({ byteLength }) => byteLength > 100_000).length
  assert.ok(inVain > 0 && all - inVain <= 1, `${inVain} ${all}`)
  assert.equal(sentItems(kit), 8000)
  assertBalanced(kit.services.ledger)
})

test('drops a single item that is too large and sends the others', async () => {
  const kit = startSending()
  const poisoned = Buffer.from('/items/6')
  kit.sender.reply = ({ chunks }) =>
    Buffer.concat([...chunks]).includes(poisoned) ? TOO_LARGE : SENT
  kit.feed(10)
  await settle()

  assert.equal(sentItems(kit), 9)
  assert.equal(droppedItems(kit, 'item_too_large'), 1)
  assertBalanced(kit.services.ledger)
})

test('splits to max_request_bytes before sending', async () => {
  const kit = startSending({ max_request_bytes: 400 })
  kit.feed(20)
  await settle()

  assert.equal(sentItems(kit), 20)
  assert.ok(kit.sender.attempts.length > 3)
  for (const { byteLength } of kit.sender.attempts) assert.ok(byteLength <= 400)
  assertBalanced(kit.services.ledger)
})

test('drops single items over max_request_bytes with a reason', async () => {
  const kit = startSending({ max_request_bytes: 40 })
  kit.feed(3)
  await settle()

  assert.equal(kit.sender.attempts.length, 0)
  assert.equal(droppedItems(kit, 'item_too_large'), 3)
  assertBalanced(kit.services.ledger)
})

test('without a queue the sender of the data waits for delivery', async () => {
  const kit = startSending({ sending_queue: { enabled: false } })
  kit.sender.reply = null
  const { batch, freed } = kit.batch(5)
  const outcome = kit.exporter.consume(batch)
  assert.equal(kit.sender.open.length, 1)

  kit.sender.open[0].answer({ kind: 'sent', rejected: 1 })

  assert.deepEqual(await outcome, { kind: 'accepted' })
  assert.equal(sentItems(kit), 4)
  assert.ok(freed())
  assertBalanced(kit.services.ledger)
})

test('without a queue a refusal and a failure go back to the sender, who keeps the batch', async () => {
  const kit = startSending({
    sending_queue: { enabled: false },
    retry_on_failure: { enabled: false },
  })
  const refused = kit.batch(5)
  kit.sender.reply = () => ({ kind: 'drop', reason: 'bad_data', message: 'broken data' })
  const first = await kit.exporter.consume(refused.batch)
  kit.sender.reply = () => RETRY
  const failed = kit.batch(5)
  const second = await kit.exporter.consume(failed.batch)

  assert.deepEqual(first, { kind: 'refused', items: 5, why: 'bad_data', message: 'broken data' })
  assert.deepEqual(second, { kind: 'busy', retryAfterMs: 1000, cause: 'unavailable' })
  assert.equal(refused.freed() || failed.freed(), false)
  refused.batch.release()
  failed.batch.release()
  assert.ok(refused.freed() && failed.freed())
})

test('without a queue a part that is refused is told as such, and the rest is booked', async () => {
  const kit = startSending({ sending_queue: { enabled: false } })
  const poisoned = Buffer.from('/items/2')
  kit.sender.reply = ({ chunks }) =>
    Buffer.concat([...chunks]).includes(poisoned) ? TOO_LARGE : SENT
  const { batch, freed } = kit.batch(4)

  const outcome = await kit.exporter.consume(batch)

  assert.equal(outcome.kind === 'refused' ? outcome.items : 0, 1)
  assert.equal(sentItems(kit), 3)
  assert.ok(freed())
  kit.services.ledger.unaccepted('default', 'traces', 1, 'too_large')
  assertBalanced(kit.services.ledger)
})

test('signals do not take each other’s room', () => {
  const kit = startSending({ sending_queue: { queue_size: 1 } })
  kit.sender.reply = null
  kit.feed(1, 'traces')

  const full = kit.exporter.consume(kit.batch(1, 'traces').batch)
  const other = kit.exporter.consume(kit.batch(1, 'logs').batch)

  assert.equal((full as { kind: string }).kind, 'busy')
  assert.deepEqual(other, { kind: 'accepted' })
})

test('sends the very bytes that it was given', async () => {
  const kit = startSending()
  const { batch } = kit.batch(3)
  const [{ payload }] = batch.parts
  void kit.exporter.consume(batch)
  await settle()

  assert.equal(kit.sender.attempts[0].chunks[0], payload.bytes)
  assert.equal(encodeParts(batch.parts).byteLength, kit.sender.attempts[0].byteLength)
})

test('asks the breaker before each attempt and waits while it is open', async () => {
  let isOpen = true
  const seen: string[] = []
  const breaker = {
    allow: () => !isOpen,
    success: () => seen.push('success'),
    failure: () => seen.push('failure'),
  }
  const kit = startSending({}, { breaker })
  kit.feed()
  await kit.services.clock.advance(5000)
  assert.equal(kit.sender.attempts.length, 0)

  isOpen = false
  await kit.services.clock.advance(500)

  assert.deepEqual(seen, ['success'])
  assert.equal(sentItems(kit), 5)
})

test('tells the health page when the destination fails, and when it is well again', async () => {
  const kit = startSending()
  const told: unknown[] = []
  const host = { ...fakeHost(), reportStatus: (...status: unknown[]) => void told.push(status) }
  await kit.exporter.start(host)
  kit.sender.reply = () => (kit.sender.attempts.length < 3 ? RETRY : SENT)
  kit.feed()
  kit.feed()
  await kit.services.clock.advance(20_000)

  assert.deepEqual(told, [
    ['scripted', 'recoverable_error', 'not now'],
    ['scripted', 'ok'],
  ])
})

test('waits a little even where the configuration says 0', async () => {
  const kit = startSending({ retry_on_failure: { initial_interval: '0s', multiplier: 0 } })
  kit.sender.reply = () => RETRY
  kit.feed()
  await settle()
  await kit.services.clock.advance(100)

  assert.equal(kit.sender.attempts.length, 11)
})
