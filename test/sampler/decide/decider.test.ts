import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  REASON_ANOMALY,
  REASON_BASELINE,
  REASON_ERROR,
  REASON_RARE,
  REASON_RULE,
  TRAIT_ERROR,
  TRAIT_HASHED,
  TRAIT_KEEP,
  TRAIT_NEVER,
  TRAIT_UNKNOWN,
} from '../../../src/sampler/decide/options.ts'
import { HALF, result, thresholdOf } from '../../../src/sampler/decide/probability.ts'
import { thresholdToProbability } from '../../../src/sampler/threshold.ts'
import { add, addQuiet, budget, decider, Seeded, warm } from './traffic.ts'

const whole = (high: number, low: number) => BigInt(high) * BigInt(HALF) + BigInt(low)

test('keeps exactly as many of a tick, whatever the randomness of its traces', () => {
  const scores = new Seeded(5)
  const tick = Array.from({ length: 3_000 }, () => Math.exp(0.8 * scores.normal()))
  const kept = [1, 2, 3, 4, 5].map(seed => {
    const one = decider()
    const now = warm(one, new Seeded(99))
    const random = new Seeded(seed)
    for (const score of tick) add(one, { high: random.half(), low: random.half(), score })
    one.decide(now + 1_000)
    return one.status().kept
  })
  assert.ok(kept[0] > 150 && kept[0] < 600, `${kept}`)
  assert.deepEqual(
    kept,
    kept.map(() => kept[0]),
  )
})

test('keeps what its randomness and the written threshold say, with the probability of that threshold', () => {
  fc.assert(
    fc.property(fc.integer(), fc.boolean(), (seed, dense) => {
      const random = new Seeded(seed)
      const one = decider()
      const now = warm(one, random)
      const highs: number[] = []
      const lows: number[] = []
      for (let at = 0; at < (dense ? 1_000 : 20); at++) {
        highs.push(random.half())
        lows.push(random.half())
        const score = Math.exp(random.normal() * 2)
        add(one, { high: highs[at], low: lows[at], score, structure: at % 7 })
      }
      one.decide(now + 1_000)
      for (let row = 0; row < one.count; row++) {
        const threshold = whole(one.thresholdHigh[row], one.thresholdLow[row])
        const randomness = whole(highs[row], lows[row])
        assert.equal(one.keep[row] === 1, randomness >= threshold)
        assert.equal(one.probability[row], thresholdToProbability(threshold))
        assert.equal(one.reason[row] === 0, one.keep[row] === 0)
        assert.ok(one.probability[row] >= 0.01 * (1 - 1e-9), 'the uniform lane reaches every trace')
      }
    }),
    { numRuns: 30 },
  )
})

test('never lowers a threshold that came, and keeps a part of what the one before kept', () => {
  const random = new Seeded(3)
  const first = decider({ budget: budget(0.3) })
  const second = decider({ budget: budget(0.1) })
  let now = warm(first, random)
  warm(second, random)
  for (let tick = 0; tick < 20; tick++) {
    const traces = Array.from({ length: 500 }, () => {
      return { high: random.half(), low: random.half(), score: Math.exp(random.normal()) }
    })
    now += 1_000
    first.clear()
    second.clear()
    for (const trace of traces) add(first, trace)
    first.decide(now)
    for (let row = 0; row < first.count; row++) {
      if (first.keep[row] === 0) continue
      const inHigh = first.thresholdHigh[row]
      const inLow = first.thresholdLow[row]
      add(second, { ...traces[row], handle: row, inHigh, inLow })
    }
    second.decide(now)
    for (let row = 0; row < second.count; row++) {
      const before = second.handle[row]
      const written = whole(second.thresholdHigh[row], second.thresholdLow[row])
      assert.ok(written >= whole(first.thresholdHigh[before], first.thresholdLow[before]))
      const randomness = whole(traces[before].high, traces[before].low)
      assert.equal(second.keep[row] === 1, randomness >= written)
      assert.equal(second.erase[row], 0)
    }
  }
})

test('of two replicas the one with the lower threshold keeps all that the other keeps', () => {
  const random = new Seeded(4)
  const here = decider({ budget: budget(0.2) })
  const there = decider({ budget: budget(0.05) })
  let now = warm(here, new Seeded(1))
  warm(there, new Seeded(2))
  let both = 0
  for (let tick = 0; tick < 30; tick++) {
    here.clear()
    there.clear()
    now += 1_000
    for (let at = 0; at < 200; at++) {
      const trace = { high: random.half(), low: random.half(), score: Math.exp(random.normal()) }
      add(here, trace)
      add(there, trace)
    }
    here.decide(now)
    there.decide(now)
    for (let row = 0; row < here.count; row++) {
      const one = whole(here.thresholdHigh[row], here.thresholdLow[row])
      const other = whole(there.thresholdHigh[row], there.thresholdLow[row])
      if (one <= other) assert.ok(here.keep[row] >= there.keep[row])
      else assert.ok(here.keep[row] <= there.keep[row])
      both += here.keep[row] & there.keep[row]
    }
  }
  assert.ok(both > 100)
})

test('kept traces stand for all of them: counts by group are right over twenty seeds', () => {
  const groups = 4
  const real = new Float64Array(groups)
  const told = new Float64Array(groups)
  for (let seed = 0; seed < 20; seed++) {
    const random = new Seeded(1_000 + seed)
    const one = decider()
    // Dense ticks, thin ones, and one in which a ceiling decides are all in.
    const capped = decider({ ceiling: { spansPerSecond: 30, bytesPerSecond: 0 } })
    for (const [by, perTick] of [
      [one, 400],
      [one, 9],
      [capped, 400],
    ] as const) {
      for (let tick = 1; tick <= 80; tick++) {
        by.clear()
        for (let at = 0; at < perTick; at++) {
          const group = at % groups
          const score = Math.exp(random.normal() + (tick % 40 > 34 && group === 3 ? 2 : 0))
          const traits = group === 3 && tick % 40 > 34 ? 4 : 0
          const trace = { handle: group, high: random.half(), low: random.half() }
          add(by, { ...trace, score, traits, structure: at % 17 })
        }
        by.decide((perTick === 9 ? 80_000 : 0) + tick * 1_000)
        for (let row = 0; row < by.count; row++) {
          real[by.handle[row]]++
          if (by.keep[row] === 1) told[by.handle[row]] += 1 / by.probability[row]
        }
      }
    }
  }
  let error = 0
  for (let group = 0; group < groups; group++) error += told[group] / real[group] - 1
  assert.ok(Math.abs(error / groups) < 0.01, `${error / groups}`)
})

test('what users want is kept beyond the budget, what they refuse never', () => {
  const random = new Seeded(6)
  const one = decider()
  let now = 0
  for (let tick = 0; tick < 200; tick++) {
    one.clear()
    addQuiet(one, random, 40, { traits: TRAIT_KEEP })
    addQuiet(one, random, 40, { traits: TRAIT_NEVER | TRAIT_KEEP })
    addQuiet(one, random, 40)
    one.decide((now += 1_000))
    for (let row = 0; row < 40; row++) {
      assert.equal(one.reason[row], REASON_RULE)
      assert.equal(one.thresholdHigh[row] + one.thresholdLow[row], 0)
    }
    for (let row = 40; row < 80; row++) assert.equal(one.keep[row], 0)
  }
})

test('erases the threshold when the way before is not known, contradicts itself, or the id is not random', () => {
  const one = decider({ budget: budget(1) })
  thresholdOf(0.25)
  const quarter = { inHigh: result.high, inLow: result.low }
  add(one, { high: HALF - 1, low: 0 })
  add(one, { high: HALF - 1, low: 0, traits: TRAIT_UNKNOWN })
  add(one, { high: HALF >> 2, low: 0, ...quarter })
  add(one, { high: HALF >> 2, low: 0, ...quarter, traits: TRAIT_HASHED })
  add(one, { high: HALF - 1, low: 0, ...quarter })
  one.decide(1_000)
  assert.deepEqual([...one.erase.subarray(0, 5)], [0, 1, 1, 1, 0])
  assert.deepEqual([...one.keep.subarray(0, 5)], [1, 1, 1, 1, 1])
  const told = [...one.probability.subarray(0, 5)]
  for (const [row, wanted] of [1, 1, 1, 0.25, 0.25].entries()) {
    assert.ok(Math.abs(told[row] - wanted) < 1e-9, `${told}`)
  }
})

test('names the lane: anomaly, error, rare, baseline', () => {
  const random = new Seeded(7)
  const one = decider()
  const now = warm(one, random)
  const top = { high: HALF - 1, low: HALF - 1 }
  add(one, { ...top, score: 1e6 })
  add(one, { ...top, score: 0.1, traits: TRAIT_ERROR })
  add(one, { ...top, score: 0.1, structure: 77 })
  add(one, { ...top, score: 0.1 })
  addQuiet(one, random, 100)
  one.decide(now + 1_000)
  const lanes = [REASON_ANOMALY, REASON_ERROR, REASON_RARE, REASON_BASELINE]
  assert.deepEqual([...one.reason.subarray(0, 4)], lanes)
  assert.deepEqual([...one.lane.subarray(0, 4)], lanes)
})

test('where nearly all score the same, these are no anomalies though the budget goes to them', () => {
  const one = decider({ budget: { ...budget(0.1), burstCredit: 0 } })
  const random = new Seeded(3)
  const kept = { common: 0, odd: 0 }
  const flagged = { common: 0, odd: 0 }
  for (let second = 0; second < 300; second++) {
    one.clear()
    for (let at = 0; at < 100; at++) {
      const score = at === 50 && second % 10 === 9 ? 9 : 1
      add(one, { high: random.half(), low: random.half(), score })
    }
    one.decide(second * 1_000)
    if (second < 120) continue
    for (let row = 0; row < one.count; row++) {
      const which = one.score[row] === 9 ? 'odd' : 'common'
      kept[which] += one.keep[row]
      flagged[which] += one.reason[row] === REASON_ANOMALY ? 1 : 0
    }
  }
  assert.ok(kept.common > 900 && kept.common < 2_100, `${kept.common} of 18,000`)
  assert.equal(flagged.common, 0)
  assert.equal(flagged.odd, 18)
})

test('an outage with nothing but errors does not keep all of them for long', () => {
  const random = new Seeded(8)
  const one = decider()
  let now = warm(one, random, 0, 10)
  let kept = 0
  let seen = 0
  for (let tick = 0; tick < 7_200; tick++) {
    one.clear()
    addQuiet(one, random, 10, { traits: TRAIT_ERROR })
    one.decide((now += 1_000))
    kept += one.status().kept
    seen += one.count
  }
  assert.ok(kept / seen < 0.16, `${kept / seen}`)
})

test('keeps the first of each class, and classes without end do not eat the budget', () => {
  const random = new Seeded(9)
  const one = decider()
  let now = warm(one, random, 0, 10)
  add(one, { high: 0, low: 0, structure: 1_000_000 })
  addQuiet(one, random, 9)
  one.decide((now += 1_000))
  assert.equal(one.keep[0], 1)
  let kept = 0
  let seen = 0
  for (let tick = 0; tick < 3_600; tick++) {
    one.clear()
    for (let at = 0; at < 10; at++) addQuiet(one, random, 1, { structure: seen++ + 5 })
    one.decide((now += 1_000))
    kept += one.status().kept
  }
  assert.ok(kept / seen < 0.19, `${kept / seen}`)
})

test('tenants with a budget of their own are decided apart', () => {
  const random = new Seeded(10)
  const one = decider({ tenants: new Map([['vip', budget(1)]]) })
  assert.equal(one.tenant('vip'), 1)
  assert.equal(one.tenant('other'), 0)
  let vip = 0
  let others = 0
  for (let tick = 0; tick < 300; tick++) {
    one.clear()
    addQuiet(one, random, 20, { tenant: 1 })
    addQuiet(one, random, 50)
    one.decide(tick * 1_000)
    for (let row = 0; row < one.count; row++) {
      if (row < 20) vip += one.keep[row]
      else others += one.keep[row]
    }
  }
  assert.equal(vip, 6_000)
  assert.ok(others / 15_000 < 0.13 && others / 15_000 > 0.08, `${others / 15_000}`)
  assert.ok(one.status(1).ratio > 0.99)
})

test('goes on after a restart as if there had been none', () => {
  const random = new Seeded(11)
  const before = decider()
  const now = warm(before, random)
  const after = decider()
  const bytes = before.snapshot()
  assert.ok(after.restore(bytes))
  assert.deepEqual(after.status(), { ...before.status(), kept: 0, cold: true })
  for (const one of [before, after]) {
    const same = new Seeded(12)
    // Classes are learned anew, so these rows have ones that both have not seen.
    for (let at = 0; at < 500; at++) {
      const score = Math.exp(same.normal())
      add(one, { high: same.half(), low: same.half(), score, structure: 1_000 + at })
    }
    one.decide(now + 6_000)
  }
  assert.deepEqual(after.keep.subarray(0, 500), before.keep.subarray(0, 500))
  assert.deepEqual(after.probability.subarray(0, 500), before.probability.subarray(0, 500))
})

test('refuses a snapshot of other options or another version', () => {
  const bytes = decider().snapshot()
  assert.equal(decider({ tenants: new Map([['a', budget(0.5)]]) }).restore(bytes), false)
  assert.equal(decider().restore(bytes.subarray(1)), false)
  const other = bytes.slice()
  other.fill(0, 0, 8)
  assert.equal(decider().restore(other), false)
})

test('a score that is no number takes no part, and a new model is cold until it is known', () => {
  const random = new Seeded(13)
  const one = decider()
  const now = warm(one, random)
  add(one, { high: HALF - 1, low: 0, score: Number.NaN })
  addQuiet(one, random, 50)
  one.decide(now + 1_000)
  assert.equal(one.reason[0], REASON_BASELINE)
  assert.ok(one.probability[0] < 0.1)
  assert.equal(one.status().cold, false)
  one.forgetScores()
  one.clear()
  addQuiet(one, random, 50)
  one.decide(now + 2_000)
  assert.equal(one.status().cold, true)
  assert.equal(one.status().scoreThreshold, Number.NEGATIVE_INFINITY)
})
