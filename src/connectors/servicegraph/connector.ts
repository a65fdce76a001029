/** Pairs spans to edges by tenant, and tells the edges as metrics each flush interval. The spans themselves end here. */
import type { Batch, Part, TenantId } from '../../core/batch.ts'
import type { Timer } from '../../core/clock.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext, Outlets } from '../../core/factory.ts'
import { MadeMetrics } from '../../core/made-metrics.ts'
import type { Counter } from '../../core/meter.ts'
import { ACCEPTED, busy, type Outcome } from '../../core/outcome.ts'
import { materialise } from '../../rules/contexts/materialise.ts'
import { inSlices } from '../../util/in-slices.ts'
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
  readonly #graphs = new Map<TenantId, ServiceGraph>()
  readonly #total: Counter
  readonly #expired: Counter
  readonly #dropped: Counter
  readonly #overflowed: Counter
  readonly #postponed: Counter
  readonly #failed: Counter
  readonly #timers: Timer[] = []
  #startMs = 0
  #flushing: Promise<void> | null = null
  #isStopped = false

  constructor(context: CreateContext<ServicegraphConfig>, { pipelines, to }: Outlets) {
    this.#context = context
    const { meter, clock } = context
    const labels = { connector: context.id }
    this.#total = meter.counter(TOTAL_EDGES, labels)
    this.#expired = meter.counter(EXPIRED_EDGES, labels)
    this.#dropped = meter.counter(DROPPED_SPANS, labels)
    this.#overflowed = meter.counter(OVERFLOWED, labels)
    this.#postponed = meter.counter(POSTPONED, labels)
    this.#failed = meter.counter(FAILED, labels)
    this.#startMs = clock.now()
    const ids = [...pipelines].flatMap(([id, signal]) => (signal === 'metrics' ? [id] : []))
    this.#made = new MadeMetrics({ ...context, next: to(ids) })
  }

  async start(): Promise<void> {
    const { clock, config } = this.#context
    const { metrics_flush_interval, cache_loop, store_expiration_loop } = config
    const every = (ms: number, f: () => void): void => {
      if (ms > 0) this.#timers.push(clock.every(ms, f))
    }
    every(metrics_flush_interval, () => this.#flush())
    // Upstream's defaults where 0 is configured.
    every(cache_loop || 60_000, () => this.#clean())
    every(store_expiration_loop || 2000, () => this.#expire())
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    for (const timer of this.#timers) timer.cancel()
    this.#expire()
    await this.#flushing
    // What was counted since the last flush is told before the end.
    this.#flush()
    await this.#flushing
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
    if (config.metrics_flush_interval === 0) this.#flush()
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

  #flush(): void {
    // Nothing is lost by waiting: what is counted meanwhile is told with the rest, at the latest at the stop.
    if (this.#flushing !== null || !(this.#made.isIdle || this.#isStopped)) {
      this.#postponed.value++
      return
    }
    const flushing = this.#tellAll().finally(() => {
      this.#flushing = null
    })
    this.#flushing = flushing
  }

  async #tellAll(): Promise<void> {
    const nowMs = this.#context.clock.now()
    for (const [tenant, { series }] of this.#graphs) {
      if (series.isEmpty) continue
      const take = (bytes: Uint8Array): boolean => this.#made.push(tenant, bytes)
      try {
        if (!(await inSlices(series.write(nowMs, take)))) this.#postponed.value++
      } catch (error) {
        // Nobody waits for a flush: its fault would end the process.
        this.#failed.value++
        this.#context.log.error('flush_failed', { tenant, error })
      }
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
