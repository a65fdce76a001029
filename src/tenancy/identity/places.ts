/**
 * From where something right was shown. Who guesses from an address is not told by the speed or kind of an answer that a guess
 * was right, unless it had been shown from there before.
 */

/** Of one secret; the one that came first makes room. */
const MAX_PLACES = 64

export class Places {
  readonly #addresses = new Set<string>()

  has(address: string): boolean {
    return this.#addresses.has(address)
  }

  add(address: string): void {
    if (this.#addresses.has(address)) return
    if (this.#addresses.size >= MAX_PLACES) {
      this.#addresses.delete(this.#addresses.values().next().value!)
    }
    this.#addresses.add(address)
  }
}
