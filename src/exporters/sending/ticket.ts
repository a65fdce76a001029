/**
 * The receipt of somebody who waits until a batch has reached its end (`sending_queue` off, or `wait_for_result`).
 * The batch may be cut on its way; when the last piece has ended, one outcome is told.
 */
import { ACCEPTED, busy, type Outcome, type RefusalCode, refused } from '../../core/outcome.ts'

export interface TicketResult {
  readonly outcome: Outcome
  readonly sent: number
  /** Of those, what was of pieces that failed in the end. */
  readonly sentOfFailed: number
  /** Taken by the destination and refused there (partial success). */
  readonly rejected: number
}

/** Items of a piece that had been taken, or refused by the destination, before it ended without success. */
export interface Before {
  readonly delivered: number
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
  /** Of pieces that failed; of no account where all is handed in again. */
  #sentOfFailed = 0
  #rejectedOfFailed = 0
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

  /** `items` without those that had an end before. */
  refused(items: number, why: RefusalCode, message: string, before: Before): void {
    this.#refused += items
    this.#sent += before.delivered
    this.#rejected += before.rejected
    this.#why = why
    this.#message = message
    this.#end()
  }

  /** Ended for now; the same data may be handed in again. `items` without those that had an end before. */
  failed(items: number, retryAfterMs: number, message: string, before: Before): void {
    this.#failed += items
    this.#sentOfFailed += before.delivered
    this.#rejectedOfFailed += before.rejected
    this.#retryAfterMs = Math.max(this.#retryAfterMs, retryAfterMs)
    if (this.#refused === 0) this.#message = message
    this.#end()
  }

  #end(): void {
    if (--this.#open > 0) return
    const outcome = this.#outcome()
    const isOver = outcome.kind !== 'busy'
    const sentOfFailed = isOver ? this.#sentOfFailed : 0
    this.#resolve({
      outcome,
      sent: this.#sent + sentOfFailed,
      sentOfFailed,
      rejected: this.#rejected + (isOver ? this.#rejectedOfFailed : 0),
    })
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
