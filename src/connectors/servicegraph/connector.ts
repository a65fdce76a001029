/** Pairs spans to edges by tenant, and tells the edges as metrics each flush interval. The spans themselves end here. */
import type { Batch, Part, TenantId } from '../../core/batch.ts'
import type { Timer } from '../../core/clock.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext, Outlets } from '../../core/factory.ts'
import { MadeMetrics } from '../../core/made-metrics.ts'
import type { Counter } from '../../core/meter.ts'
import { MetricRounds, type Telling } from '../../core/metric-rounds.ts'
import { ACCEPTED, busy, type Outcome } from '../../core/outcome.ts'
import { materialise } from '../../rules/contexts/materialise.ts'
import type { ServicegraphConfig } from './config.ts'
import { SeriesOfEdges } from './edge-series.ts'
import { type Seen, ServiceGraph } from './graph.ts'
import {
  DROPPED_SPANS,
  EXPIRED_EDGES,
  FAILED,
  OVERFLOWED,
  POSTPONED,
  TOTAL_EDGES,
} from './metrics.ts'

const RETRY_AFTER_MS = 1000

export class ServicegraphConnector implements Component, Consumer {
  readonly #context: CreateContext<ServicegraphConfig>
  readonly #made: MadeMetrics
  readonly #rounds: MetricRounds
  readonly #graphs = new Map<TenantId, ServiceGraph>()
  readonly #total: Counter
  readonly #expired: Counter
  readonly #dropped: Counter
  readonly #overflowed: Counter
  readonly #timers: Timer[] = []
  #startMs = 0
  #isStopped = false

  constructor(context: CreateContext<ServicegraphConfig>, { pipelines, to }: Outlets) {
    this.#context = context
    const { meter, clock } = context
    const labels = { connector: context.id }
    this.#total = meter.counter(TOTAL_EDGES, labels)
    this.#expired = meter.counter(EXPIRED_EDGES, labels)
    this.#dropped = meter.counter(DROPPED_SPANS, labels)
    this.#overflowed = meter.counter(OVERFLOWED, labels)
    this.#startMs = clock.now()
    const ids = [...pipelines].flatMap(([id, signal]) => (signal === 'metrics' ? [id] : []))
    this.#made = new MadeMetrics({ ...context, next: to(ids) })
    this.#rounds = new MetricRounds({
      ...{ made: this.#made, clock, log: context.log },
      postponed: meter.counter(POSTPONED, labels),
      failed: meter.counter(FAILED, labels),
      tellings: () => this.#tellings(),
    })
  }

  async start(): Promise<void> {
    const { clock, config } = this.#context
    const { metrics_flush_interval, cache_loop, store_expiration_loop } = config
    const every = (ms: number, f: () => void): void => {
      if (ms > 0) this.#timers.push(clock.every(ms, f))
    }
    every(metrics_flush_interval, () => this.#rounds.begin())
    // Upstream's defaults where 0 is configured.
    every(cache_loop || 60_000, () => this.#clean())
    every(store_expiration_loop || 2000, () => this.#expire())
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    for (const timer of this.#timers) timer.cancel()
    this.#expire()
    await this.#rounds.end()
    await this.#made.drain(deadline)
    for (const graph of this.#graphs.values()) {
      graph.abandon()
      this.#publish(graph)
      graph.series.clear()
    }
    this.#graphs.clear()
  }

  consume(batch: Batch): Outcome {
    if (this.#isStopped) return busy(RETRY_AFTER_MS, 'unavailable')
    const { clock, config } = this.#context
    const graph = this.#graphOf(batch.tenant)
    const nowMs = clock.now()
    for (const part of batch.parts) this.#book(batch, addPart(graph, part, nowMs), part.items)
    this.#publish(graph)
    batch.release()
    if (config.metrics_flush_interval === 0) this.#rounds.begin()
    return ACCEPTED
  }

  #book({ tenant, signal }: Batch, seen: Seen, items: number): void {
    const { id, ledger } = this.#context
    const { noEdge, noService, noRoom, newEdges } = seen
    this.#total.value += newEdges
    this.#dropped.value += noRoom
    const drop = (reason: string, count: number, intentional: boolean): void => {
      if (count > 0) ledger.dropped(tenant, signal, count, { stage: id, reason, intentional })
    }
    drop('aggregated', items - noEdge - noService - noRoom, true)
    drop('no_edge', noEdge, true)
    drop('no_service_name', noService, false)
    drop('too_many_edges', noRoom, false)
  }

  #graphOf(tenant: TenantId): ServiceGraph {
    let graph = this.#graphs.get(tenant)
    if (graph === undefined) {
      const { config, memory } = this.#context
      const series = new SeriesOfEdges(config, memory, this.#startMs)
      graph = new ServiceGraph(config, series, memory)
      this.#graphs.set(tenant, graph)
    }
    return graph
  }

  *#tellings(): IterableIterator<readonly [TenantId, Telling]> {
    for (const [tenant, { series }] of this.#graphs) {
      if (!series.isEmpty) yield [tenant, (take, nowMs) => series.write(nowMs, take)]
    }
  }

  #expire(): void {
    const nowMs = this.#context.clock.now()
    for (const graph of this.#graphs.values()) {
      graph.expire(nowMs)
      this.#publish(graph)
    }
  }

  #clean(): void {
    const nowMs = this.#context.clock.now()
    for (const [tenant, graph] of this.#graphs) {
      graph.series.clean(nowMs)
      if (graph.isEmpty) this.#graphs.delete(tenant)
    }
  }

  #publish(graph: ServiceGraph): void {
    this.#expired.value += graph.expired
    this.#overflowed.value += graph.series.overflowed
    graph.expired = graph.series.overflowed = 0
  }
}

function addPart(graph: ServiceGraph, given: Part, nowMs: number): Seen {
  const part = materialise(given)
  try {
    return graph.add(part, nowMs)
  } finally {
    if (part !== given) part.payload.release()
  }
}
