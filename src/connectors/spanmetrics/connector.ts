/** Counts spans by tenant, and tells the counts as metrics each flush interval. The spans themselves end here. */
import type { Batch, Part, TenantId } from '../../core/batch.ts'
import type { Timer } from '../../core/clock.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext, Outlets } from '../../core/factory.ts'
import { MadeMetrics } from '../../core/made-metrics.ts'
import type { Counter } from '../../core/meter.ts'
import { MetricRounds, type Telling } from '../../core/metric-rounds.ts'
import { ACCEPTED, busy, type Outcome } from '../../core/outcome.ts'
import { materialise } from '../../rules/contexts/materialise.ts'
import { Aggregator } from './aggregator.ts'
import type { SpanmetricsConfig } from './config.ts'
import { Flusher } from './flush.ts'
import { FAILED, OVERFLOWED, POSTPONED, SERIES } from './metrics.ts'
import { Plan } from './plan.ts'

const RETRY_AFTER_MS = 1000

interface TenantCounts {
  readonly aggregator: Aggregator
  readonly flusher: Flusher
}

export class SpanmetricsConnector implements Component, Consumer {
  readonly #context: CreateContext<SpanmetricsConfig>
  readonly #plan: Plan
  readonly #made: MadeMetrics
  readonly #rounds: MetricRounds
  readonly #tenants = new Map<TenantId, TenantCounts>()
  readonly #overflowed: Counter
  readonly #forgetSeries: () => void
  #timer: Timer | null = null
  #isStopped = false

  constructor(context: CreateContext<SpanmetricsConfig>, { pipelines, to }: Outlets) {
    this.#context = context
    this.#plan = new Plan(context.config)
    const labels = { connector: context.id }
    this.#overflowed = context.meter.counter(OVERFLOWED, labels)
    this.#forgetSeries = context.meter.observe(SERIES, labels, () => this.#series())
    const ids = [...pipelines].flatMap(([id, signal]) => (signal === 'metrics' ? [id] : []))
    this.#made = new MadeMetrics({ ...context, next: to(ids) })
    this.#rounds = new MetricRounds({
      ...{ made: this.#made, clock: context.clock, log: context.log },
      postponed: context.meter.counter(POSTPONED, labels),
      failed: context.meter.counter(FAILED, labels),
      tellings: () => this.#tellings(),
    })
  }

  async start(): Promise<void> {
    const { clock, config } = this.#context
    this.#timer = clock.every(config.metrics_flush_interval, () => this.#rounds.begin())
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#rounds.end()
    await this.#made.drain(deadline)
    for (const { aggregator } of this.#tenants.values()) aggregator.groups.clear()
    this.#tenants.clear()
    this.#forgetSeries()
  }

  consume(batch: Batch): Outcome {
    if (this.#isStopped) return busy(RETRY_AFTER_MS, 'unavailable')
    const { id, ledger, clock } = this.#context
    const { tenant, signal, items } = batch
    const { aggregator } = this.#countsOf(tenant)
    const nowMs = clock.now()
    let skipped = 0
    for (const part of batch.parts) skipped += addPart(aggregator, part, nowMs)
    this.#overflowed.value += aggregator.overflowed
    aggregator.overflowed = 0
    const drop = (reason: string, count: number, intentional: boolean): void => {
      if (count > 0) ledger.dropped(tenant, signal, count, { stage: id, reason, intentional })
    }
    drop('aggregated', items - skipped, true)
    drop('no_service_name', skipped, false)
    batch.release()
    return ACCEPTED
  }

  #countsOf(tenant: TenantId): TenantCounts {
    let counts = this.#tenants.get(tenant)
    if (counts === undefined) {
      const { config, memory } = this.#context
      const aggregator = new Aggregator(this.#plan, memory)
      counts = { aggregator, flusher: new Flusher(this.#plan, config) }
      this.#tenants.set(tenant, counts)
    }
    return counts
  }

  *#tellings(): IterableIterator<readonly [TenantId, Telling]> {
    for (const [tenant, { aggregator, flusher }] of this.#tenants) {
      yield [tenant, (take, nowMs, isLast) => flusher.flush(aggregator.groups, nowMs, take, isLast)]
    }
  }

  #series(): number {
    let series = 0
    for (const { aggregator } of this.#tenants.values()) series += aggregator.groups.series
    return series
  }
}

function addPart(aggregator: Aggregator, given: Part, nowMs: number): number {
  const part = materialise(given)
  try {
    return aggregator.add(part, nowMs)
  } finally {
    if (part !== given) part.payload.release()
  }
}
