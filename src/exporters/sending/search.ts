/**
 * The search for what a destination refuses in a request: halves are sent on their own until single items are left.
 * Shared by all pieces of one request. Bounded: a destination that refuses everything must not be asked for each item.
 */

/** Attempts for one request beyond the first; three bad items of 512 are found with them. */
const MAX_ATTEMPTS = 64
/** If none of the first attempts delivered anything, nothing is to be hoped for. */
const FRUITLESS_ATTEMPTS = 12

export class Search {
  #open = 1
  #attempts = 0
  #delivered = false
  readonly #onEnd: (delivered: boolean) => void

  /** `onEnd` is told once whether anything of the request could be delivered. */
  constructor(onEnd: (delivered: boolean) => void) {
    this.#onEnd = onEnd
  }

  /** Another cut is worth its two attempts. */
  get mayGoOn(): boolean {
    if (!this.#delivered && this.#attempts >= FRUITLESS_ATTEMPTS) return false
    return this.#attempts < MAX_ATTEMPTS
  }

  cut(): void {
    this.#attempts += 2
  }

  split(pieces: number): void {
    this.#open += pieces - 1
  }

  ended(delivered: boolean): void {
    if (delivered) this.#delivered = true
    if (--this.#open === 0) this.#onEnd(this.#delivered)
  }
}
