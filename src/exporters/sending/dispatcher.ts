/**
 * Sends what is ready with bounded concurrency. The slots go to tenants by turns in proportion to their weights; a
 * parked shipment occupies no slot, and goes on counting toward its queue's bound.
 *
 * ```
 * add -> fresh --+                                       +-> sent
 *                +-> the tenant's turn -> slot -> answer -> dropped
 *        again --+                                       |
 *          ^---- parked (timer) <------------------------+
 * ```
 */
import type { Clock } from '../../core/clock.ts'
import type { HolderVisit } from '../../core/ledger.ts'
import { FairTurns } from '../../tenancy/scheduler/fair-turns.ts'
import type { BufferPool } from '../../util/buffer-pool.ts'
import { Answers, type AnswersOptions } from './answers.ts'
import { Attempt } from './attempt.ts'
import type { RelaySender } from './sender.ts'
import type { Shipment } from './shipment.ts'
import type { TenantQueue } from './tenant-queue.ts'

/** How soon a closed breaker is asked again that does not say when. */
const BREAKER_POLL_MS = 500
/**
 * Attempts of tenants whose last one failed hold at most this share of the slots while others have queues here: each
 * may last until its time-out, and would keep the slots from those whose requests go through.
 */
const FAILING_SHARE = 0.5

export interface DispatcherOptions extends Omit<AnswersOptions, 'park' | 'recovered'> {
  readonly sender: RelaySender
  /** For what has to be written anew. */
  readonly buffers: BufferPool
  readonly timeoutMs: number
  readonly maxConcurrent: number
  /** Of the lane. */
  readonly queues: () => Iterable<TenantQueue>
}

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #clock: Clock
  readonly #answers: Answers
  readonly #turns = new FairTurns<TenantQueue>()
  readonly #attempts = new Set<Attempt>()
  readonly #maxFailing: number
  #failingAttempts = 0
  /** Failing tenants that wait until an attempt of one of them has ended. */
  readonly #heldBack = new Set<TenantQueue>()
  /** Other tenants have queues here too. */
  isShared = false
  #closed = false
  #pumping = false
  #onIdle: (() => void) | null = null

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#answers = new Answers({
      ...options,
      park: (shipment, delayMs) => this.#park(shipment, delayMs),
      recovered: () => this.#recovered(),
    })
    this.#maxFailing = Math.max(1, Math.floor(options.maxConcurrent * FAILING_SHARE))
  }

  get inFlight(): number {
    return this.#attempts.size
  }

  attempts(): IterableIterator<Attempt> {
    return this.#attempts.values()
  }

  // hot: bench/micro/sending.ts
  add(shipment: Shipment): void {
    if (this.#closed) {
      this.#giveUp(shipment)
      return
    }
    const { queue } = shipment
    queue.fresh.push(shipment)
    if (!queue.isWaiting) this.#turns.add(queue)
    this.#pump()
  }

  setWeight(queue: TenantQueue, weight: number): void {
    this.#turns.setWeight(queue, weight)
  }

  /** Everything gets a last chance now, what is on disk only where it goes through; resolves when nothing is left. */
  drain(): Promise<void> {
    this.#answers.isDraining = true
    for (const queue of this.#options.queues()) {
      this.#hurry(queue)
      if (queue.hasReady) this.#turns.add(queue)
      else this.#turns.remove(queue)
    }
    this.#pump()
    return new Promise(resolve => {
      this.#onIdle = resolve
      this.#tellIdle()
    })
  }

  /** Gives up what is left. Returns items that are lost by it; an attempt in flight may still arrive. */
  close(): number {
    this.#closed = true
    let lost = 0
    for (const queue of this.#options.queues()) {
      queue.wake?.cancel()
      queue.wake = null
      this.#turns.remove(queue)
      for (const shipment of takeWaiting(queue)) lost += this.#giveUp(shipment)
    }
    for (const attempt of this.#attempts) {
      attempt.abandon('shutting down')
      attempt.shipment.queue.inFlight--
      lost += this.#giveUp(attempt.shipment)
    }
    this.#attempts.clear()
    this.#heldBack.clear()
    this.#tellIdle()
    return lost
  }

  visit(each: HolderVisit): void {
    const visitOne = ({ batch, ticket }: Shipment): void => {
      if (ticket === null) each(batch.tenant, batch.signal, batch.items)
    }
    for (const queue of this.#options.queues()) {
      for (const shipment of queue.waiting()) visitOne(shipment)
    }
    for (const attempt of this.#attempts) visitOne(attempt.shipment)
  }

  /** Nothing is waited for any more: what is parked is due, and the destination is asked again. */
  wakeUp(queue: TenantQueue): void {
    for (const [shipment, timer] of queue.parked) {
      timer.cancel()
      queue.again.push(shipment)
    }
    queue.parked.clear()
    queue.pausedUntilMs = 0
    queue.breaker.reset?.()
    if (queue.hasReady) this.#turns.add(queue)
    this.#pump()
  }

  /** Takes out what is not on its way; it is the caller's. */
  takeAll(queue: TenantQueue): readonly Shipment[] {
    this.#turns.remove(queue)
    const taken = takeWaiting(queue)
    this.#tellIdle()
    return taken
  }

  /** Something that did not come through here has ended. */
  checkIdle(): void {
    this.#tellIdle()
  }

  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (this.#attempts.size < this.#options.maxConcurrent) {
      if (this.#heldBack.size > 0) this.#letGo()
      const queue = this.#turns.next()
      if (queue === null) break
      this.#serve(queue)
      if (!queue.hasReady) this.#turns.remove(queue)
    }
    this.#pumping = false
    this.#tellIdle()
  }

  /** One step for the queue whose turn it is: an attempt, a cut, or it leaves its turn until something changes. */
  #serve(queue: TenantQueue): void {
    const { isDraining } = this.#answers
    if (!isDraining && this.#mustWait(queue)) return
    const { again, fresh, budget } = queue
    let from = again.length > 0 ? again : fresh
    if (from === again && !isDraining && budget !== null && again.peek()!.backoff !== null) {
      if (!budget.allows) from = fresh
      if (from.length === 0) {
        this.#block(queue, budget.waitMs())
        return
      }
    }
    const shipment = from.peek()!
    if (!this.#answers.fits(shipment)) {
      from.shift()
      return
    }
    if (!isDraining && !queue.breaker.allow()) {
      this.#block(queue, queue.breaker.waitMs?.() ?? BREAKER_POLL_MS)
      return
    }
    from.shift()
    this.#start(shipment)
  }

  #mustWait(queue: TenantQueue): boolean {
    if (queue.pausedUntilMs > 0) {
      const waitMs = queue.pausedUntilMs - this.#clock.monotonic()
      if (waitMs > 0) {
        this.#block(queue, waitMs)
        return true
      }
      queue.pausedUntilMs = 0
    }
    if (!queue.isFailing || !this.isShared) return false
    if (this.#failingAttempts < this.#maxFailing) return false
    this.#turns.remove(queue)
    this.#heldBack.add(queue)
    return true
  }

  #block(queue: TenantQueue, waitMs: number): void {
    this.#turns.remove(queue)
    const atMs = this.#clock.monotonic() + waitMs
    if (queue.wake !== null && queue.wakeAtMs <= atMs) return
    queue.wake?.cancel()
    queue.wakeAtMs = atMs
    queue.wake = this.#clock.after(waitMs, () => {
      queue.wake = null
      if (queue.hasReady) this.#turns.add(queue)
      this.#pump()
    })
  }

  #start(shipment: Shipment): void {
    const { queue } = shipment
    if (shipment.firstAttemptMs < 0) shipment.firstAttemptMs = this.#clock.monotonic()
    if (shipment.backoff !== null) queue.budget?.spend()
    else queue.budget?.fresh()
    shipment.attempts++
    queue.inFlight++
    const wasFailing = queue.isFailing
    if (wasFailing) this.#failingAttempts++
    const attempt = new Attempt(shipment, this.#clock, this.#options.buffers, result => {
      this.#attempts.delete(attempt)
      queue.inFlight--
      this.#answers.settle(shipment, attempt.byteLength, result)
      if (wasFailing) this.#failingAttempts--
      if (queue.hasReady) this.#turns.add(queue)
      this.#pump()
    })
    this.#attempts.add(attempt)
    attempt.begin(this.#options.sender, this.#options.timeoutMs)
    this.#turns.charge(queue, attempt.byteLength)
  }

  /** Whoever was held back longest takes its place again if there is room for attempts of failing tenants. */
  #letGo(): void {
    if (this.#failingAttempts >= this.#maxFailing) return
    for (const next of this.#heldBack) {
      this.#heldBack.delete(next)
      if (!next.hasReady) continue
      this.#turns.add(next)
      return
    }
  }

  #park(shipment: Shipment, delayMs: number): void {
    const { queue } = shipment
    const wake = (): void => {
      queue.parked.delete(shipment)
      queue.again.push(shipment)
      this.#turns.add(queue)
      this.#pump()
    }
    queue.parked.set(shipment, this.#clock.after(Math.max(0, delayMs), wake))
  }

  /**
   * What failed for one tenant has probably failed for all, and is over for all: nobody waits for a clock that was set
   * while the destination was dead. Each still tries with one request first, and retry budgets set the pace.
   */
  #recovered(): void {
    const now = this.#clock.monotonic()
    for (const queue of this.#options.queues()) {
      for (const [shipment, timer] of queue.parked) {
        if (shipment.notBeforeMs > now) continue
        timer.cancel()
        queue.parked.delete(shipment)
        queue.again.push(shipment)
      }
      queue.breaker.reset?.()
      if (queue.hasReady) this.#turns.add(queue)
    }
  }

  /** At shutdown. What is on disk and does not go through stays there for the next process. */
  #hurry(queue: TenantQueue): void {
    const isStuck = queue.isFailing || queue.breaker.state === 'open'
    const now = this.#clock.monotonic()
    for (const [shipment, timer] of [...queue.parked]) {
      timer.cancel()
      queue.parked.delete(shipment)
      if (shipment.receipts !== null) this.#options.books.kept(shipment)
      else this.#park(shipment, shipment.notBeforeMs - now)
    }
    if (!isStuck || queue.feed === null) return
    for (const ready of [queue.again, queue.fresh]) {
      for (let left = ready.length; left > 0; left--) {
        const shipment = ready.shift()!
        if (shipment.receipts === null) ready.push(shipment)
        else this.#options.books.kept(shipment)
      }
    }
  }

  /** Returns items that are lost by it. */
  #giveUp(shipment: Shipment): number {
    const { books } = this.#options
    if (shipment.receipts !== null) {
      books.kept(shipment)
      return 0
    }
    return books.givenUp(shipment, 'shutdown', 'not delivered before the shutdown deadline')
  }

  #tellIdle(): void {
    if (this.#onIdle === null || this.#attempts.size > 0) return
    for (const queue of this.#options.queues()) {
      if (queue.hasReady || queue.parked.size > 0 || queue.beingLaidAside > 0) return
    }
    this.#onIdle()
    this.#onIdle = null
  }
}

function takeWaiting(queue: TenantQueue): Shipment[] {
  const taken = [...queue.waiting()]
  for (const timer of queue.parked.values()) timer.cancel()
  queue.parked.clear()
  while (queue.again.shift() !== undefined || queue.fresh.shift() !== undefined);
  return taken
}
