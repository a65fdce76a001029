/**
 * Traces whose decision is remembered after their spans are gone: a table of numbers that grows up to a limit and then forgets
 * the oldest entry, or the one that was looked up longest ago.
 */
import { mix, SEED } from '../../sampler/assembly/hash.ts'

const ID_WORDS = 4
const FIRST_CAPACITY = 1024
/** Buckets for each entry. */
const SPREAD = 2
const NONE = -1

/** A trace as it is looked up: its tenant's number and its id in four words. */
export interface TraceKey {
  tenant: number
  readonly id: Uint32Array
}

export class Decided {
  readonly #limit: number
  readonly #isLru: boolean
  /** Heads of chains, a power of two of them. */
  #buckets = new Int32Array(0)
  #chain = new Int32Array(0)
  #ids = new Uint32Array(0)
  #tenants = new Uint32Array(0)
  /** What was decided, and when. */
  #notes = new Uint32Array(0)
  #seconds = new Float64Array(0)
  /** The line from the oldest to the newest. */
  #newer = new Int32Array(0)
  #older = new Int32Array(0)
  #first = NONE
  #last = NONE
  #free = NONE
  #used = 0
  #size = 0

  /** `isLru`: what is found counts as new again. */
  constructor(limit: number, isLru: boolean) {
    this.#limit = limit
    this.#isLru = isLru
  }

  get size(): number {
    return this.#size
  }

  // hot: bench/micro/tail-sampling.ts
  /** The entry of a trace, or -1; valid until the next `put` or `forgetOldest`. */
  find(key: TraceKey): number {
    if (this.#size === 0) return NONE
    let entry = this.#buckets[this.#bucketOf(key.tenant, key.id, 0)]
    while (entry !== NONE && !this.#is(entry, key)) entry = this.#chain[entry]
    if (entry !== NONE && this.#isLru && entry !== this.#last) {
      this.#unlink(entry)
      this.#append(entry)
    }
    return entry
  }

  note(entry: number): number {
    return this.#notes[entry]
  }

  /** When it was decided, by the caller's clock. */
  seconds(entry: number): number {
    return this.#seconds[entry]
  }

  /** A trace that is there already is put anew. */
  put(key: TraceKey, note: number, seconds: number): void {
    if (this.#limit === 0) return
    const known = this.find(key)
    if (known !== NONE) {
      this.#notes[known] = note
      this.#seconds[known] = seconds
      return
    }
    if (this.#size >= this.#limit) this.forgetOldest()
    const entry = this.#take()
    this.#ids.set(key.id, entry * ID_WORDS)
    this.#tenants[entry] = key.tenant
    this.#notes[entry] = note
    this.#seconds[entry] = seconds
    const bucket = this.#bucketOf(key.tenant, key.id, 0)
    this.#chain[entry] = this.#buckets[bucket]
    this.#buckets[bucket] = entry
    this.#append(entry)
    this.#size++
  }

  forgetOldest(): void {
    const entry = this.#first
    if (entry === NONE) return
    this.#unlink(entry)
    this.#unchain(entry)
    this.#chain[entry] = this.#free
    this.#free = entry
    this.#size--
  }

  #take(): number {
    const free = this.#free
    if (free !== NONE) {
      this.#free = this.#chain[free]
      return free
    }
    if (this.#used === this.#chain.length) this.#grow()
    return this.#used++
  }

  #grow(): void {
    const capacity = Math.min(this.#limit, Math.max(FIRST_CAPACITY, 2 * this.#chain.length))
    this.#chain = widened(this.#chain, new Int32Array(capacity))
    this.#ids = widened(this.#ids, new Uint32Array(capacity * ID_WORDS))
    this.#tenants = widened(this.#tenants, new Uint32Array(capacity))
    this.#notes = widened(this.#notes, new Uint32Array(capacity))
    this.#seconds = widened(this.#seconds, new Float64Array(capacity))
    this.#newer = widened(this.#newer, new Int32Array(capacity))
    this.#older = widened(this.#older, new Int32Array(capacity))
    let buckets = 1
    while (buckets < SPREAD * capacity) buckets *= 2
    this.#buckets = new Int32Array(buckets).fill(NONE)
    // All entries are in use when the table grows.
    for (let entry = 0; entry < this.#used; entry++) {
      const bucket = this.#bucketOf(this.#tenants[entry], this.#ids, entry * ID_WORDS)
      this.#chain[entry] = this.#buckets[bucket]
      this.#buckets[bucket] = entry
    }
  }

  #bucketOf(tenant: number, ids: Uint32Array, at: number): number {
    const hash = mix(
      mix(mix(mix(ids[at] ^ tenant ^ SEED) ^ ids[at + 1]) ^ ids[at + 2]) ^ ids[at + 3],
    )
    return hash & (this.#buckets.length - 1)
  }

  #is(entry: number, { tenant, id }: TraceKey): boolean {
    const ids = this.#ids
    const at = entry * ID_WORDS
    return (
      ids[at + 3] === id[3] &&
      ids[at + 2] === id[2] &&
      ids[at + 1] === id[1] &&
      ids[at] === id[0] &&
      this.#tenants[entry] === tenant
    )
  }

  #append(entry: number): void {
    this.#newer[entry] = NONE
    this.#older[entry] = this.#last
    if (this.#last === NONE) this.#first = entry
    else this.#newer[this.#last] = entry
    this.#last = entry
  }

  #unlink(entry: number): void {
    const newer = this.#newer[entry]
    const older = this.#older[entry]
    if (older === NONE) this.#first = newer
    else this.#newer[older] = newer
    if (newer === NONE) this.#last = older
    else this.#older[newer] = older
  }

  #unchain(entry: number): void {
    const bucket = this.#bucketOf(this.#tenants[entry], this.#ids, entry * ID_WORDS)
    let at = this.#buckets[bucket]
    if (at === entry) {
      this.#buckets[bucket] = this.#chain[entry]
      return
    }
    while (this.#chain[at] !== entry) at = this.#chain[at]
    this.#chain[at] = this.#chain[entry]
  }
}

function widened<T extends Int32Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
