/**
 * The line in front of the next stage, for components that make batches when it suits them rather than inside of
 * `consume`: what is not taken at once waits here, in order, one batch on its way at a time.
 */

import { Fifo } from '../util/fifo.ts'
import type { Batch } from './batch.ts'
import type { Clock, Timer } from './clock.ts'
import type { Consumer } from './component.ts'
import type { HolderVisit, Ledger } from './ledger.ts'
import type { Outcome } from './outcome.ts'

/** The next stage is asked again at least so often: its delay is meant for clients, and here asking costs nothing. */
const MAX_POLL_MS = 100
/** Said before the next stage has said a delay of its own. */
const UNKNOWN_RETRY_MS = 1000

export interface OutletOptions {
  /** Stage of what is dropped here. */
  readonly id: string
  readonly next: Consumer
  readonly clock: Clock
  readonly ledger: Ledger
  /** The line is full with so many items. It is the owner who makes no more then. */
  readonly maxItems: number
  /** The line was full and has room again. */
  readonly onRoom?: () => void
}

export class Outlet {
  readonly #options: OutletOptions
  readonly #line = new Fifo<Batch>()
  #items = 0
  #isSending = false
  /** The deadline of the shutdown is over: nothing is tried again. */
  #isOver = false
  #retryAfterMs = UNKNOWN_RETRY_MS
  #retry: Timer | null = null
  #onIdle: (() => void) | null = null

  constructor(options: OutletOptions) {
    this.#options = options
  }

  /** Items that wait although they could go: the next stage is slower than what is made. */
  get items(): number {
    return this.#items
  }

  /** Batches that wait. */
  get length(): number {
    return this.#line.length
  }

  get isFull(): boolean {
    return this.#items >= this.#options.maxItems
  }

  /** What the next stage last asked for. */
  get retryAfterMs(): number {
    return this.#retryAfterMs
  }

  /** Owns the batch from here on. */
  push(batch: Batch): void {
    this.#line.push(batch)
    this.#items += batch.items
    this.#send()
    if (this.#isOver && !this.#isSending) this.#dropAll()
  }

  /** For `ledger.addHolder`. */
  visit(each: HolderVisit): void {
    for (const batch of this.#line) each(batch.tenant, batch.signal, batch.items)
  }

  /** Resolves when the line is empty, or when the deadline is over: then what is left is dropped. */
  async drain(deadline: AbortSignal): Promise<void> {
    if (this.#line.length > 0 && !deadline.aborted) {
      await new Promise<void>(resolve => {
        this.#onIdle = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    this.#isOver = true
    this.#retry?.cancel()
    if (!this.#isSending) this.#dropAll()
  }

  #send(): void {
    while (!this.#isSending && this.#retry === null) {
      const batch = this.#line.peek()
      if (batch === undefined) return
      this.#isSending = true
      const outcome = this.#options.next.consume(batch)
      if (outcome instanceof Promise) {
        void outcome.then(settled => {
          this.#isSending = false
          this.#settle(batch, settled)
          if (this.#isOver) this.#dropAll()
          else this.#send()
        })
      } else {
        this.#isSending = false
        this.#settle(batch, outcome)
      }
    }
  }

  #settle(batch: Batch, outcome: Outcome): void {
    if (outcome.kind === 'busy') {
      this.#retryAfterMs = outcome.retryAfterMs
      if (this.#isOver) return
      this.#retry = this.#options.clock.after(Math.min(outcome.retryAfterMs, MAX_POLL_MS), () => {
        this.#retry = null
        this.#send()
      })
      return
    }
    const wasFull = this.isFull
    this.#line.shift()
    this.#items -= batch.items
    if (outcome.kind === 'refused') {
      this.#drop(batch, outcome.items, outcome.why)
      if (outcome.items >= batch.items) batch.release()
    }
    if (this.#line.length === 0) this.#onIdle?.()
    if (wasFull && !this.isFull) this.#options.onRoom?.()
  }

  #dropAll(): void {
    for (let batch = this.#line.shift(); batch !== undefined; batch = this.#line.shift()) {
      this.#drop(batch, batch.items, 'shutdown')
      batch.release()
    }
    this.#items = 0
  }

  #drop(batch: Batch, items: number, reason: string): void {
    const { ledger, id } = this.#options
    ledger.dropped(batch.tenant, batch.signal, items, { stage: id, reason, intentional: false })
  }
}
