/** Holds spans until their trace is complete, asks the policies about it, and hands it on or drops it as a whole. */
import type { Batch } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import type { Counter, Histogram } from '../../core/meter.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../core/outcome.ts'
import { Outlet } from '../../core/outlet.ts'
import { withoutEdits } from '../../rules/apply/without-edits.ts'
import { Assembly, type AssemblyOptions } from '../../sampler/assembly/assembly.ts'
import { policyOptions, type TailSamplingConfig } from './config.ts'
import { Departures } from './departures.ts'
import { Gathering } from './gathering.ts'
import { Ingest } from './ingest.ts'
import { Intake } from './intake.ts'
import { Judge } from './judge.ts'
import { MemoryOfDecisions } from './memory-of-decisions.ts'
import {
  DECIDED_EARLY,
  HELD_BYTES,
  ON_MEMORY,
  TIMER_LATENCY,
  UNREADABLE_STATES,
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
const STOPPING_RETRY_MS = 1000

export class TailSamplingProcessor implements Component, Consumer {
  readonly #config: TailSamplingConfig
  readonly #clock: Clock
  readonly #memory: MemoryBudget
  readonly #assembly: Assembly
  readonly #judge: Judge
  readonly #intake: Intake
  readonly #departures: Departures
  readonly #outlet: Outlet
  readonly #early: Counter
  readonly #latency: Histogram
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
    const assembly = new Assembly(assemblyOptions(config, memory, conditions.words))
    const outlet = new Outlet({ id, next, clock, ledger, maxItems: MAX_WAITING_SPANS })
    const maxBytes = config.maximum_trace_size_bytes
    const sizes = { isExact: builder.limitsBytes, maxBytes }
    const gathering = new Gathering(assembly, conditions, log, sizes)
    const verdict = new Verdict(policies, config.sample_on_first_match, meter, prefixOf(id))
    const asksPieces = config.sampling_strategy === 'span-ingest'
    const ingest = asksPieces ? new Ingest({ assembly, conditions, verdict, log, maxBytes }) : null
    const decisions = new MemoryOfDecisions(config, meter)
    const departures = new Departures({
      ...{ id, assembly, ledger, outlet, maxItems: MAX_BATCH_SPANS },
      thresholds: config.use_tracestate ? verdict.thresholds : null,
      unreadable: meter.counter(UNREADABLE_STATES, {}),
    })
    const shared = { config, clock, assembly, gathering, decisions, departures, meter }
    this.#judge = new Judge({ ...shared, verdict, asksPieces })
    this.#intake = new Intake({ ...shared, ingest, judge: this.#judge })
    this.#assembly = assembly
    this.#departures = departures
    this.#outlet = outlet
    this.#early = meter.counter(DECIDED_EARLY, { processor: id })
    this.#latency = meter.histogram(TIMER_LATENCY, {})
    this.#unobserve = [
      meter.observe(ON_MEMORY, {}, () => assembly.traces.count + decisions.size),
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
    const laidOut = withoutEdits(batch)
    const isTaken = this.#makeRoom(laidOut)
    if (isTaken) {
      const nowMs = this.#clock.monotonic()
      for (const part of laidOut.parts) this.#intake.take(part, batch.tenant, batch.context, nowMs)
    }
    if (laidOut !== batch) laidOut.release()
    if (!isTaken) return this.#noRoom(laidOut)
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

  /** What would not fit an empty house never will. */
  #noRoom(batch: Batch): Outcome {
    if (!this.#assembly.isTooLarge(batch)) return busy(this.#memory.retryAfterMs())
    const { memory_limit: limit } = this.#config
    const why = `${batch.items} spans need more memory than memory_limit (${limit} bytes)`
    return refused(batch.items, 'too_large', why)
  }

  /** True when there is room for the batch. */
  #makeRoom(batch: Batch): boolean {
    const assembly = this.#assembly
    while (!assembly.reserve(batch)) {
      if (this.#outlet.isFull || assembly.isTooLarge(batch)) return false
      const nowMs = this.#clock.monotonic()
      let trace = assembly.oldest()
      if (trace < 0) return false
      for (let i = 0; i < ROUND && trace >= 0; i++) {
        const next = assembly.newer(trace)
        this.#early.value++
        this.#judge.decide(trace, nowMs)
        trace = next
      }
      this.#departures.flush()
    }
    return true
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
      this.#judge.decide(this.#due[i], nowMs)
      if ((i + 1) % CHECKED !== 0 && i + 1 < count) continue
      if (!this.#outlet.isFull && this.#clock.monotonic() - nowMs < MAX_ROUND_MS) continue
      for (let j = i + 1; j < count; j++) this.#assembly.expire(this.#due[j])
      return false
    }
    return true
  }

  /** What is not decided yet is decided by what has come of it, unless it is to be dropped. */
  #letAllGo(): void {
    const assembly = this.#assembly
    const nowMs = this.#clock.monotonic()
    const drops = this.#config.drop_pending_traces_on_shutdown
    for (let trace = assembly.oldest(); trace >= 0; ) {
      const next = assembly.newer(trace)
      if (drops) this.#judge.letGo(trace, 'pending_at_shutdown', nowMs)
      else this.#judge.decide(trace, nowMs)
      trace = next
    }
    this.#departures.flush()
  }
}

/** A named processor says its name before those of its policies. */
function prefixOf(id: string): string {
  const at = id.indexOf('/')
  return at < 0 ? '' : `${id.slice(at + 1)}.`
}

function assemblyOptions(
  config: TailSamplingConfig,
  memory: MemoryBudget,
  conditionWords: number,
): AssemblyOptions {
  const rootWait = config.decision_wait_after_root_received
  return {
    memory,
    maxBytes: config.memory_limit,
    maxWaitMs: config.decision_wait,
    waitAfterRootMs: rootWait > 0 ? rootWait : undefined,
    conditionWords,
    tickMs: TICK_MS,
    holdsZeroIds: true,
  }
}
