/**
 * A set of ids as 16-bit fingerprints in a cuckoo table: 2 bytes an id, no removal, a wrong yes once in some 8,000 questions when
 * full. It says when it is full, so that its owner can start another.
 */

const WAYS = 4
/** Above this share of full slots inserting takes ever longer. */
const MAX_LOAD = 0.94
const MAX_KICKS = 256

export class Fingerprints {
  readonly #slots: Uint16Array
  readonly #mask: number
  readonly #most: number
  #used = 0
  /** Which slot gives way: any sequence does that does not repeat soon. */
  #turn = 0
  /** What was put out of its place last and found no other: to be added to the next table. */
  homelessBucket = 0
  homelessMark = 0

  /** `capacity` is rounded up to a power of two of slots. */
  constructor(capacity: number) {
    const buckets = 2 ** Math.ceil(Math.log2(Math.max(2, capacity / WAYS)))
    this.#slots = new Uint16Array(buckets * WAYS)
    this.#mask = buckets - 1
    this.#most = Math.floor(buckets * WAYS * MAX_LOAD)
  }

  get size(): number {
    return this.#used
  }

  get bytes(): number {
    return this.#slots.byteLength
  }

  /** Two hashes of an id, independent of each other. */
  has(place: number, print: number): boolean {
    const mark = markOf(print)
    const bucket = place & this.#mask
    return this.#holds(bucket, mark) || this.#holds(this.#other(bucket, mark), mark)
  }

  /** False: full. The id is in nevertheless, but another may be out, see `homelessMark`. */
  add(place: number, print: number): boolean {
    return this.addMark(place & this.#mask, markOf(print))
  }

  addMark(from: number, mark: number): boolean {
    this.homelessMark = 0
    let bucket = from
    let homeless = mark
    if (this.#put(bucket, homeless)) return this.#used < this.#most
    for (let kick = 0; kick < MAX_KICKS; kick++) {
      bucket = this.#other(bucket, homeless)
      if (this.#put(bucket, homeless)) return this.#used < this.#most
      const at = bucket * WAYS + (this.#turn++ & (WAYS - 1))
      const pushed = this.#slots[at]
      this.#slots[at] = homeless
      homeless = pushed
    }
    this.homelessBucket = bucket
    this.homelessMark = homeless
    return false
  }

  clear(): void {
    this.#slots.fill(0)
    this.#used = 0
  }

  #put(bucket: number, mark: number): boolean {
    for (let at = bucket * WAYS; at < (bucket + 1) * WAYS; at++) {
      if (this.#slots[at] === mark) return true
      if (this.#slots[at] === 0) {
        this.#slots[at] = mark
        this.#used++
        return true
      }
    }
    return false
  }

  #holds(bucket: number, mark: number): boolean {
    const at = bucket * WAYS
    const slots = this.#slots
    return (
      slots[at] === mark ||
      slots[at + 1] === mark ||
      slots[at + 2] === mark ||
      slots[at + 3] === mark
    )
  }

  #other(bucket: number, mark: number): number {
    return (bucket ^ Math.imul(mark, 0x5bd1e995)) & this.#mask
  }
}

/** 0 means an empty slot. */
function markOf(print: number): number {
  const mark = print & 0xffff
  return mark === 0 ? 1 : mark
}
