/** Counts what it gets, and sends the counts on as metrics. The items themselves end here. */
import { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import { refuseAll } from '../../core/dispatch.ts'
import type { CreateContext, Outlets } from '../../core/factory.ts'
import type { Counter as SelfCounter } from '../../core/meter.ts'
import { ACCEPTED, type Busy, busy, type Outcome, refused } from '../../core/outcome.ts'
import { Payload } from '../../core/payload.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault } from '../../otlp/request-index.ts'
import { EvaluationError } from '../../rules/value.ts'
import type { CountConfig } from './config.ts'
import { Counter } from './counter.ts'
import { OVERFLOWED } from './metrics.ts'
import { writeRequest } from './metrics-request.ts'
import { compileSections } from './sections.ts'
import { MAX_SERIES, MAX_SERIES_BYTES, Tally } from './tally.ts'

const NANOS_PER_MS = 1_000_000n

export class CountConnector implements Component, Consumer {
  readonly #context: CreateContext<CountConfig>
  readonly #counters: ReadonlyMap<Signal, Counter>
  readonly #overflowed: SelfCounter
  readonly #next: Consumer

  constructor(context: CreateContext<CountConfig>, { pipelines, to }: Outlets) {
    this.#context = context
    const sections = compileSections(context.config)
    this.#counters = new Map(SIGNALS.map(signal => [signal, new Counter(signal, sections)]))
    this.#overflowed = context.meter.counter(OVERFLOWED, { connector: context.id })
    this.#next = to([...pipelines].flatMap(([id, signal]) => (signal === 'metrics' ? [id] : [])))
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const tally = this.#count(batch)
    if (tally instanceof EvaluationError) {
      return refused(batch.items, 'rejected', `${this.#context.id}: ${tally.message}`)
    }
    if (tally.groups.length === 0) return this.#finish(batch, tally)
    const counts = this.#makeBatch(batch, tally)
    if (!(counts instanceof Batch)) return counts
    // Booked before anybody can say that it has sent them.
    this.#book(counts, counts.items)
    const outcome = this.#next.consume(counts)
    if (outcome instanceof Promise) {
      return outcome.then(settled => this.#conclude(batch, tally, counts, settled))
    }
    return this.#conclude(batch, tally, counts, outcome)
  }

  #count(batch: Batch): Tally | EvaluationError {
    const tally = new Tally()
    const counter = this.#counters.get(batch.signal) as Counter
    try {
      for (const part of batch.parts) counter.count(part, batch.context, tally)
      return tally
    } catch (error) {
      if (error instanceof EvaluationError) return error
      throw error
    }
  }

  /** Busy when the budget has no room for the counts. */
  #makeBatch({ tenant, context }: Batch, tally: Tally): Batch | Busy {
    const { clock, memory } = this.#context
    const bytes = writeRequest(tally, BigInt(Math.round(clock.now())) * NANOS_PER_MS)
    const index = indexRequest('metrics', bytes)
    if (isWireFault(index)) throw new Error(`counts are not a valid request: ${index.fault}`)
    const size = index.levels.reduce((sum, level) => sum + level.byteLength, bytes.length)
    if (!memory.tryReserve(size)) return busy(memory.retryAfterMs())
    const payload = new Payload(bytes, { onFree: () => memory.free(size) })
    const part = { payload, index, selection: null, edits: null, items: index.items }
    return new Batch('metrics', tenant, context, [part])
  }

  /** The sender has given items, not counts: they were taken as a whole, or not at all. */
  #conclude(batch: Batch, tally: Tally, counts: Batch, outcome: Outcome): Outcome {
    if (outcome.kind === 'accepted') return this.#finish(batch, tally)
    if (outcome.kind === 'refused' && outcome.items < counts.items) {
      const drop = { stage: this.#context.id, reason: outcome.why, intentional: false }
      this.#context.ledger.dropped(counts.tenant, counts.signal, outcome.items, drop)
      return this.#finish(batch, tally)
    }
    this.#book(counts, -counts.items)
    counts.release()
    return refuseAll(batch, outcome)
  }

  #book({ tenant, signal }: Batch, counts: number): void {
    this.#context.ledger.copied(tenant, signal, counts)
  }

  #finish(batch: Batch, { overflowed }: Tally): Outcome {
    const { id, ledger, log } = this.#context
    if (overflowed > 0) {
      this.#overflowed.value += overflowed
      log.warn('too_many_series', { overflowed, series: MAX_SERIES, bytes: MAX_SERIES_BYTES })
    }
    const drop = { stage: id, reason: 'counted', intentional: true }
    ledger.dropped(batch.tenant, batch.signal, batch.items, drop)
    batch.release()
    return ACCEPTED
  }
}
