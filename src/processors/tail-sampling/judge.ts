/** Decides about single traces and lets them go: the policies are asked, the answer is remembered, the spans leave or are dropped. */
import type { Clock } from '../../core/clock.ts'
import type { Histogram, Meter } from '../../core/meter.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import { SAMPLED } from './decision.ts'
import type { Departures, DropReason } from './departures.ts'
import type { Gathering } from './gathering.ts'
import type { MemoryOfDecisions } from './memory-of-decisions.ts'
import { REMOVAL_AGE } from './metrics.ts'
import type { Verdict } from './verdict.ts'

const SECOND_MS = 1000

export interface JudgeOptions {
  readonly clock: Clock
  readonly assembly: Assembly
  readonly gathering: Gathering
  readonly verdict: Verdict
  readonly decisions: MemoryOfDecisions
  readonly departures: Departures
  readonly meter: Meter
  /** Policies are asked when pieces come; what is left in the end has been sampled by none. */
  readonly asksPieces: boolean
}

export class Judge {
  readonly #options: JudgeOptions
  readonly #removalAge: Histogram

  constructor(options: JudgeOptions) {
    this.#options = options
    this.#removalAge = options.meter.histogram(REMOVAL_AGE, {})
  }

  // hot: bench/flow/side-by-side.ts
  /** What is kept leaves with the next `flush` of the departures. */
  decide(trace: number, nowMs: number): void {
    const { asksPieces, verdict, gathering, decisions, departures, assembly, clock } = this.#options
    if (asksPieces) {
      verdict.countNotSampled()
      decisions.putInCache(assembly.traces, trace, nowMs)
      this.letGo(trace, 'not_sampled', nowMs)
      return
    }
    const isSampled = verdict.decide(gathering.factsOf(trace, clock.now())) === SAMPLED
    decisions.put(assembly.traces, trace, isSampled, nowMs)
    if (!isSampled) this.letGo(trace, 'not_sampled', nowMs)
    else {
      this.observeAge(trace, nowMs)
      departures.keep(trace, verdict.threshold)
      if (departures.isFull) departures.flush()
    }
  }

  /** Undecided, or not to be kept. */
  letGo(trace: number, reason: DropReason, nowMs: number): void {
    this.observeAge(trace, nowMs)
    this.#options.departures.drop(trace, reason)
  }

  /** Of a trace whose spans leave or are dropped now. */
  observeAge(trace: number, nowMs: number): void {
    const ageMs = nowMs - this.#options.assembly.traces.firstArrivalMs(trace)
    this.#removalAge.observe(Math.floor(ageMs / SECOND_MS))
  }
}
