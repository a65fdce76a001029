/** When a destination is left alone, and how often requests may be repeated. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { section } from '../../../src/config/fields.ts'
import { CircuitBreaker } from '../../../src/exporters/sending/breaker.ts'
import { sendingFields } from '../../../src/exporters/sending/config.ts'
import { RetryBudget } from '../../../src/exporters/sending/retry-budget.ts'
import { assertBalanced, FakeClock, settle } from '../../../src/testing/fakes.ts'
import { SENT, sentItems, startSending } from './kit.ts'

const RETRY = { kind: 'retry', message: 'not now' } as const

function breakerOf(settings: object = {}) {
  const clock = new FakeClock()
  const config = section(sendingFields()).parse({ circuit_breaker: settings })
  return { clock, breaker: new CircuitBreaker(config.circuit_breaker, clock) }
}

function budgetOf(settings: object = {}) {
  const clock = new FakeClock()
  const config = section(sendingFields()).parse({ retry_budget: settings })
  return { clock, budget: new RetryBudget(config.retry_budget, clock) }
}

test('opens after failures in a row, tries once after a while, and closes by a success', async () => {
  const { clock, breaker } = breakerOf({ consecutive_failures: 3, open_interval: '5s' })
  for (let i = 0; i < 2; i++) breaker.failure()
  breaker.success()
  for (let i = 0; i < 2; i++) breaker.failure()
  assert.ok(breaker.allow())
  breaker.failure()
  assert.deepEqual([breaker.state, breaker.allow(), breaker.waitMs()], ['open', false, 5000])

  await clock.advance(5000)
  assert.deepEqual([breaker.allow(), breaker.state, breaker.allow()], [true, 'half_open', false])
  breaker.success()

  assert.deepEqual([breaker.state, breaker.allow()], ['closed', true])
})

test('each failed try doubles the wait up to the longest', async () => {
  const { clock, breaker } = breakerOf({ consecutive_failures: 1 })
  breaker.failure()
  const waits: number[] = []
  for (let i = 0; i < 5; i++) {
    waits.push(breaker.waitMs())
    await clock.advance(waits[i])
    assert.ok(breaker.allow())
    breaker.failure()
  }

  assert.deepEqual(waits, [5000, 10_000, 20_000, 30_000, 30_000])
})

test('opens when most of many attempts fail, also without a row', () => {
  const { breaker } = breakerOf({ failure_ratio: 0.5, min_requests: 10 })
  for (let i = 0; i < 9; i++) {
    if (i % 2 === 0) breaker.failure()
    else breaker.success()
  }
  assert.equal(breaker.state, 'closed')

  breaker.failure()

  assert.equal(breaker.state, 'open')
})

test('old failures are forgotten with their window', async () => {
  const { clock, breaker } = breakerOf({ failure_ratio: 0.5, min_requests: 4, window: '10s' })
  for (let i = 0; i < 10; i++) {
    breaker.failure()
    breaker.success()
    breaker.success()
    await clock.advance(6000)
  }

  assert.equal(breaker.state, 'closed')
})

test('a try whose end is never told does not block for ever', async () => {
  const { clock, breaker } = breakerOf({ consecutive_failures: 1 })
  breaker.failure()
  await clock.advance(5000)
  assert.ok(breaker.allow())
  assert.equal(breaker.allow(), false)

  await clock.advance(60_000)

  assert.ok(breaker.allow())
})

test('repetitions are paid for by fresh requests, by time and by successes', async () => {
  const { clock, budget } = budgetOf({ ratio: 0.5, min_per_second: 1, burst: 4 })
  for (let i = 0; i < 4; i++) budget.spend()
  assert.equal(budget.allows, false)
  assert.equal(budget.waitMs(), 1000)
  budget.fresh()
  assert.equal(budget.allows, false)
  budget.fresh()
  assert.equal(budget.allows, true)
  budget.spend()
  await clock.advance(1000)
  assert.equal(budget.allows, true)
  budget.spend()
  budget.success()
  budget.spend()
  assert.equal(budget.allows, true)
})

test('a dead destination sees one try now and then, and everything once it is back', async () => {
  const kit = startSending({ circuit_breaker: { consecutive_failures: 5 } })
  kit.sender.reply = () => RETRY
  for (let i = 0; i < 200; i++) kit.feed(1)
  await settle()
  await kit.services.clock.advance(60_000)
  assert.ok(kit.sender.attempts.length < 25, `${kit.sender.attempts.length}`)
  assert.equal(kit.services.meter.total('millrace_breaker_state'), 2)

  kit.sender.reply = () => SENT
  await kit.services.clock.advance(60_000)

  assert.equal(sentItems(kit), 200)
  assert.equal(kit.services.meter.total('millrace_breaker_state'), 0)
  assertBalanced(kit.services.ledger)
})

test('when the destination is back for one tenant, the others try at once too', async () => {
  const kit = startSending({ circuit_breaker: { consecutive_failures: 3 } })
  kit.sender.reply = () => RETRY
  for (let i = 0; i < 40; i++) kit.feed(1, 'traces', i % 2 === 0 ? 'a' : 'b')
  await settle()
  for (let i = 0; i < 40; i++) await kit.services.clock.advance(1000)
  assert.equal(sentItems(kit), 0)

  kit.sender.reply = () => SENT
  let seconds = 0
  for (; sentItems(kit) === 0; seconds++) await kit.services.clock.advance(1000)
  await kit.services.clock.advance(100)

  assert.deepEqual([seconds, sentItems(kit)], [25, 40])
  assert.equal(sentItems(kit), 40)
})

test('a dead destination is tried at least as often as retries are wanted', async () => {
  const kit = startSending({
    retry_on_failure: { initial_interval: '1s', max_interval: '2s' },
    circuit_breaker: { consecutive_failures: 1 },
  })
  const at: number[] = []
  kit.sender.reply = () => {
    at.push(kit.services.clock.monotonic())
    return RETRY
  }
  for (let i = 0; i < 3; i++) kit.feed(1)
  await settle()
  await kit.services.clock.advance(20_000)

  const gaps = at.slice(3).map((ms, i) => ms - at[i + 2])
  assert.ok(gaps.length >= 9 && gaps.every(gap => gap <= 2000), `${gaps}`)
})

test('the breaker of one tenant holds back nobody else', async () => {
  const kit = startSending({ circuit_breaker: { consecutive_failures: 2 } })
  kit.sender.reply = ({ batch }) => (batch.tenant === 'a' ? RETRY : SENT)
  for (let i = 0; i < 50; i++) {
    kit.feed(1, 'traces', 'a')
    kit.feed(1, 'traces', 'b')
    await settle()
  }

  assert.equal(sentItems(kit), 50)
  assert.equal(kit.sender.attempts.filter(({ batch }) => batch.tenant === 'a').length, 2)
})

test('a destination that asks for less is well: it is paused, not broken', async () => {
  const kit = startSending({ circuit_breaker: { consecutive_failures: 1 } })
  kit.sender.reply = () =>
    kit.sender.attempts.length === 1 ? { kind: 'retry', afterMs: 1000, message: 'slow' } : SENT
  kit.feed()
  await settle()

  assert.equal(kit.services.meter.total('millrace_breaker_state'), 0)
  await kit.services.clock.advance(10_000)
  assert.equal(sentItems(kit), 5)
})

test('while all fails, repetitions are few; once it goes through, what is parked leaves ever faster', async () => {
  const kit = startSending({
    circuit_breaker: { enabled: false },
    retry_budget: { ratio: 0.1, min_per_second: 1, burst: 20 },
    retry_on_failure: { initial_interval: '1s', max_interval: '1s', max_elapsed_time: '0s' },
  })
  kit.sender.reply = () => RETRY
  for (let i = 0; i < 300; i++) kit.feed(1)
  await settle()
  assert.equal(kit.sender.attempts.length, 300)

  await kit.services.clock.advance(20_000)
  const repeated = kit.sender.attempts.length - 300
  assert.ok(repeated <= 20 + 21, `${repeated}`)
  kit.sender.reply = () => SENT
  await kit.services.clock.advance(3000)

  assert.equal(sentItems(kit), 300)
})

test('switched off, neither stands in the way', async () => {
  const kit = startSending({
    circuit_breaker: { enabled: false },
    retry_budget: { enabled: false },
    retry_on_failure: { initial_interval: '1s', max_interval: '1s' },
  })
  kit.sender.reply = () => RETRY
  for (let i = 0; i < 100; i++) kit.feed(1)
  await settle()
  await kit.services.clock.advance(10_000)

  assert.ok(kit.sender.attempts.length > 700, `${kit.sender.attempts.length}`)
})

test('during shutdown neither holds back the last tries', async () => {
  const kit = startSending({ circuit_breaker: { consecutive_failures: 1 } })
  kit.sender.reply = () => RETRY
  for (let i = 0; i < 3; i++) kit.feed(1)
  await settle()
  kit.sender.reply = () => SENT

  const stopped = kit.stop()
  await kit.services.clock.advance(1)
  await stopped

  assert.equal(sentItems(kit), 3)
})
