/**
 * Takes requests in as they come until that has held the event loop for long enough; those that come then wait for a later
 * turn, in order. A burst, or code that still runs for the first time, holds up nobody else so.
 */
import type { Clock } from '../../core/clock.ts'
import type { Outcome } from '../../core/outcome.ts'
import { Fifo } from '../../util/fifo.ts'

/** In one turn; what the receiver does for the same requests comes on top. */
const TURN_MS = 6

type Answer = Outcome | Promise<Outcome>

export class TurnLimit {
  readonly #clock: Clock
  /** Requests are their senders' until they are answered, and count to the memory and the number that receivers allow. */
  readonly #waiting = new Fifo<() => void>()
  #spentMs = 0
  #isTurnOpen = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  run(work: () => Answer): Answer {
    if (this.#waiting.length === 0 && this.#spentMs < TURN_MS) return this.#run(work)
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(this.#run(work))
        } catch (error) {
          reject(error as Error)
        }
      })
    })
  }

  /** Resolves when all that wait now have had their turn. */
  async idle(): Promise<void> {
    if (this.#waiting.length > 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
  }

  #run(work: () => Answer): Answer {
    if (!this.#isTurnOpen) {
      this.#isTurnOpen = true
      setImmediate(() => this.#nextTurn())
    }
    const from = this.#clock.monotonic()
    try {
      return work()
    } finally {
      this.#spentMs += this.#clock.monotonic() - from
    }
  }

  #nextTurn(): void {
    this.#isTurnOpen = false
    this.#spentMs = 0
    while (this.#spentMs < TURN_MS) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      next()
    }
  }
}
