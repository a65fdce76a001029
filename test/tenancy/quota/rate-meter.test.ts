/** Properties of the three ways to hold a sender to a rate, over any arrivals. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { RATE_ALGORITHMS, type RateLimit } from '../../../src/tenancy/policy/limits.ts'
import { createRateMeter } from '../../../src/tenancy/quota/rate-meter.ts'

const limitOf = (algorithm: RateLimit['algorithm'], rate: number, burst: number): RateLimit => ({
  algorithm,
  rate,
  burst,
  windowMs: 1000,
})

const arrivals = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 3000 }),
    amount: fc.integer({ min: 1, max: 500 }),
  }),
  { maxLength: 200 },
)

for (const algorithm of RATE_ALGORITHMS) {
  test(`${algorithm}: in any time no more comes through than the rate, a burst and one request`, () => {
    fc.assert(
      fc.property(
        arrivals,
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 2000 }),
        (requests, rate, burst) => {
          const meter = createRateMeter(limitOf(algorithm, rate, burst), 0)
          const taken: { atMs: number; amount: number }[] = []
          let nowMs = 0
          for (const { afterMs, amount } of requests) {
            nowMs += afterMs
            if (meter.take(amount, nowMs) === 0) taken.push({ atMs: nowMs, amount })
          }
          // The window counts two of its lengths, since what came in the last one is taken to have come evenly.
          const allowance = algorithm === 'sliding_window' ? 2 * rate : burst
          for (let from = 0; from < taken.length; from++) {
            let sum = 0
            for (let to = from; to < taken.length; to++) {
              const last = taken[to]
              const inTime = (rate * (last.atMs - taken[from].atMs)) / 1000
              assert.ok(sum <= allowance + inTime + 500 + 1e-6, `${sum} in ${inTime}`)
              sum += last.amount
            }
          }
        },
      ),
    )
  })

  test(`${algorithm}: who waits as long as told gets through, and gets nothing before`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 100 }),
        (amounts, rate) => {
          const meter = createRateMeter(limitOf(algorithm, rate, rate), 0)
          let nowMs = 0
          for (const amount of amounts) {
            const waitMs = meter.waitMs(nowMs)
            if (waitMs > 2) assert.ok(meter.waitMs(nowMs + waitMs - 2) > 0, 'told to wait too long')
            nowMs += waitMs
            assert.equal(meter.take(amount, nowMs), 0, `not after ${waitMs} ms`)
          }
        },
      ),
      { examples: [[[265, 4, 1], 100]] },
    )
  })

  test(`${algorithm}: the rate is used up by somebody who always comes when he may`, () => {
    const meter = createRateMeter(limitOf(algorithm, 100, 100), 0)
    let [nowMs, sum] = [0, 0]
    while (nowMs < 100_000) {
      const waitMs = meter.take(7, nowMs)
      if (waitMs === 0) sum += 7
      nowMs += waitMs
    }

    assert.ok(sum > 9900 && sum < 10_200, String(sum))
  })

  test(`${algorithm}: another limit holds from now on and gives nobody a fresh start`, () => {
    const meter = createRateMeter(limitOf(algorithm, 100, 100), 0)
    meter.take(1000, 0)

    meter.relimit(limitOf(algorithm, 200, 200))

    assert.ok(meter.waitMs(1) > 0)
    assert.equal(meter.waitMs(60_000), 0)
  })
}

test('a token bucket saves up a burst, a leaky bucket does not', () => {
  const [tokens, leaky] = [
    createRateMeter(limitOf('token_bucket', 10, 100), 0),
    createRateMeter(limitOf('leaky_bucket', 10, 0), 0),
  ]
  const count = (meter: typeof tokens): number => {
    let taken = 0
    while (taken < 1000 && meter.take(1, 60_000) === 0) taken++
    return taken
  }

  assert.equal(count(tokens), 100)
  assert.equal(count(leaky), 1)
})

test('a request larger than the burst gets in once, and is paid for afterwards', () => {
  const meter = createRateMeter(limitOf('token_bucket', 10, 10), 0)

  assert.equal(meter.take(1000, 0), 0)
  assert.equal(meter.take(1, 0), 99_001)
  assert.equal(meter.take(1, 99_001), 0)
})
