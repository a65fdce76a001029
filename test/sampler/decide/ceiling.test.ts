import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TRAIT_KEEP } from '../../../src/sampler/decide/options.ts'
import { WindowCeiling } from '../../../src/sampler/decide/window-ceiling.ts'
import { add, budget, decider, Seeded } from './traffic.ts'

const WINDOW_MS = 10_000

/** The most that left within any window. */
function fullestWindow(times: readonly number[], units: readonly number[]): number {
  let most = 0
  let sum = 0
  let from = 0
  for (let at = 0; at < times.length; at++) {
    sum += units[at]
    while (times[from] < times[at] - WINDOW_MS) sum -= units[from++]
    most = Math.max(most, sum)
  }
  return most
}

test('no window of ten seconds lets more through than the ceiling, whatever comes and is asked for', () => {
  const tick = fc.record({
    afterMs: fc.integer({ min: 0, max: 4_000 }),
    traces: fc.integer({ min: 0, max: 300 }),
    spans: fc.constantFrom(1, 3, 40, 900, 100_000),
    wish: fc.boolean(),
    late: fc.integer({ min: 0, max: 500 }),
  })
  const ceilings = fc.record({
    spansPerSecond: fc.constantFrom(0, 10, 333, 5_000),
    bytesPerSecond: fc.constantFrom(0, 4_000, 250_000),
  })
  fc.assert(
    fc.property(
      fc.array(tick, { maxLength: 60 }),
      ceilings,
      fc.integer(),
      (ticks, ceiling, seed) => {
        const random = new Seeded(seed)
        const one = decider({ ceiling, budget: budget(0.5) })
        const times: number[] = []
        const spans: number[] = []
        const bytes: number[] = []
        let now = 0
        for (const { afterMs, traces, spans: each, wish, late } of ticks) {
          now += afterMs
          one.clear()
          for (let at = 0; at < traces; at++) {
            const own = 1 + Math.floor(random.next() * each)
            const randomness = { high: random.half(), low: random.half() }
            const traits = wish ? TRAIT_KEEP : 0
            add(one, { ...randomness, traits, handle: own, spans: own, bytes: own * 100 })
          }
          one.decide(now)
          let left = 0
          for (let row = 0; row < one.count; row++) left += one.keep[row] * one.handle[row]
          if (late > 0 && one.admitLate(now, late, late * 100)) left += late
          times.push(now)
          spans.push(left)
          bytes.push(left * 100)
        }
        const { spansPerSecond, bytesPerSecond } = ceiling
        if (spansPerSecond > 0) assert.ok(fullestWindow(times, spans) <= 10 * spansPerSecond)
        if (bytesPerSecond > 0) assert.ok(fullestWindow(times, bytes) <= 10 * bytesPerSecond)
      },
    ),
    { numRuns: 60 },
  )
})

test('under a steady flood the ceiling is used well and every second gets its part', () => {
  const perSecond = 200
  const random = new Seeded(1)
  const one = decider({ ceiling: { spansPerSecond: perSecond, bytesPerSecond: 0 } })
  let total = 0
  let least = Number.POSITIVE_INFINITY
  for (let tick = 0; tick < 120; tick++) {
    one.clear()
    for (let at = 0; at < 1_000; at++) {
      add(one, { high: random.half(), low: random.half(), spans: 5, traits: TRAIT_KEEP })
    }
    one.decide(tick * 1_000)
    total += one.status().kept * 5
    least = Math.min(least, one.status().kept * 5)
  }
  assert.ok(total > 0.75 * 120 * perSecond, `${total}`)
  assert.ok(least > 0.3 * perSecond, `${least}`)
  assert.equal(one.status().ceilingTicks, 120)
})

test('a trace greater than the ceiling does not shut out the others', () => {
  const random = new Seeded(2)
  const one = decider({ ceiling: { spansPerSecond: 100, bytesPerSecond: 0 }, budget: budget(1) })
  add(one, { high: random.half(), low: random.half(), spans: 100_000, traits: TRAIT_KEEP })
  for (let at = 0; at < 50; at++) add(one, { high: random.half(), low: random.half() })
  one.decide(1_000)
  assert.equal(one.keep[0], 0)
  assert.equal(one.probability[0], 0)
  assert.equal(one.status().kept, 50)
  assert.equal(one.status().oversize, 1)
})

test('late spans take from the same ceiling and are refused when it is used up', () => {
  const one = decider({ ceiling: { spansPerSecond: 10, bytesPerSecond: 0 } })
  assert.ok(one.admitLate(0, 10, 1))
  assert.equal(one.admitLate(0, 1, 1), false)
  assert.ok(one.admitLate(1_000, 9, 1))
})

test('a ceiling of zero is none', () => {
  const ceiling = new WindowCeiling(0)
  assert.equal(ceiling.room(0), Number.POSITIVE_INFINITY)
  ceiling.take(1e9)
  assert.equal(ceiling.room(0), Number.POSITIVE_INFINITY)
})

test('a ceiling of its own holds for a tenant in any window, and leaves others alone', () => {
  const tick = fc.record({
    afterMs: fc.integer({ min: 0, max: 3_000 }),
    own: fc.integer({ min: 0, max: 200 }),
    others: fc.integer({ min: 0, max: 200 }),
    late: fc.integer({ min: 0, max: 50 }),
  })
  fc.assert(
    fc.property(fc.array(tick, { maxLength: 40 }), fc.integer(), (ticks, seed) => {
      const random = new Seeded(seed)
      const one = decider({ budget: budget(1) })
      const ceiling = { spansPerSecond: 20, bytesPerSecond: 0 }
      const tenant = one.own('small', budget(1), ceiling)
      const [times, left]: number[][] = [[], []]
      let now = 0
      for (const { afterMs, own, others, late } of ticks) {
        now += afterMs
        one.clear()
        for (let at = 0; at < own + others; at++) {
          const randomness = { high: random.half(), low: random.half() }
          add(one, { ...randomness, tenant: at < own ? tenant : 0 })
        }
        one.decide(now)
        let mine = 0
        let theirs = 0
        for (let row = 0; row < one.count; row++) {
          if (row < own) mine += one.keep[row]
          else theirs += one.keep[row]
        }
        assert.equal(theirs, others)
        if (late > 0 && one.admitLate(now, late, 1, tenant)) mine += late
        times.push(now)
        left.push(mine)
      }
      assert.ok(fullestWindow(times, left) <= 200)
    }),
    { numRuns: 50 },
  )
})
