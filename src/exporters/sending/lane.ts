/**
 * The way of one signal through an exporter: a queue for each tenant, and one dispatcher for all. Signals do not take
 * each other's room, tenants neither.
 */
import type { Batch, TenantId } from '../../core/batch.ts'
import type { Timer } from '../../core/clock.ts'
import type { Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { HolderVisit } from '../../core/ledger.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../core/outcome.ts'
import type { Signal } from '../../core/signal.ts'
import type { DeadLetters, StoredQueues } from '../../core/storage.ts'
import type { Tenancy } from '../../core/tenancy.ts'
import type { BufferPool } from '../../util/buffer-pool.ts'
import { Batcher, measure } from './batcher.ts'
import { Books } from './books.ts'
import { type Breaker, CircuitBreaker, PASS_THROUGH } from './breaker.ts'
import { Capacity } from './capacity.ts'
import type { BreakerConfig, RetryConfig, SendingConfig } from './config.ts'
import { DiskFeed } from './disk-feed.ts'
import { Dispatcher } from './dispatcher.ts'
import { LaneMetrics } from './lane-metrics.ts'
import { RetryBudget } from './retry-budget.ts'
import type { RelaySender } from './sender.ts'
import { createShipment } from './shipment.ts'
import { TenantQueue } from './tenant-queue.ts'
import { Ticket, type TicketResult } from './ticket.ts'
import type { Window } from './window.ts'

/** What a sender of data is told while the exporter stops, or has not opened its storage yet. */
const STOPPING_RETRY_MS = 1000
/** A tenant's queue is let go after so long without anything in it. */
const IDLE_MS = 60_000
/** How often idle ones are looked for, while there is more than one. */
const SWEEP_MS = 15_000
/** A breaker stays open at least so long, however short the intervals between retries are. */
const MIN_OPEN_MS = 100

export interface LaneOptions {
  readonly context: CreateContext<unknown>
  readonly config: SendingConfig
  readonly sender: RelaySender
  readonly buffers: BufferPool
  /** For all tenants, instead of one for each by configuration. */
  readonly breaker: Breaker | null
  /** Least of what the configuration and the destination's protocol allow; 0 = unlimited. */
  readonly maxBytes: number
  /** Null without a storage; such a lane takes nothing before `open`. */
  readonly window: Window | null
  readonly random: () => number
  /** See `AnswersOptions.report`. */
  readonly report: (queue: TenantQueue, fault: string | null) => void
}

export class Lane implements Consumer {
  readonly signal: Signal
  readonly dispatcher: Dispatcher
  readonly books: Books
  readonly #options: LaneOptions
  readonly #config: SendingConfig
  readonly #tenancy: Tenancy
  readonly #queues = new Map<TenantId, TenantQueue>()
  readonly #metrics: LaneMetrics
  /** Of a batch that was taken in part and given up: what stood for it, by which the sender knows how far it came. */
  readonly #tried = new WeakMap<Batch, Batch>()
  /** Most batches are of the same tenant as the one before. */
  #last: TenantQueue | null = null
  #shares: number
  #stores: StoredQueues | null = null
  #sweep: Timer | null = null
  #isOpen: boolean

  constructor(signal: Signal, options: LaneOptions) {
    const { context, config } = options
    const queue = config.sending_queue
    this.signal = signal
    this.#options = options
    this.#config = config
    this.#tenancy = context.tenancy
    this.#shares = context.tenancy.version
    this.#isOpen = options.window === null
    this.books = new Books(context, signal, batch => options.sender.progress?.(batch) ?? null)
    const queues = () => this.#queues.values()
    this.dispatcher = new Dispatcher({
      id: context.id,
      clock: context.clock,
      log: context.log,
      sender: options.sender,
      buffers: options.buffers,
      books: this.books,
      retry: config.retry_on_failure,
      timeoutMs: config.timeout,
      maxConcurrent: queue.enabled ? queue.num_consumers : Number.MAX_SAFE_INTEGER,
      maxBytes: options.maxBytes,
      random: options.random,
      report: options.report,
      queues,
    })
    this.books.onLaidAside = () => this.dispatcher.checkIdle()
    this.#metrics = new LaneMetrics({
      context,
      signal,
      dispatcher: this.dispatcher,
      queues,
      limit: queue.enabled ? queue.queue_size : 0,
      hasStorage: options.window !== null,
    })
  }

  /** Goes on with what is on disk. */
  open(stores: StoredQueues, letters: DeadLetters): void {
    const { context } = this.#options
    const { signal } = this
    this.#stores = stores
    this.books.letters = letters
    this.#isOpen = true
    for (const tenant of stores.recovered) {
      const { store } = this.queueOf(tenant).feed!
      const { entries, items, bytes } = store
      context.ledger.accepted(tenant, signal, items)
      context.log.info('queue_recovered', {
        exporter: context.id,
        signal,
        tenant,
        entries,
        items,
        bytes,
      })
    }
    for (const queue of this.#queues.values()) queue.feed?.feed()
  }

  // hot: bench/micro/sending.ts
  consume(batch: Batch): Outcome | Promise<Outcome> {
    if (!this.#isOpen) return busy(STOPPING_RETRY_MS, 'unavailable')
    if (batch.items === 0) {
      batch.release()
      return ACCEPTED
    }
    const settings = this.#config.sending_queue
    const queue = this.queueOf(batch.tenant)
    if (!settings.enabled) return this.#deliver(queue, batch, 0)
    const { capacity } = queue
    const charge = measure(settings.sizer, batch)
    if (charge > capacity.limit) return this.#refuseOversize(batch, charge)
    if (capacity.tryTake(charge)) return this.#take(queue, batch, charge)
    // What waits for company in the batcher would hold the room until its timer fires.
    queue.batcher?.flushAll()
    if (settings.block_on_overflow) return this.#waitForRoom(queue, batch, charge)
    this.books.notTaken(batch.items)
    return busy(capacity.retryAfterMs(charge))
  }

  visit(each: HolderVisit): void {
    for (const queue of this.#queues.values()) {
      queue.batcher?.visit(each)
      if (this.#stores !== null) queue.feed?.visit(each)
    }
    this.dispatcher.visit(each)
  }

  queues(): IterableIterator<TenantQueue> {
    return this.#queues.values()
  }

  queueOf(tenant: TenantId): TenantQueue {
    if (this.#tenancy.version !== this.#shares) this.#applyShares()
    const last = this.#last
    if (last !== null && last.tenant === tenant) {
      last.idleSinceMs = -1
      return last
    }
    const queue = this.#queues.get(tenant) ?? this.#create(tenant)
    queue.idleSinceMs = -1
    this.#last = queue
    return queue
  }

  /** Returns items that could not be delivered and are not on disk. */
  async stop(deadline: AbortSignal): Promise<number> {
    this.#isOpen = false
    this.#sweep?.cancel()
    const appended: Promise<void>[] = []
    for (const queue of this.#queues.values()) {
      queue.capacity.close()
      if (queue.feed !== null) appended.push(queue.feed.stop())
      queue.batcher?.flushAll()
    }
    if (!deadline.aborted) {
      const work = Promise.all([this.dispatcher.drain(), ...appended])
      await orAborted(work, deadline)
    }
    const lost = this.dispatcher.close()
    await this.#closeStores()
    this.#metrics.stop()
    return lost
  }

  async #closeStores(): Promise<void> {
    const stores = this.#stores
    if (stores === null) return
    this.#stores = null
    let [entries, items] = [0, 0]
    for (const { feed } of this.#queues.values()) {
      feed!.leave()
      entries += feed!.store.entries
      items += feed!.store.items
    }
    if (entries > 0) {
      const { id: exporter, log } = this.#options.context
      log.info('queue_left_on_disk', { exporter, signal: this.signal, entries, items })
    }
    await stores.close()
  }

  #take(queue: TenantQueue, batch: Batch, charge: number): Outcome | Promise<Outcome> {
    if (this.#config.sending_queue.wait_for_result) return this.#deliver(queue, batch, charge)
    if (queue.feed !== null) {
      // What cannot be encoded cannot be stored either: whoever sent it learns what became of it.
      return queue.feed.append(batch, charge) ?? this.#deliver(queue, batch, charge)
    }
    if (queue.batcher !== null) queue.batcher.add(batch, charge, null)
    else {
      const now = this.#options.context.clock.monotonic()
      this.dispatcher.add(createShipment(queue, batch, charge, null, null, now))
    }
    return ACCEPTED
  }

  /** The caller keeps the batch until the outcome is known, so the shipment gets its own hold on the bytes. */
  async #deliver(queue: TenantQueue, batch: Batch, charge: number): Promise<Outcome> {
    const { context, sender } = this.#options
    const now = context.clock.monotonic()
    const tried = this.#tried.get(batch)
    tried?.retain()
    const own = tried ?? batch.share()
    const result = await new Promise<TicketResult>(resolve => {
      const ticket = new Ticket(resolve)
      this.dispatcher.add(createShipment(queue, own, charge, ticket, null, now))
    })
    const { outcome } = result
    // Also where nothing had landed yet: an answer that comes after the time-out is known for this very batch only.
    if (outcome.kind === 'busy' && sender.progress !== undefined) this.#tried.set(batch, own)
    this.books.settleTicket(batch, result)
    const isTaken =
      outcome.kind === 'accepted' || (outcome.kind === 'refused' && outcome.items < batch.items)
    if (isTaken) batch.release()
    return outcome
  }

  async #waitForRoom(queue: TenantQueue, batch: Batch, charge: number): Promise<Outcome> {
    if (await queue.capacity.take(charge)) return this.#take(queue, batch, charge)
    return busy(STOPPING_RETRY_MS, 'unavailable')
  }

  #refuseOversize(batch: Batch, charge: number): Outcome {
    const { queue_size: limit, sizer } = this.#config.sending_queue
    this.books.notTaken(batch.items)
    const message = `a request of ${charge} ${sizer} can never fit the queue of ${limit}; send smaller ones`
    return refused(batch.items, 'too_large', message)
  }

  #create(tenant: TenantId): TenantQueue {
    const { context, breaker } = this.#options
    const { sending_queue: settings, circuit_breaker, retry_budget } = this.#config
    const { clock, tenancy } = context
    const limit = settings.enabled ? settings.queue_size : Number.MAX_SAFE_INTEGER
    const isStored = this.#stores !== null
    const outside = isStored ? () => queue.feed!.used : null
    const ownBreaker = circuit_breaker.enabled
      ? new CircuitBreaker(breakerWithin(circuit_breaker, this.#config.retry_on_failure), clock)
      : PASS_THROUGH
    const queue = new TenantQueue(
      tenant,
      new Capacity(limit, clock, outside),
      breaker ?? ownBreaker,
      retry_budget.enabled ? new RetryBudget(retry_budget, clock) : null,
      tenancy.shareOf(tenant).weight,
    )
    if (settings.enabled && settings.batch !== undefined) {
      queue.batcher = new Batcher(this.signal, settings.batch, clock, queue, shipment =>
        this.dispatcher.add(shipment),
      )
    }
    if (isStored) queue.feed = this.#feedOf(queue)
    this.#queues.set(tenant, queue)
    this.#metrics.add(queue)
    this.dispatcher.isShared = this.#queues.size > 1
    if (this.#queues.size > 1) this.#sweep ??= clock.after(SWEEP_MS, () => this.#letIdleGo())
    return queue
  }

  #feedOf(queue: TenantQueue): DiskFeed {
    const { context, buffers, window } = this.#options
    const { clock } = context
    return new DiskFeed({
      ...context,
      signal: this.signal,
      store: this.#stores!.of(queue.tenant),
      sizer: this.#config.sending_queue.sizer,
      window: window!,
      buffers,
      books: this.books,
      capacity: queue.capacity,
      ship: (batch, receipts) => {
        if (queue.batcher !== null) queue.batcher.add(batch, 0, receipts)
        else {
          const now = clock.monotonic()
          this.dispatcher.add(createShipment(queue, batch, 0, null, receipts, now))
        }
      },
    })
  }

  #applyShares(): void {
    const tenancy = this.#tenancy
    this.#shares = tenancy.version
    for (const queue of this.#queues.values()) {
      this.dispatcher.setWeight(queue, tenancy.shareOf(queue.tenant).weight)
    }
  }

  #letIdleGo(): void {
    const now = this.#options.context.clock.monotonic()
    for (const queue of this.#queues.values()) {
      if (!queue.isIdle) queue.idleSinceMs = -1
      else if (queue.idleSinceMs < 0) queue.idleSinceMs = now
      else if (now - queue.idleSinceMs >= IDLE_MS) this.#letGo(queue)
    }
    this.dispatcher.isShared = this.#queues.size > 1
    this.#sweep = null
    if (this.#queues.size <= 1) return
    this.#sweep = this.#options.context.clock.after(SWEEP_MS, () => this.#letIdleGo())
  }

  #letGo(queue: TenantQueue): void {
    this.#queues.delete(queue.tenant)
    this.#metrics.remove(queue)
    this.#options.report(queue, null)
    queue.wake?.cancel()
    if (this.#last === queue) this.#last = null
    this.#stores?.release(queue.tenant)
  }
}

/** Whoever wants retries at least every so often wants a dead destination to be tried as often. */
function breakerWithin(breaker: BreakerConfig, retry: RetryConfig): BreakerConfig {
  const longest = Math.max(retry.max_interval, MIN_OPEN_MS)
  if (!retry.enabled || longest >= breaker.max_open_interval) return breaker
  const open_interval = Math.min(breaker.open_interval, longest)
  return { ...breaker, open_interval, max_open_interval: longest }
}

/** Resolves with the work or the deadline, whichever comes first. */
function orAborted(work: Promise<unknown>, deadline: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      deadline.removeEventListener('abort', done)
      resolve()
    }
    deadline.addEventListener('abort', done, { once: true })
    work.then(done, done)
  })
}
