/** Traffic for the decider's tests: quiet scores, incidents with higher ones in shift, randomness from a seed. */
import { Decider } from '../../../src/sampler/decide/decider.ts'
import { DEFAULT_OPTIONS, type DeciderOptions } from '../../../src/sampler/decide/options.ts'
import { HALF } from '../../../src/sampler/decide/probability.ts'

export class Seeded {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  half(): number {
    return Math.floor(this.next() * HALF)
  }

  /** Standard normal. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
  }
}

export function decider(options: Partial<DeciderOptions> = {}): Decider {
  return new Decider({ ...DEFAULT_OPTIONS, ...options })
}

export function budget(ratio: number): DeciderOptions['budget'] {
  return { ...DEFAULT_OPTIONS.budget, ratio }
}

/** All that `add` takes, with what most tests do not care for left out. */
export interface Trace {
  readonly handle?: number
  readonly high: number
  readonly low: number
  readonly inHigh?: number
  readonly inLow?: number
  readonly score?: number
  readonly structure?: number
  readonly spans?: number
  readonly bytes?: number
  readonly importance?: number
  readonly traits?: number
  readonly tenant?: number
}

export function add(to: Decider, trace: Trace): void {
  to.add(
    trace.handle ?? to.count,
    trace.high,
    trace.low,
    trace.inHigh ?? 0,
    trace.inLow ?? 0,
    trace.score ?? 0,
    trace.structure ?? 0,
    trace.spans ?? 1,
    trace.bytes ?? 100,
    trace.importance ?? 1,
    trace.traits ?? 0,
    trace.tenant ?? 0,
  )
}

/** Adds quiet traces; scores are lognormal, a tenth of them is flagged as shifted without reason. */
export function addQuiet(
  to: Decider,
  random: Seeded,
  count: number,
  from: Partial<Trace> = {},
): void {
  for (let at = 0; at < count; at++) {
    const score = Math.exp(0.8 * random.normal())
    add(to, { high: random.half(), low: random.half(), score, ...from })
  }
}

/** Ticks of quiet traffic of a second each, until the score means something. Answers the time after them. */
export function warm(to: Decider, random: Seeded, startMs = 0, perTick = 100): number {
  let now = startMs
  for (let tick = 0; tick < 90; tick++) {
    to.clear()
    addQuiet(to, random, perTick)
    to.decide((now += 1_000))
  }
  to.clear()
  return now
}
