/** Takes parts in: spans go to their traces, those of decided traces follow the decision, and no more traces are held than may be. */
import type { Part, RequestContext, TenantId } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { Counter, Meter } from '../../core/meter.ts'
import type { Assembly } from '../../sampler/assembly/assembly.ts'
import { TRACE_OWNER_1 } from '../../sampler/assembly/traces.ts'
import type { TailSamplingConfig } from './config.ts'
import { NOT_SAMPLED, SAMPLED } from './decision.ts'
import type { Departures } from './departures.ts'
import type { Gathering } from './gathering.ts'
import type { Ingest } from './ingest.ts'
import type { Judge } from './judge.ts'
import type { MemoryOfDecisions } from './memory-of-decisions.ts'
import { DROPPED_TOO_EARLY, DROPPED_TOO_LARGE, NEW_TRACES } from './metrics.ts'

/** Follows an earlier decision and is about to be handed on. */
const LEAVING = TRACE_OWNER_1

export interface IntakeOptions {
  readonly config: TailSamplingConfig
  readonly clock: Clock
  readonly assembly: Assembly
  readonly gathering: Gathering
  /** Null unless the strategy is span-ingest. */
  readonly ingest: Ingest | null
  readonly decisions: MemoryOfDecisions
  readonly departures: Departures
  readonly judge: Judge
  readonly meter: Meter
}

export class Intake {
  readonly #config: TailSamplingConfig
  readonly #clock: Clock
  readonly #assembly: Assembly
  readonly #gathering: Gathering
  readonly #ingest: Ingest | null
  readonly #decisions: MemoryOfDecisions
  readonly #departures: Departures
  readonly #judge: Judge
  readonly #newTraces: Counter
  readonly #tooEarly: Counter
  readonly #tooLarge: Counter

  constructor(options: IntakeOptions) {
    this.#config = options.config
    this.#clock = options.clock
    this.#assembly = options.assembly
    this.#gathering = options.gathering
    this.#ingest = options.ingest
    this.#decisions = options.decisions
    this.#departures = options.departures
    this.#judge = options.judge
    this.#newTraces = options.meter.counter(NEW_TRACES, {})
    this.#tooEarly = options.meter.counter(DROPPED_TOO_EARLY, {})
    this.#tooLarge = options.meter.counter(DROPPED_TOO_LARGE, {})
  }

  // hot: bench/micro/tail-sampling.ts
  /** The part carries no edits, and there is room for it. */
  take(part: Part, tenant: TenantId, request: RequestContext, nowMs: number): void {
    this.#assembly.add(part, tenant, nowMs)
    if (this.#ingest === null) this.#gather(part, request, nowMs)
    else {
      this.#ingestPart(this.#ingest, part, request, nowMs)
      // What has left counts no more.
      this.#departures.flush()
      this.#keepNumber(this.#assembly.traces.count, nowMs)
    }
    // What comes under the same number in the next part may be another trace.
    this.#departures.flush()
  }

  #gather(part: Part, request: RequestContext, nowMs: number): void {
    this.#gathering.add(part, request)
    const { newTraces, newCount, traces } = this.#assembly
    let undecided = traces.count - newCount
    for (let i = 0; i < newCount; i++) {
      const before = this.#decidedBefore(newTraces[i], nowMs)
      if (before === null) {
        // One by one: a decision that is forgotten for this trace may be the next one's.
        undecided -= this.#keepNumber(undecided + 1, nowMs) - 1
        continue
      }
      this.#gathering.tooLarge.delete(newTraces[i])
      if (before) {
        traces.setFlags(newTraces[i], LEAVING)
        this.#departures.keep(newTraces[i])
      } else this.#departures.drop(newTraces[i], 'not_sampled')
    }
    this.#dropTooLarge(nowMs)
  }

  /** Spans of traces that were decided before follow at once. */
  #decidedBefore(trace: number, nowMs: number): boolean | null {
    const before = this.#decisions.find(this.#assembly.traces, trace, nowMs)
    if (before === null) this.#newTraces.value++
    return before
  }

  #ingestPart(ingest: Ingest, part: Part, request: RequestContext, nowMs: number): void {
    const { newTraces, newCount, traces } = this.#assembly
    const { decided } = ingest
    for (let i = 0; i < newCount; i++) {
      const before = this.#decidedBefore(newTraces[i], nowMs)
      if (before === null) continue
      decided.set(newTraces[i], { decision: before ? SAMPLED : NOT_SAMPLED, threshold: -1 })
    }
    const late = decided.size
    ingest.add(part, request, this.#clock.now())
    let number = 0
    for (const [trace, { decision, threshold }] of decided) {
      const isSampled = decision === SAMPLED
      if (decision === 'too large') this.#tooLarge.value++
      if (number++ >= late) {
        this.#decisions.put(traces, trace, isSampled, nowMs)
        this.#judge.observeAge(trace, nowMs)
      }
      if (isSampled) this.#departures.keep(trace, threshold)
      else this.#departures.drop(trace, decision === 'too large' ? 'too_large' : 'not_sampled')
    }
    decided.clear()
  }

  #dropTooLarge(nowMs: number): void {
    const { tooLarge } = this.#gathering
    if (tooLarge.size === 0) return
    for (const trace of tooLarge) {
      this.#tooLarge.value++
      this.#decisions.put(this.#assembly.traces, trace, false, nowMs)
      this.#judge.letGo(trace, 'too_large', nowMs)
    }
    tooLarge.clear()
  }

  /** Beyond `num_traces` the oldest are forgotten, first those that are decided. Says how many were not. */
  #keepNumber(undecided: number, nowMs: number): number {
    const most = Math.max(1, this.#config.num_traces)
    let lost = 0
    while (undecided - lost + this.#decisions.size > most) {
      if (this.#decisions.size > 0) this.#decisions.forgetOldest()
      else if (this.#config.block_on_overflow) break
      else {
        const oldest = this.#oldestUndecided()
        if (oldest < 0) break
        this.#gathering.tooLarge.delete(oldest)
        this.#tooEarly.value++
        this.#judge.letGo(oldest, 'num_traces', nowMs)
        lost++
      }
    }
    return lost
  }

  #oldestUndecided(): number {
    const { traces } = this.#assembly
    let trace = this.#assembly.oldest()
    while (trace >= 0 && (traces.flags(trace) & LEAVING) !== 0) trace = this.#assembly.newer(trace)
    return trace
  }
}
