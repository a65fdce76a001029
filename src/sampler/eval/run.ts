/** One model or baseline under one budget over one schedule: which traces it keeps, why, and with what probability. */
import { Decider } from '../decide/decider.ts'
import { DEFAULT_OPTIONS, REASON_ANOMALY, TRAIT_SHIFTED } from '../decide/options.ts'
import { HALF } from '../decide/probability.ts'
import { isOnline, type Model } from '../models/model.ts'
import { Random } from '../models/random.ts'
import type { Features } from './features.ts'
import type { Recording } from './recording.ts'
import type { Schedule } from './schedule.ts'

/** By place in the schedule's order. */
export interface Choice {
  readonly keep: Uint8Array
  /** 1: kept because the score, or the baseline's rule, calls it anomalous. */
  readonly flagged: Uint8Array
  /** Of being kept; what an estimate divides by. */
  readonly probability: Float64Array
}

/** 28 bits of randomness each, by place in the schedule's order. */
export interface Randomness {
  readonly high: Int32Array
  readonly low: Int32Array
}

/** Keeps the randomness of the traces apart from that of the schedule. */
const SALT = 0x5bd1e995

export function makeRandomness(count: number, seed: number): Randomness {
  const random = new Random(seed ^ SALT)
  const high = new Int32Array(count)
  const low = new Int32Array(count)
  for (let at = 0; at < count; at++) {
    high[at] = random.next() * HALF
    low[at] = random.next() * HALF
  }
  return { high, low }
}

/**
 * Scores tick by tick, as the collector does; an online model learns from each tick once it is scored. `vectors` are rows of
 * the model's layout, of whatever width.
 */
export function scoreAll(model: Model, vectors: Float32Array, schedule: Schedule): Float32Array {
  const count = schedule.order.length
  const width = vectors.length / count
  const scores = new Float32Array(count)
  forEachTick(schedule, (from, to) => {
    const rows = vectors.subarray(from * width, to * width)
    model.score(rows, to - from, scores.subarray(from, to))
    if (isOnline(model)) model.learn(rows, to - from)
  })
  return scores
}

export interface RunOptions {
  readonly budget: number
  readonly periodMs: number
}

export function decideAll(
  recording: Recording,
  schedule: Schedule,
  features: Features,
  scores: Float32Array,
  random: Randomness,
  options: RunOptions,
): Choice {
  const count = schedule.order.length
  const choice = emptyChoice(count)
  const decider = new Decider({
    ...DEFAULT_OPTIONS,
    budget: { ...DEFAULT_OPTIONS.budget, ratio: options.budget, periodMs: options.periodMs },
  })
  forEachTick(schedule, (from, to, nowMs) => {
    for (let at = from; at < to; at++) {
      const trace = schedule.order[at]
      const spans = recording.first[trace + 1] - recording.first[trace]
      const traits = features.shifted[at] === 1 ? TRAIT_SHIFTED : 0
      decider.add(
        at,
        random.high[at],
        random.low[at],
        0,
        0,
        scores[at],
        features.structure[at],
        spans,
        0,
        1,
        traits,
        0,
      )
    }
    decider.decide(nowMs)
    for (let row = 0; row < decider.count; row++) {
      const at = decider.handle[row]
      choice.keep[at] = decider.keep[row]
      choice.flagged[at] = decider.reason[row] === REASON_ANOMALY ? 1 : 0
      choice.probability[at] = decider.probability[row]
    }
    decider.clear()
  })
  return choice
}

export function emptyChoice(count: number): Choice {
  return {
    keep: new Uint8Array(count),
    flagged: new Uint8Array(count),
    probability: new Float64Array(count),
  }
}

/** Traces `from` to `to` - 1 of the order are decided together. */
export function forEachTick(
  schedule: Schedule,
  run: (from: number, to: number, nowMs: number) => void,
): void {
  const { tick } = schedule
  for (let from = 0; from < tick.length; ) {
    let to = from + 1
    while (to < tick.length && tick[to] === tick[from]) to++
    run(from, to, tick[from])
    from = to
  }
}
