/** What samplers without learning do with the same traces: chance, long traces, and rates by key that follow traffic. */

import { depth } from '../decide/probability.ts'
import type { Features } from './features.ts'
import { type Choice, emptyChoice, forEachTick, type Randomness } from './run.ts'
import type { Schedule } from './schedule.ts'

export const BASELINES = ['random', 'duration', 'ema_per_key'] as const
export type Baseline = (typeof BASELINES)[number]

export function runBaseline(
  name: Baseline,
  schedule: Schedule,
  features: Features,
  random: Randomness,
  budget: number,
): Choice {
  if (name === 'random') return runRandom(random, budget)
  if (name === 'duration') return runDuration(schedule, features, budget)
  return runEma(schedule, features, random, budget)
}

function runRandom(random: Randomness, budget: number): Choice {
  const count = random.high.length
  const choice = emptyChoice(count)
  for (let at = 0; at < count; at++) {
    choice.keep[at] = depth(random.high[at], random.low[at]) <= budget ? 1 : 0
    choice.probability[at] = budget
  }
  return choice
}

/** Buckets of 1/8 octave that durations are counted in. */
const BUCKETS_AN_OCTAVE = 8
const BUCKETS = 40 * BUCKETS_AN_OCTAVE

/** Keeps what lasts longer than all but the budget's share of what was seen so far. */
function runDuration(schedule: Schedule, features: Features, budget: number): Choice {
  const count = schedule.order.length
  const choice = emptyChoice(count)
  const seen = new Float64Array(BUCKETS)
  let total = 0
  let threshold = 0
  forEachTick(schedule, (from, to) => {
    for (let at = from; at < to; at++) {
      const bucket = Math.floor(Math.log2(features.duration[at] + 1) * BUCKETS_AN_OCTAVE)
      seen[bucket]++
      total++
      choice.probability[at] = 1
      if (bucket >= threshold) choice.keep[at] = choice.flagged[at] = 1
    }
    let above = 0
    threshold = BUCKETS
    while (threshold > 0 && above + seen[threshold - 1] <= budget * total)
      above += seen[--threshold]
  })
  return choice
}

const ADJUST_EVERY_MS = 15_000
const EMA_WEIGHT = 0.5
/** A key not seen for so many adjustments is forgotten. */
const EMA_LEAST = 0.5

/** Rates by key: each key gets a share of what may be kept that grows with the logarithm of its traffic. */
function runEma(
  schedule: Schedule,
  features: Features,
  random: Randomness,
  budget: number,
): Choice {
  const choice = emptyChoice(schedule.order.length)
  const average = new Map<number, number>()
  const current = new Map<number, number>()
  let rates = new Map<number, number>()
  let adjustAt = 0
  forEachTick(schedule, (from, to, nowMs) => {
    if (nowMs >= adjustAt) {
      if (adjustAt > 0) rates = adjust(average, current, budget)
      adjustAt = nowMs + ADJUST_EVERY_MS
    }
    for (let at = from; at < to; at++) {
      const key = features.entry[at]
      current.set(key, (current.get(key) ?? 0) + 1)
      const share = rates.get(key) ?? budget
      choice.probability[at] = share
      choice.keep[at] = depth(random.high[at], random.low[at]) <= share ? 1 : 0
    }
  })
  return choice
}

function adjust(
  average: Map<number, number>,
  current: Map<number, number>,
  budget: number,
): Map<number, number> {
  for (const key of current.keys()) if (!average.has(key)) average.set(key, current.get(key) ?? 0)
  let total = 0
  let logs = 0
  for (const [key, old] of average) {
    const now = old + EMA_WEIGHT * ((current.get(key) ?? 0) - old)
    if (now < EMA_LEAST) {
      average.delete(key)
      continue
    }
    average.set(key, now)
    total += now
    logs += Math.log10(now + 1)
  }
  current.clear()
  const rates = new Map<number, number>()
  let room = budget * total
  const keys = [...average].sort((a, b) => a[1] - b[1])
  for (const [key, count] of keys) {
    const log = Math.log10(count + 1)
    const goal = logs > 0 ? (room * log) / logs : 0
    const kept = Math.min(count, goal)
    rates.set(key, count > 0 ? kept / count : 1)
    room -= kept
    logs -= log
  }
  return rates
}
