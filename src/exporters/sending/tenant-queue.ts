/**
 * What one tenant has in one lane: its own bound, batches, order, pauses, breaker and retry budget. Made at its first
 * batch and let go when it has been idle for a while, so that a thousand tenants that are silent cost nothing.
 */
import type { TenantId } from '../../core/batch.ts'
import type { Timer } from '../../core/clock.ts'
import { Flow } from '../../tenancy/scheduler/fair-turns.ts'
import { Fifo } from '../../util/fifo.ts'
import type { Batcher } from './batcher.ts'
import type { Breaker } from './breaker.ts'
import type { Capacity } from './capacity.ts'
import type { DiskFeed } from './disk-feed.ts'
import type { RetryBudget } from './retry-budget.ts'
import type { Shipment } from './shipment.ts'

export class TenantQueue extends Flow {
  readonly tenant: TenantId
  readonly capacity: Capacity
  readonly breaker: Breaker
  readonly budget: RetryBudget | null
  batcher: Batcher | null = null
  /** Where entries of this queue come from; null when it is in memory only. */
  feed: DiskFeed | null = null
  readonly fresh = new Fifo<Shipment>()
  /** Retries that are due, and pieces of what was cut: they go before fresh ones. */
  readonly again = new Fifo<Shipment>()
  readonly parked = new Map<Shipment, Timer>()
  inFlight = 0
  /** Given up, and still being written to the letters. */
  beingLaidAside = 0
  /** Monotonic time until which the destination wants nothing from this tenant. */
  pausedUntilMs = 0
  /** Brings it back into its turn when something may be sent again. */
  wake: Timer | null = null
  wakeAtMs = 0
  /** What the destination said last when it did not take something; null when all is well. */
  fault: string | null = null
  /** The last attempt failed in a way that may pass, a time-out for one. */
  isFailing = false
  /** Searches in a row for bad items that delivered nothing: the destination refuses everything. */
  vainSearches = 0
  searchAgainMs = 0
  /** Monotonic time at which it was found idle first; -1 while it is not. */
  idleSinceMs = -1

  constructor(
    tenant: TenantId,
    capacity: Capacity,
    breaker: Breaker,
    budget: RetryBudget | null,
    weight: number,
  ) {
    super()
    this.tenant = tenant
    this.capacity = capacity
    this.breaker = breaker
    this.budget = budget
    this.weight = weight
  }

  /** Nothing here or on its way. */
  get isIdle(): boolean {
    if (this.inFlight > 0 || this.parked.size > 0 || this.beingLaidAside > 0) return false
    if (this.fresh.length > 0 || this.again.length > 0) return false
    if (this.batcher !== null && !this.batcher.isEmpty) return false
    return this.capacity.isUnused && (this.feed === null || this.feed.isIdle)
  }

  get hasReady(): boolean {
    return this.again.length > 0 || this.fresh.length > 0
  }

  /** What is in memory and not on its way to the destination, the batcher's share left out. */
  *waiting(): IterableIterator<Shipment> {
    yield* this.again
    yield* this.fresh
    yield* this.parked.keys()
  }
}
