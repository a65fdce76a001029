/**
 * The receipt of somebody who waits until a batch has reached its end (`sending_queue` off, or `wait_for_result`).
 * The batch may be cut on its way; when the last piece has ended, one outcome is told.
 */
import { ACCEPTED, busy, type Outcome, type RefusalCode, refused } from '../../core/outcome.ts'

export interface TicketResult {
  readonly outcome: Outcome
  readonly sent: number
  /** Taken by the destination and refused there (partial success). */
  readonly rejected: number
}

export class Ticket {
  readonly #resolve: (result: TicketResult) => void
  #open = 1
  #sent = 0
  #rejected = 0
  /** Others answer for them. */
  #moved = 0
  #refused = 0
  #failed = 0
  #why: RefusalCode = 'rejected'
  #message = ''
  #retryAfterMs = 1000

  constructor(resolve: (result: TicketResult) => void) {
    this.#resolve = resolve
  }

  /** One open piece has become `pieces`. */
  split(pieces: number): void {
    this.#open += pieces - 1
  }

  sent(items: number, rejected: number): void {
    this.#sent += items - rejected
    this.#rejected += rejected
    this.#end()
  }

  moved(items: number): void {
    this.#moved += items
    this.#end()
  }

  refused(items: number, why: RefusalCode, message: string): void {
    this.#refused += items
    this.#why = why
    this.#message = message
    this.#end()
  }

  /** Ended for now; the same data may be handed in again. */
  failed(items: number, retryAfterMs: number, message: string): void {
    this.#failed += items
    this.#retryAfterMs = Math.max(this.#retryAfterMs, retryAfterMs)
    if (this.#refused === 0) this.#message = message
    this.#end()
  }

  #end(): void {
    if (--this.#open > 0) return
    this.#resolve({ outcome: this.#outcome(), sent: this.#sent, rejected: this.#rejected })
  }

  /** What a client can do about a mix: once some items are taken, the others cannot be tried again alone. */
  #outcome(): Outcome {
    const lost = this.#refused + this.#failed
    const taken = this.#sent + this.#rejected + this.#moved
    if (lost === 0) return ACCEPTED
    if (taken === 0 && this.#refused === 0) return busy(this.#retryAfterMs, 'unavailable')
    return refused(lost, this.#refused > 0 ? this.#why : 'rejected', this.#message)
  }
}
