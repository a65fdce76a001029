/** Holds spans until their trace is complete, asks the policies about it, and hands it on or drops it as a whole. */
import { Batch, type Part, type RequestContext } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import type { Counter, Histogram } from '../../core/meter.ts'
import { ACCEPTED, busy, type Outcome } from '../../core/outcome.ts'
import { Outlet } from '../../core/outlet.ts'
import { materialise } from '../../rules/contexts/materialise.ts'
import { Assembly } from '../../sampler/assembly/assembly.ts'
import { TRACE_OWNER_1 } from '../../sampler/assembly/traces.ts'
import { policyOptions, type TailSamplingConfig } from './config.ts'
import { NOT_SAMPLED, SAMPLED } from './decision.ts'
import { Departures, type DropReason } from './departures.ts'
import { Gathering } from './gathering.ts'
import { Ingest } from './ingest.ts'
import { MemoryOfDecisions } from './memory-of-decisions.ts'
import {
  DECIDED_EARLY,
  DROPPED_TOO_EARLY,
  DROPPED_TOO_LARGE,
  HELD_BYTES,
  NEW_TRACES,
  ON_MEMORY,
  REMOVAL_AGE,
  TIMER_LATENCY,
} from './metrics.ts'
import { PolicyBuilder } from './policies/build.ts'
import { Verdict } from './verdict.ts'

/** Traces become due in such steps, and are decided then. */
const TICK_MS = 100
/** A round of decisions longer than this goes on after others had their turn. */
const MAX_ROUND_MS = 8
/** Traces between two looks at the clock. */
const CHECKED = 32
const AFTER_OTHERS_MS = 1
/** Traces that are decided before what is kept of them is handed on. */
const ROUND = 256
/** Most spans of a batch that goes out. */
const MAX_BATCH_SPANS = 8192
/** Kept spans that may wait for the next stage before what comes in is answered busy. */
const MAX_WAITING_SPANS = 32_768
/** Follows an earlier decision and is about to be handed on. */
const LEAVING = TRACE_OWNER_1
const STOPPING_RETRY_MS = 1000
const SECOND_MS = 1000

export class TailSamplingProcessor implements Component, Consumer {
  readonly #config: TailSamplingConfig
  readonly #clock: Clock
  readonly #memory: MemoryBudget
  readonly #assembly: Assembly
  readonly #gathering: Gathering
  readonly #verdict: Verdict
  /** Null unless the strategy is span-ingest. */
  readonly #ingest: Ingest | null
  readonly #decisions: MemoryOfDecisions
  readonly #departures: Departures
  readonly #outlet: Outlet
  readonly #newTraces: Counter
  readonly #tooEarly: Counter
  readonly #tooLarge: Counter
  readonly #early: Counter
  readonly #latency: Histogram
  readonly #removalAge: Histogram
  readonly #unobserve: readonly (() => void)[]
  readonly #removeHolder: () => void
  readonly #due = new Int32Array(ROUND)
  #ticker: Timer | null = null
  #more: Timer | null = null
  #isStopping = false

  constructor(context: CreateContext<TailSamplingConfig>, next: Consumer) {
    const { id, config, clock, ledger, memory, meter, log } = context
    this.#config = config
    this.#clock = clock
    this.#memory = memory
    const builder = new PolicyBuilder(policyOptions(config))
    const policies = builder.buildAll(config.policies, [])
    const { conditions } = builder
    const rootWait = config.decision_wait_after_root_received
    this.#assembly = new Assembly({
      memory,
      maxBytes: config.memory_limit,
      maxWaitMs: config.decision_wait,
      waitAfterRootMs: rootWait > 0 ? rootWait : undefined,
      conditionWords: conditions.words,
      tickMs: TICK_MS,
      holdsZeroIds: true,
    })
    this.#gathering = new Gathering(this.#assembly, conditions, log, {
      isExact: builder.limitsBytes,
      maxBytes: config.maximum_trace_size_bytes,
    })
    this.#verdict = new Verdict(policies, config.sample_on_first_match, meter, prefixOf(id))
    this.#ingest =
      config.sampling_strategy === 'span-ingest'
        ? new Ingest({
            ...{ assembly: this.#assembly, conditions, verdict: this.#verdict, log },
            maxBytes: config.maximum_trace_size_bytes,
          })
        : null
    this.#decisions = new MemoryOfDecisions(config, meter)
    this.#outlet = new Outlet({ id, next, clock, ledger, maxItems: MAX_WAITING_SPANS })
    const { assembly, outlet } = { assembly: this.#assembly, outlet: this.#outlet }
    this.#departures = new Departures({
      ...{ id, assembly, ledger, outlet, maxItems: MAX_BATCH_SPANS },
      thresholds: config.use_tracestate ? this.#verdict.thresholds : null,
    })
    this.#newTraces = meter.counter(NEW_TRACES, {})
    this.#tooEarly = meter.counter(DROPPED_TOO_EARLY, {})
    this.#tooLarge = meter.counter(DROPPED_TOO_LARGE, {})
    this.#early = meter.counter(DECIDED_EARLY, { processor: id })
    this.#latency = meter.histogram(TIMER_LATENCY, {})
    this.#removalAge = meter.histogram(REMOVAL_AGE, {})
    this.#unobserve = [
      meter.observe(ON_MEMORY, {}, () => assembly.traces.count + this.#decisions.size),
      meter.observe(HELD_BYTES, { processor: id }, () => assembly.bytesHeld),
    ]
    this.#removeHolder = ledger.addHolder(each => {
      assembly.visit(each)
      outlet.visit(each)
    })
  }

  async start(): Promise<void> {
    this.#ticker = this.#clock.every(TICK_MS, () => this.#round())
  }

  // hot: bench/flow/side-by-side.ts
  consume(batch: Batch): Outcome {
    if (this.#isStopping) return busy(STOPPING_RETRY_MS, 'unavailable')
    if (this.#outlet.isFull) return busy(this.#outlet.retryAfterMs)
    const { block_on_overflow: blocks, num_traces: most } = this.#config
    if (blocks && this.#assembly.traces.count >= most) return busy(TICK_MS)
    const laidOut = layOut(batch)
    const isTaken = this.#makeRoom(laidOut)
    if (isTaken) this.#take(laidOut)
    for (const [i, part] of laidOut.parts.entries()) {
      if (part.payload !== batch.parts[i].payload) part.payload.release()
    }
    if (!isTaken) return busy(this.#memory.retryAfterMs())
    batch.release()
    return ACCEPTED
  }

  async stop(deadline: AbortSignal): Promise<void> {
    const isFirst = !this.#isStopping
    this.#isStopping = true
    this.#ticker?.cancel()
    this.#more?.cancel()
    if (isFirst) this.#letAllGo()
    await this.#outlet.drain(deadline)
    for (const unobserve of this.#unobserve) unobserve()
    this.#assembly.close()
    // A batch that the next stage has not answered for yet stays on the book.
    if (this.#outlet.items === 0) this.#removeHolder()
  }

  #take(batch: Batch): void {
    const nowMs = this.#clock.monotonic()
    for (const part of batch.parts) {
      this.#assembly.add(part, batch.tenant, nowMs)
      if (this.#ingest === null) this.#gather(part, batch.context, nowMs)
      else this.#ingestPart(this.#ingest, part, batch.context, nowMs)
      // What comes under the same number in the next part may be another trace.
      this.#departures.flush()
    }
    if (this.#ingest !== null) this.#keepNumber(this.#assembly.traces.count, nowMs)
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
      if (number++ >= late) this.#decisions.put(traces, trace, isSampled, nowMs)
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
      this.#letGo(trace, 'too_large', nowMs)
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
        this.#letGo(oldest, 'num_traces', nowMs)
        lost++
      }
    }
    return lost
  }

  /** True when there is room for the batch. */
  #makeRoom(batch: Batch): boolean {
    const assembly = this.#assembly
    while (!assembly.reserve(batch)) {
      if (this.#outlet.isFull) return false
      const nowMs = this.#clock.monotonic()
      let trace = assembly.oldest()
      if (trace < 0) return false
      for (let i = 0; i < ROUND && trace >= 0; i++) {
        const next = assembly.newer(trace)
        this.#early.value++
        this.#decide(trace, nowMs)
        trace = next
      }
      this.#departures.flush()
    }
    return true
  }

  #oldestUndecided(): number {
    const { traces } = this.#assembly
    let trace = this.#assembly.oldest()
    while (trace >= 0 && (traces.flags(trace) & LEAVING) !== 0) trace = this.#assembly.newer(trace)
    return trace
  }

  #round(): void {
    if (this.#more !== null) return
    const nowMs = this.#clock.monotonic()
    let count = ROUND
    let isOver = this.#outlet.isFull
    while (count === ROUND && !isOver) {
      count = this.#assembly.ready(nowMs, this.#due)
      isOver = !this.#decideDue(count, nowMs)
      this.#departures.flush()
    }
    this.#latency.observe(this.#clock.monotonic() - nowMs)
    if (isOver || count === ROUND) {
      this.#more = this.#clock.after(this.#outlet.isFull ? TICK_MS : AFTER_OTHERS_MS, () => {
        this.#more = null
        this.#round()
      })
    } else this.#assembly.tidy(nowMs)
  }

  /** False when time is over or the next stage is busy; the others are due again. */
  #decideDue(count: number, nowMs: number): boolean {
    for (let i = 0; i < count; i++) {
      this.#decide(this.#due[i], nowMs)
      if ((i + 1) % CHECKED !== 0 && i + 1 < count) continue
      if (!this.#outlet.isFull && this.#clock.monotonic() - nowMs < MAX_ROUND_MS) continue
      for (let j = i + 1; j < count; j++) this.#assembly.expire(this.#due[j])
      return false
    }
    return true
  }

  // hot: bench/flow/side-by-side.ts
  #decide(trace: number, nowMs: number): void {
    if (this.#ingest !== null) {
      // No piece has sampled it, and none is to come.
      this.#verdict.countNotSampled()
      this.#decisions.putInCache(this.#assembly.traces, trace, nowMs)
      this.#letGo(trace, 'not_sampled', nowMs)
      return
    }
    const isSampled =
      this.#verdict.decide(this.#gathering.factsOf(trace, this.#clock.now())) === SAMPLED
    this.#decisions.put(this.#assembly.traces, trace, isSampled, nowMs)
    if (!isSampled) this.#letGo(trace, 'not_sampled', nowMs)
    else {
      this.#observeAge(trace, nowMs)
      this.#departures.keep(trace, this.#verdict.threshold)
      if (this.#departures.isFull) this.#departures.flush()
    }
  }

  #letGo(trace: number, reason: DropReason, nowMs: number): void {
    this.#observeAge(trace, nowMs)
    this.#departures.drop(trace, reason)
  }

  #observeAge(trace: number, nowMs: number): void {
    const ageMs = nowMs - this.#assembly.traces.firstArrivalMs(trace)
    this.#removalAge.observe(Math.floor(ageMs / SECOND_MS))
  }

  /** What is not decided yet is decided by what has come of it, unless it is to be dropped. */
  #letAllGo(): void {
    const assembly = this.#assembly
    const nowMs = this.#clock.monotonic()
    const drops = this.#config.drop_pending_traces_on_shutdown
    for (let trace = assembly.oldest(); trace >= 0; ) {
      const next = assembly.newer(trace)
      if (drops) this.#letGo(trace, 'pending_at_shutdown', nowMs)
      else this.#decide(trace, nowMs)
      trace = next
    }
    this.#departures.flush()
  }
}

/** The same batch, its edits laid out. */
function layOut(batch: Batch): Batch {
  const parts = batch.parts.map(materialise)
  if (parts.every((part, i) => part === batch.parts[i])) return batch
  return new Batch(batch.signal, batch.tenant, batch.context, parts)
}

/** A named processor says its name before those of its policies. */
function prefixOf(id: string): string {
  const at = id.indexOf('/')
  return at < 0 ? '' : `${id.slice(at + 1)}.`
}
