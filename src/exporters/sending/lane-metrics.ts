/** What a lane shows of itself: its bound as upstream does, and each tenant's queue, for a bounded number of tenants. */
import type { CreateContext } from '../../core/factory.ts'
import type { MetricSpec } from '../../core/meter.ts'
import type { BreakerState } from '../../core/queue-control.ts'
import type { Signal } from '../../core/signal.ts'
import type { Dispatcher } from './dispatcher.ts'
import {
  BREAKER_STATE,
  IN_FLIGHT,
  QUEUE_CAPACITY,
  QUEUE_SIZE,
  TENANT_DISK_BYTES,
  TENANT_QUEUE_BYTES,
  TENANT_QUEUE_ITEMS,
} from './metrics.ts'
import { loadOf } from './queue-load.ts'
import type { TenantQueue } from './tenant-queue.ts'

/** So many tenants have series of their own in each lane; the others are counted together as `other`. */
export const MAX_TENANT_SERIES = 200
const OTHERS = 'other'

const BREAKER_NUMBER: Readonly<Record<BreakerState, number>> = {
  none: 0,
  closed: 0,
  half_open: 1,
  open: 2,
}

export interface LaneMetricsOptions {
  readonly context: CreateContext<unknown>
  readonly signal: Signal
  readonly dispatcher: Dispatcher
  readonly queues: () => Iterable<TenantQueue>
  /** Of each tenant's queue; 0 when there is no queue. */
  readonly limit: number
  readonly hasStorage: boolean
}

export class LaneMetrics {
  readonly #options: LaneMetricsOptions
  readonly #shown = new Map<TenantQueue, (() => void)[]>()
  /** More than have series. */
  readonly #others = new Set<TenantQueue>()
  #stopOthers: (() => void)[] = []
  readonly #stops: (() => void)[]

  constructor(options: LaneMetricsOptions) {
    this.#options = options
    this.#stops = this.#observeLane()
  }

  add(queue: TenantQueue): void {
    if (this.#options.limit === 0) return
    if (this.#shown.size < MAX_TENANT_SERIES) {
      this.#shown.set(
        queue,
        this.#observe(queue.tenant, () => [queue]),
      )
      return
    }
    this.#others.add(queue)
    if (this.#others.size === 1) this.#stopOthers = this.#observe(OTHERS, () => this.#others)
  }

  remove(queue: TenantQueue): void {
    for (const stop of this.#shown.get(queue) ?? []) stop()
    this.#shown.delete(queue)
    if (this.#others.delete(queue) && this.#others.size === 0) this.#endOthers()
  }

  stop(): void {
    for (const stop of this.#stops) stop()
    for (const stops of this.#shown.values()) for (const stop of stops) stop()
    this.#endOthers()
    this.#shown.clear()
    this.#others.clear()
  }

  #endOthers(): void {
    for (const stop of this.#stopOthers) stop()
    this.#stopOthers = []
  }

  #observeLane(): (() => void)[] {
    const { context, signal, dispatcher, queues, limit } = this.#options
    const { meter, id } = context
    const labels = { exporter: id, data_type: signal }
    const inFlight = meter.observe(IN_FLIGHT, labels, () => dispatcher.inFlight)
    if (limit === 0) return [inFlight]
    const used = (): number => sum(queues(), queue => queue.capacity.used)
    return [
      inFlight,
      meter.observe(QUEUE_SIZE, labels, used),
      meter.observe(QUEUE_CAPACITY, labels, () => limit),
    ]
  }

  #observe(tenant: string, queues: () => Iterable<TenantQueue>): (() => void)[] {
    const { context, signal, dispatcher, hasStorage } = this.#options
    const labels = { tenant, exporter: context.id, signal }
    const stops: (() => void)[] = []
    const show = (spec: MetricSpec, of: (queue: TenantQueue) => number): void => {
      stops.push(context.meter.observe(spec, labels, () => sum(queues(), of)))
    }
    const inMemory = (of: 'bytes' | 'items') => (queue: TenantQueue) => {
      const { waiting, inFlight } = loadOf(queue, dispatcher.attempts())
      return waiting[of] + inFlight[of]
    }
    show(TENANT_QUEUE_BYTES, inMemory('bytes'))
    show(TENANT_QUEUE_ITEMS, inMemory('items'))
    if (hasStorage) show(TENANT_DISK_BYTES, queue => queue.feed?.store.bytes ?? 0)
    const state = (): number => {
      let worst = 0
      for (const { breaker } of queues()) {
        worst = Math.max(worst, BREAKER_NUMBER[breaker.state ?? 'none'])
      }
      return worst
    }
    stops.push(context.meter.observe(BREAKER_STATE, labels, state))
    return stops
  }
}

function sum(queues: Iterable<TenantQueue>, of: (queue: TenantQueue) => number): number {
  let total = 0
  for (const queue of queues) total += of(queue)
  return total
}
