/** How often each class of equal trees was seen, so that the first of a class and one now and then are kept. Bounded: the class
 * seen longest ago in its set of four makes room. */

const WAYS = 4
/** Classes remembered. */
const SIZE = 16_384
const SETS = SIZE / WAYS
/** Of each class the first so many are wanted. */
const FIRST = 3
/** And one in each stretch of this length. */
const STRETCH_MS = 900_000
/** How far ahead of its lane each of these may go, of what others may at most: a class never seen farther. */
const FIRST_CLAIM = 3
const EARLY_CLAIM = 0.6
const LATER_CLAIM = 0.3

export class ClassRanks {
  readonly #id = new Int32Array(SIZE)
  readonly #count = new Uint32Array(SIZE)
  /** When one was last wanted for sure. */
  readonly #wantedAtMs = new Float64Array(SIZE)
  readonly #seenAtMs = new Float64Array(SIZE)

  /** Of the last `see`: how far its lane may be exhausted for it. */
  claim = LATER_CLAIM

  /** The share of this class that diversity asks for now, counting the trace in. */
  see(structure: number, nowMs: number): number {
    const at = this.#place(structure, nowMs)
    this.#seenAtMs[at] = nowMs
    const count = ++this.#count[at]
    if (count <= FIRST || nowMs - this.#wantedAtMs[at] >= STRETCH_MS) {
      this.#wantedAtMs[at] = nowMs
      this.claim = count === 1 ? FIRST_CLAIM : EARLY_CLAIM
      return 1
    }
    this.claim = LATER_CLAIM
    return 1 / (count - FIRST + 1)
  }

  #place(structure: number, nowMs: number): number {
    const first = ((Math.imul(structure, 0x9e3779b1) >>> 0) % SETS) * WAYS
    let oldest = first
    for (let at = first; at < first + WAYS; at++) {
      if (this.#count[at] > 0 && this.#id[at] === structure) return at
      if (this.#count[at] === 0) {
        if (this.#count[oldest] > 0) oldest = at
      } else if (this.#count[oldest] > 0 && this.#seenAtMs[at] < this.#seenAtMs[oldest]) {
        oldest = at
      }
    }
    this.#id[oldest] = structure
    this.#count[oldest] = 0
    this.#wantedAtMs[oldest] = nowMs
    return oldest
  }
}
