import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DEFAULT_OPTIONS,
  REASON_ANOMALY,
  TRAIT_SHIFTED,
  type Unit,
} from '../../../src/sampler/decide/options.ts'
import { add, budget, decider, Seeded } from './traffic.ts'

interface Replay {
  readonly hours: number
  readonly perSecond: number
  /** Minutes at which an incident starts; it lasts `minutes` and `share` of the traces show it. */
  readonly starts: readonly number[]
  readonly minutes: number
  readonly share: number
  readonly unit?: Unit
  readonly ratio?: number
}

interface Outcome {
  readonly retained: number
  readonly coverage: number
  readonly flagged: number
}

/** Symptomatic traces score well above quiet ones; clean ones in an incident somewhat, half of them count as shifted. */
function replay(plan: Replay): Outcome {
  const random = new Seeded(21)
  const ratio = plan.ratio ?? 0.1
  const one = decider({ budget: { ...budget(ratio), unit: plan.unit ?? 'traces' } })
  const sums = { offered: 0, kept: 0, symptomatic: 0, covered: 0, clean: 0, flagged: 0 }
  for (let second = 0; second < plan.hours * 3_600; second++) {
    const minute = second / 60
    const trouble = plan.starts.some(start => minute >= start && minute < start + plan.minutes)
    one.clear()
    for (let at = 0; at < plan.perSecond; at++) {
      const symptomatic = trouble && random.next() < plan.share
      const shifted = symptomatic || random.next() < (trouble ? 0.5 : 0.1)
      const own = symptomatic ? 3 + 0.9 * random.normal() : 0.8 * random.normal()
      const score = Math.exp(own + (trouble && shifted && !symptomatic ? 0.5 : 0))
      const spans = 1 + Math.floor(random.next() * 40)
      const traits = shifted ? TRAIT_SHIFTED : 0
      const structure = Math.floor(-6 * Math.log(1 - random.next()))
      const place = {
        high: random.half(),
        low: random.half(),
        handle: symptomatic ? -spans : spans,
      }
      add(one, { ...place, score, spans, bytes: 400 * spans, traits, structure })
    }
    one.decide(second * 1_000)
    for (let row = 0; row < one.count; row++) {
      const symptomatic = one.handle[row] < 0
      const cost = plan.unit === undefined ? 1 : Math.abs(one.handle[row])
      sums.offered += cost
      sums.kept += cost * one.keep[row]
      sums.symptomatic += symptomatic ? 1 : 0
      sums.covered += symptomatic ? one.keep[row] : 0
      sums.clean += symptomatic ? 0 : 1
      sums.flagged += !symptomatic && one.reason[row] === REASON_ANOMALY ? 1 : 0
    }
  }
  return {
    retained: sums.kept / sums.offered / ratio,
    coverage: sums.symptomatic === 0 ? 1 : sums.covered / sums.symptomatic,
    flagged: sums.flagged / sums.clean,
  }
}

const QUIET: Replay = { hours: 2.5, perSecond: 4, starts: [], minutes: 0, share: 0 }
const INCIDENTS = Array.from({ length: 12 }, (_, at) => 6 + at * 12)

test('quiet traffic is kept at the ratio, and few of it are called anomalous', () => {
  const { retained, flagged } = replay(QUIET)
  assert.ok(Math.abs(retained - 1) < 0.03, `${retained}`)
  assert.ok(flagged < 0.05, `${flagged}`)
})

test('incidents are kept, the ratio holds over hours, clean traces are not blamed', () => {
  const { retained, coverage, flagged } = replay({
    ...QUIET,
    starts: INCIDENTS,
    minutes: 2,
    share: 0.3,
  })
  assert.ok(Math.abs(retained - 1) < 0.03, `${retained}`)
  assert.ok(coverage > 0.93, `${coverage}`)
  assert.ok(flagged < 0.05, `${flagged}`)
})

test('an incident in the first minutes is paid from credit and paid back', () => {
  const { retained, coverage } = replay({ ...QUIET, starts: [4], minutes: 5, share: 0.5 })
  assert.ok(Math.abs(retained - 1) < 0.04, `${retained}`)
  assert.ok(coverage > 0.85, `${coverage}`)
})

test('a young sampler owes no more than the granted share of its credit and what it has earned', () => {
  const { burstCredit } = DEFAULT_OPTIONS.budget
  const hours = 1
  for (const start of [5, 25, 45]) {
    const { retained } = replay({
      ...QUIET,
      hours,
      perSecond: 8,
      starts: [start],
      minutes: 15,
      share: 0.9,
    })
    const granted = (burstCredit * 24) / 20
    assert.ok(retained < 1 + (granted + burstCredit * hours) / hours, `${start}: ${retained}`)
  }
})

test('an incident takes what was saved before it borrows', () => {
  const calm = { ...QUIET, hours: 1 }
  const { retained } = replay(calm)
  assert.ok(retained < 1, `${retained}`)
  const { retained: spent, coverage } = replay({ ...calm, starts: [58], minutes: 1, share: 0.3 })
  assert.ok(spent > retained && spent < 1.02, `${spent}`)
  assert.ok(coverage > 0.9, `${coverage}`)
})

test('a hundredth is kept although hundreds of classes are new at first', () => {
  const random = new Seeded(5)
  const one = decider({ budget: budget(0.01) })
  let kept = 0
  let seen = 0
  for (let second = 0; second < 3_600; second++) {
    one.clear()
    for (let at = 0; at < 20; at++) {
      const structure = Math.floor(600 * random.next() ** 2)
      const score = Math.exp(0.8 * random.normal())
      add(one, { high: random.half(), low: random.half(), score, structure })
    }
    one.decide(second * 1_000)
    seen += one.count
    kept += one.status().kept
  }
  assert.ok(Math.abs(kept / seen / 0.01 - 1) < 0.15, `${kept / seen}`)
})

test('trouble that does not end comes back to the ratio', () => {
  const always = { ...QUIET, hours: 4, starts: [10], minutes: 600, share: 0.4 }
  const { retained } = replay(always)
  assert.ok(retained < 1.12, `${retained}`)
})

test('the ratio holds by spans and by bytes, and at other ratios', () => {
  for (const unit of ['spans', 'bytes'] as const) {
    const { retained } = replay({
      ...QUIET,
      hours: 1.5,
      starts: [30],
      minutes: 2,
      share: 0.3,
      unit,
    })
    assert.ok(Math.abs(retained - 1) < 0.05, `${unit}: ${retained}`)
  }
  for (const ratio of [0.02, 0.5, 1]) {
    const { retained } = replay({ ...QUIET, hours: 1, ratio })
    // Two minutes of the hour are saved for what may come, and a fiftieth is few traces.
    assert.ok(Math.abs(retained - 1) < 0.08, `${ratio}: ${retained}`)
  }
})

test('more credit keeps more of a great incident', () => {
  const coverage = [0.01, 0.25].map(burstCredit => {
    const random = new Seeded(3)
    const one = decider({ budget: { ...DEFAULT_OPTIONS.budget, burstCredit } })
    let kept = 0
    let seen = 0
    for (let second = 0; second < 3_600; second++) {
      const trouble = second >= 1_200 && second < 1_800
      one.clear()
      for (let at = 0; at < 5; at++) {
        const traits = trouble ? TRAIT_SHIFTED : 0
        const score = Math.exp(random.normal() + (trouble ? 3 : 0))
        add(one, { high: random.half(), low: random.half(), score, traits })
      }
      one.decide(second * 1_000)
      if (trouble) {
        seen += one.count
        kept += one.status().kept
      }
    }
    return kept / seen
  })
  assert.ok(coverage[1] > 2 * coverage[0], `${coverage}`)
})
