/** Holds the spans of each trace for a while and hands them on as one batch. */
import type { Batch } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Ledger } from '../../core/ledger.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import type { Counter, Histogram } from '../../core/meter.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../core/outcome.ts'
import { Outlet } from '../../core/outlet.ts'
import { withoutEdits } from '../../rules/apply/without-edits.ts'
import { Assembly } from '../../sampler/assembly/assembly.ts'
import type { GroupByTraceConfig } from './config.ts'
import {
  EVENT_LATENCY,
  INCOMPLETE,
  QUEUED,
  RELEASED_EARLY,
  SPANS_RELEASED,
  TRACES_EVICTED,
  TRACES_HELD,
  TRACES_LIMIT,
  TRACES_RELEASED,
} from './metrics.ts'

/** Traces become due in such steps. */
const TICK_MS = 50
/** Traces that are handed on before others have their turn. */
const ROUND = 256
const AFTER_OTHERS_MS = 1
/** A larger trace is handed on in several batches. */
const MAX_BATCH_SPANS = 100_000
/** Spans that may wait for the next stage before what comes in is answered busy. */
const MAX_WAITING_SPANS = 32_768
const STOPPING_RETRY_MS = 1000

export class GroupByTraceProcessor implements Component, Consumer {
  readonly #id: string
  readonly #maxTraces: number
  readonly #maxBytes: number
  readonly #clock: Clock
  readonly #ledger: Ledger
  readonly #memory: MemoryBudget
  readonly #assembly: Assembly
  readonly #outlet: Outlet
  readonly #evicted: Counter
  readonly #traces: Counter
  readonly #spans: Counter
  readonly #early: Counter
  readonly #incomplete: Counter
  readonly #receiving: Histogram
  readonly #releasing: Histogram
  readonly #unobserve: readonly (() => void)[]
  readonly #removeHolder: () => void
  readonly #due = new Int32Array(ROUND)
  #ticker: Timer | null = null
  #more: Timer | null = null
  #isStopping = false

  constructor(context: CreateContext<GroupByTraceConfig>, next: Consumer) {
    const { id, config, clock, ledger, memory, meter } = context
    this.#id = id
    this.#maxTraces = config.num_traces
    this.#maxBytes = config.memory_limit
    this.#clock = clock
    this.#ledger = ledger
    this.#memory = memory
    const assembly = new Assembly({
      memory,
      maxBytes: config.memory_limit,
      maxWaitMs: config.wait_duration,
      tickMs: TICK_MS,
      holdsZeroIds: true,
    })
    const outlet = new Outlet({ id, next, clock, ledger, maxItems: MAX_WAITING_SPANS })
    this.#assembly = assembly
    this.#outlet = outlet
    this.#evicted = meter.counter(TRACES_EVICTED, {})
    this.#traces = meter.counter(TRACES_RELEASED, {})
    this.#spans = meter.counter(SPANS_RELEASED, {})
    this.#early = meter.counter(RELEASED_EARLY, { processor: id })
    this.#incomplete = meter.counter(INCOMPLETE, {})
    this.#receiving = meter.histogram(EVENT_LATENCY, { event: 'onTraceReceived' })
    this.#releasing = meter.histogram(EVENT_LATENCY, { event: 'onTraceReleased' })
    this.#unobserve = [
      meter.observe(QUEUED, {}, () => outlet.length),
      meter.observe(TRACES_LIMIT, {}, () => config.num_traces),
      meter.observe(TRACES_HELD, {}, () => assembly.traces.count),
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
    const nowMs = this.#clock.monotonic()
    const laidOut = withoutEdits(batch)
    const isTaken = this.#makeRoom(laidOut)
    if (isTaken) {
      for (const part of laidOut.parts) this.#assembly.add(part, batch.tenant, nowMs)
      this.#keepNumber()
    }
    if (laidOut !== batch) laidOut.release()
    if (!isTaken) return this.#noRoom(laidOut)
    this.#receiving.observe(this.#clock.monotonic() - nowMs)
    batch.release()
    return ACCEPTED
  }

  async stop(deadline: AbortSignal): Promise<void> {
    const isFirst = !this.#isStopping
    this.#isStopping = true
    this.#ticker?.cancel()
    this.#more?.cancel()
    if (isFirst) while (this.#releaseEarly() > 0);
    await this.#outlet.drain(deadline)
    for (const unobserve of this.#unobserve) unobserve()
    this.#assembly.close()
    // A batch that the next stage has not answered for yet stays on the book.
    if (this.#outlet.items === 0) this.#removeHolder()
  }

  /** What would not fit an empty house never will. */
  #noRoom(batch: Batch): Outcome {
    if (!this.#assembly.isTooLarge(batch)) return busy(this.#memory.retryAfterMs())
    const why = `${batch.items} spans need more memory than memory_limit (${this.#maxBytes} bytes)`
    return refused(batch.items, 'too_large', why)
  }

  #makeRoom(batch: Batch): boolean {
    while (!this.#assembly.reserve(batch)) {
      if (this.#outlet.isFull || this.#assembly.isTooLarge(batch)) return false
      const released = this.#releaseEarly()
      if (released === 0) return false
      this.#early.value += released
    }
    return true
  }

  /** The oldest, as many as fit a round, before their wait is over; says how many. */
  #releaseEarly(): number {
    let count = 0
    let trace = this.#assembly.oldest()
    for (; trace >= 0 && count < ROUND; trace = this.#assembly.newer(trace)) {
      this.#due[count++] = trace
    }
    this.#release(count)
    this.#incomplete.value += count
    return count
  }

  #round(): void {
    if (this.#more !== null) return
    const nowMs = this.#clock.monotonic()
    const isFull = this.#outlet.isFull
    const count = isFull ? ROUND : this.#assembly.ready(nowMs, this.#due)
    if (!isFull) this.#releaseRound(count, nowMs)
    if (count < ROUND) {
      this.#assembly.tidy(nowMs)
      return
    }
    this.#more = this.#clock.after(isFull ? TICK_MS : AFTER_OTHERS_MS, () => {
      this.#more = null
      this.#round()
    })
  }

  #releaseRound(count: number, nowMs: number): void {
    if (count === 0) return
    this.#release(count)
    this.#releasing.observe(this.#clock.monotonic() - nowMs)
  }

  #release(count: number): void {
    if (count === 0) return
    const options = { maxItems: MAX_BATCH_SPANS, apart: true }
    const batches = this.#assembly.emit(this.#due, count, options)
    for (let i = 0; i < count; i++) this.#spans.value += this.#assembly.forget(this.#due[i])
    this.#traces.value += count
    for (const batch of batches) this.#outlet.push(batch)
  }

  #keepNumber(): void {
    const assembly = this.#assembly
    while (assembly.traces.count > this.#maxTraces) {
      const oldest = assembly.oldest()
      const tenant = assembly.tenantName(assembly.traces.tenant(oldest))
      const drop = { stage: this.#id, reason: 'num_traces', intentional: false }
      this.#ledger.dropped(tenant, 'traces', assembly.forget(oldest), drop)
      this.#evicted.value++
      this.#incomplete.value++
    }
  }
}
