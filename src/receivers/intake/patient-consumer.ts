/**
 * For receivers whose senders cannot be told to come back, such as those of UDP packets: what is not taken because the
 * pipeline is busy stays with the receiver and is offered again. Whoever uses it bounds how much may wait.
 */
import type { Batch } from '../../core/batch.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Consumer } from '../../core/component.ts'
import type { Ledger } from '../../core/ledger.ts'
import type { Busy, Outcome } from '../../core/outcome.ts'

/** Room may be made long before it was promised, and nobody else asks. */
const MAX_WAIT_MS = 1000
const MIN_WAIT_MS = 10

interface Waiting {
  readonly batch: Batch
  readonly resolve: (outcome: Outcome) => void
  readonly busy: Busy
  timer: Timer
}

export class PatientConsumer implements Consumer {
  readonly #next: Consumer
  readonly #clock: Clock
  readonly #waiting = new Set<Waiting>()
  readonly #forget: () => void
  #isOver = false

  constructor(next: Consumer, clock: Clock, ledger: Ledger) {
    this.#next = next
    this.#clock = clock
    this.#forget = ledger.addHolder(each => {
      for (const { batch } of this.#waiting) each(batch.tenant, batch.signal, batch.items)
    })
  }

  /** Answers busy only when `giveUp` was called. */
  consume(batch: Batch): Outcome | Promise<Outcome> {
    const outcome = this.#next.consume(batch)
    if (outcome instanceof Promise) return outcome.then(settled => this.#settle(batch, settled))
    return this.#settle(batch, outcome)
  }

  /** What waits is given back busy, and so is what comes from now on and is not taken at once. Safe twice. */
  giveUp(): void {
    this.#isOver = true
    for (const { timer, resolve, busy } of this.#waiting) {
      timer.cancel()
      resolve(busy)
    }
    this.#waiting.clear()
    this.#forget()
  }

  #settle(batch: Batch, outcome: Outcome): Outcome | Promise<Outcome> {
    if (outcome.kind !== 'busy' || this.#isOver) return outcome
    return new Promise(resolve => {
      const waitMs = Math.max(MIN_WAIT_MS, Math.min(outcome.retryAfterMs, MAX_WAIT_MS))
      const waiting: Waiting = {
        batch,
        resolve,
        busy: outcome,
        timer: this.#clock.after(waitMs, () => {
          this.#waiting.delete(waiting)
          resolve(this.consume(batch))
        }),
      }
      this.#waiting.add(waiting)
    })
  }
}
