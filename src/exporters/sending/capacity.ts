/**
 * The bound of a sending queue, in requests, items or bytes: what waits, is in flight or is parked for a retry
 * counts until it is sent or dropped. Knows how fast room comes free, to tell senders when to come back.
 */
import type { Clock } from '../../core/clock.ts'
import { Fifo } from '../../util/fifo.ts'

const WINDOW_MS = 5000
const MIN_WAIT_MS = 100
const MAX_WAIT_MS = 30_000
/** Said while nothing has drained yet. */
const UNKNOWN_WAIT_MS = 1000

interface Waiter {
  readonly amount: number
  readonly resolve: (taken: boolean) => void
}

export class Capacity {
  readonly limit: number
  readonly #clock: Clock
  readonly #waiters = new Fifo<Waiter>()
  /** Further use of the same bound, known elsewhere: what is stored. */
  readonly #outside: (() => number) | null
  #used = 0
  #closed = false
  #windowStartMs: number
  #drained = 0
  /** Units per millisecond of the last full window. */
  #rate = 0

  constructor(limit: number, clock: Clock, outside: (() => number) | null = null) {
    this.limit = limit
    this.#outside = outside
    this.#clock = clock
    this.#windowStartMs = clock.monotonic()
  }

  get used(): number {
    return this.#outside === null ? this.#used : this.#used + this.#outside()
  }

  /** Nothing was taken that is not given back, and nobody waits. */
  get isUnused(): boolean {
    return this.#used === 0 && this.#waiters.length === 0
  }

  /** True if taken; the same amount is given back later. Those who wait come first. */
  tryTake(amount: number): boolean {
    if (this.used + amount > this.limit || this.#waiters.length > 0 || this.#closed) return false
    this.#used += amount
    return true
  }

  /** Resolves when taken, or false when closed meanwhile. */
  take(amount: number): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false)
    return new Promise(resolve => {
      this.#waiters.push({ amount, resolve })
      this.#serveWaiters()
    })
  }

  give(amount: number): void {
    this.#used -= amount
    this.drained(amount)
  }

  /** What was taken is counted outside from now on. */
  move(amount: number): void {
    this.#used -= amount
  }

  /** Room has come free, here or outside. */
  drained(amount: number): void {
    this.#roll()
    this.#drained += amount
    if (this.#waiters.length > 0) this.#serveWaiters()
  }

  /** Nobody gets room any more; who waits is told so. */
  close(): void {
    this.#closed = true
    for (let w = this.#waiters.shift(); w !== undefined; w = this.#waiters.shift()) w.resolve(false)
  }

  /** How long until there is likely room for `amount`, and for others who were sent away too (a tenth of all). */
  retryAfterMs(amount: number): number {
    this.#roll()
    const elapsed = this.#clock.monotonic() - this.#windowStartMs
    const rate = Math.max(this.#rate, elapsed > 0 ? this.#drained / Math.max(elapsed, 1000) : 0)
    if (rate <= 0) return UNKNOWN_WAIT_MS
    const wait = Math.max(amount, this.limit / 10) / rate
    return Math.ceil(Math.min(Math.max(wait, MIN_WAIT_MS), MAX_WAIT_MS))
  }

  #serveWaiters(): void {
    for (;;) {
      const waiter = this.#waiters.peek()
      if (waiter === undefined || this.used + waiter.amount > this.limit) return
      this.#waiters.shift()
      this.#used += waiter.amount
      waiter.resolve(true)
    }
  }

  #roll(): void {
    const now = this.#clock.monotonic()
    const elapsed = now - this.#windowStartMs
    if (elapsed < WINDOW_MS) return
    this.#rate = this.#drained / elapsed
    this.#drained = 0
    this.#windowStartMs = now
  }
}
