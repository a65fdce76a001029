/**
 * Whether trace ids look random, for those that do not say so themselves. Sampling by the end of an id that counts up would
 * keep all of an hour and nothing of the next.
 */

/** Ids of a window. */
const WINDOW = 4096
/** By the leading bits of the randomness, the ones that a threshold looks at first. */
const BUCKET_BITS = 6
const BUCKETS = 1 << BUCKET_BITS
const SHIFT = 28 - BUCKET_BITS
/** Chi-square with 63 degrees of freedom exceeds it once in 10^9 windows of random ids. */
const MOST_CHI_SQUARE = 148

export class IdUniformity {
  readonly #counts = new Int32Array(BUCKETS)
  #seen = 0
  #isRandom = true

  /** Of the last full window; ids count as random until one has told otherwise. */
  get isRandom(): boolean {
    return this.#isRandom
  }

  /** `high`: the upper 28 of the 56 bits. */
  add(high: number): void {
    this.#counts[(high >>> SHIFT) & (BUCKETS - 1)]++
    if (++this.#seen === WINDOW) this.#judge()
  }

  #judge(): void {
    const expected = WINDOW / BUCKETS
    let sum = 0
    for (let i = 0; i < BUCKETS; i++) sum += (this.#counts[i] - expected) ** 2
    this.#isRandom = sum / expected <= MOST_CHI_SQUARE
    this.#counts.fill(0)
    this.#seen = 0
  }
}
