/**
 * What has been normal for each key (an operation, an edge between two, a structure): a histogram of log buckets, and whether
 * the key is in shift. Rows of typed arrays; bounded by a number of keys, beyond which the keys of a service share one.
 */

/** Buckets a histogram has: 16 octaves of 8. */
const BUCKETS = 128
/** A float's bits from here up number the buckets: exponent and three bits of mantissa, 6.7 to 12.5 % wide. */
const BUCKET_SHIFT = 20
const FRACTION_MASK = (1 << BUCKET_SHIFT) - 1
const FRACTION_SCALE = 1 / (1 << BUCKET_SHIFT)
const BUCKETS_AN_OCTAVE = 8
/** Buckets below a key's first value: 7 octaves; 9 are above. */
const BELOW_FIRST = 56
/** Buckets by which a histogram moves when too much lies at its end. */
const MOVE = 32
const CROWDED_TOP = 0.05
const CROWDED_BOTTOM = 0.95
/** Observations between two looks at the ends. */
const MOVE_EVERY = 64

/** A histogram is halved when it holds as many: what is old weighs less. */
const HALVE_AT = 20_000
/** Also each so often, once it holds enough to be halved without harm. */
const HALVE_MS = 30 * 60_000
const HALVE_LEAST = 1_000

/** A key that nobody asked for so long may be given to another. */
const IDLE_MS = 60_000
/** Slots looked at for one to give away. */
const EVICT_LOOK = 8
/** Keys that spilled keys share, a kind. */
const SPILL = 64
const KINDS = 4
const SPILL_SLOTS = SPILL * KINDS
const FIRST_ROWS = 1024

export const KEY_SELF = 0
export const KEY_GAP = 1
export const KEY_STRUCTURE = 2
export const KEY_PATHS = 3

/** Observations below which a key cannot tell what is unusual. */
export const COLD_BELOW = 30

const NONE = -1

const float = new Float32Array(1)
const bits = new Int32Array(float.buffer)

export class KeyStore {
  /** Observations that the histogram of a slot holds; halved with it. */
  seen: Float32Array
  /** Share of recent traces that were unusual at the key. */
  quick: Float32Array
  /** When the key came into shift, ms; 0: it is not. */
  shiftedAt: Float64Array
  /** Errors by the same weights as `seen`, and their recent share. */
  failed: Float32Array
  failedSeen: Float32Array
  failedQuick: Float32Array
  /** When its error rate came into shift, ms; 0: it is not. */
  failedAt: Float64Array
  /** Stamp of the trace that used the slot last, for the caller's use. */
  stamp: Int32Array
  place: Int32Array

  readonly capacity: number
  size = SPILL_SLOTS
  evicted = 0
  spilled = 0

  #rows: number
  #tree: Float32Array
  #base: Int32Array
  #kind: Uint8Array
  #a: Int32Array
  #b: Int32Array
  #next: Int32Array
  #lastSeen: Float64Array
  #halvedAt: Float64Array
  #heads: Int32Array
  #mask: number
  #hand = SPILL_SLOTS

  constructor(keys: number) {
    this.capacity = Math.max(FIRST_ROWS, keys)
    const rows = FIRST_ROWS
    this.#rows = rows
    this.seen = new Float32Array(rows)
    this.quick = new Float32Array(rows)
    this.shiftedAt = new Float64Array(rows)
    this.failed = new Float32Array(rows)
    this.failedSeen = new Float32Array(rows)
    this.failedQuick = new Float32Array(rows)
    this.failedAt = new Float64Array(rows)
    this.stamp = new Int32Array(rows).fill(NONE)
    this.place = new Int32Array(rows)
    this.#tree = new Float32Array(rows * BUCKETS)
    this.#base = new Int32Array(rows)
    this.#kind = new Uint8Array(rows)
    this.#a = new Int32Array(rows).fill(NONE)
    this.#b = new Int32Array(rows)
    this.#next = new Int32Array(rows).fill(NONE)
    this.#lastSeen = new Float64Array(rows)
    this.#halvedAt = new Float64Array(rows)
    this.#mask = powerOfTwo(this.capacity * 2) - 1
    this.#heads = new Int32Array(this.#mask + 1).fill(NONE)
  }

  get bytes(): number {
    return this.#rows * (BUCKETS * 4 + 80) + this.#heads.byteLength
  }

  /** Slot of a key; `service` chooses the shared one where there is no room. */
  slot(kind: number, a: number, b: number, service: number, nowMs: number): number {
    const head = hash(kind, a, b) & this.#mask
    for (let at = this.#heads[head]; at !== NONE; at = this.#next[at]) {
      if (this.#a[at] === a && this.#b[at] === b && this.#kind[at] === kind) {
        this.#lastSeen[at] = nowMs
        return at
      }
    }
    const at = this.#free(nowMs)
    if (at === NONE) {
      this.spilled++
      return kind * SPILL + (service & (SPILL - 1))
    }
    this.#clear(at, nowMs)
    this.#kind[at] = kind
    this.#a[at] = a
    this.#b[at] = b
    this.#link(at)
    return at
  }

  /** Slot of a key that is known; -1: it is not. */
  find(kind: number, a: number, b: number): number {
    let at = this.#heads[hash(kind, a, b) & this.#mask]
    while (at !== NONE && (this.#a[at] !== a || this.#b[at] !== b || this.#kind[at] !== kind)) {
      at = this.#next[at]
    }
    return at
  }

  kindOf(slot: number): number {
    return this.#kind[slot]
  }
  firstOf(slot: number): number {
    return this.#a[slot]
  }
  secondOf(slot: number): number {
    return this.#b[slot]
  }

  /** Share of what was observed that is at least `value`, from above 0 to 1. */
  tail(slot: number, value: number): number {
    float[0] = value + 1
    const pattern = bits[0]
    const bucket = (pattern >>> BUCKET_SHIFT) - this.#base[slot]
    const seen = this.seen[slot]
    if (bucket < 0) return 1
    if (bucket >= BUCKETS) return 0.5 / (seen + 1)
    const row = slot * BUCKETS - 1
    const tree = this.#tree
    let above = 0
    for (let i = BUCKETS - 1 - bucket; i > 0; i &= i - 1) above += tree[row + i]
    let from = 0
    for (let i = BUCKETS - bucket; i > 0; i &= i - 1) from += tree[row + i]
    const inside = 1 - (pattern & FRACTION_MASK) * FRACTION_SCALE
    return Math.min(1, (above + inside * (from - above) + 0.5) / (seen + 1))
  }

  /** Octaves by which `value` lies above what the share `tail` of observations reach; 0: it does not. */
  octavesAbove(slot: number, value: number, tail: number): number {
    float[0] = value + 1
    const rest = tail * this.seen[slot]
    const row = slot * BUCKETS - 1
    let at = 0
    let sum = 0
    for (let step = BUCKETS >> 1; step > 0; step >>= 1) {
      const here = this.#tree[row + at + step]
      if (sum + here <= rest) {
        at += step
        sum += here
      }
    }
    const edge = BUCKETS - at + this.#base[slot]
    const octaves = ((bits[0] >>> BUCKET_SHIFT) - edge) / BUCKETS_AN_OCTAVE
    return octaves > 0 ? octaves : 0
  }

  learn(slot: number, value: number): void {
    float[0] = value + 1
    const index = bits[0] >>> BUCKET_SHIFT
    const seen = this.seen[slot]
    if (seen === 0) this.#base[slot] = index - BELOW_FIRST
    let bucket = index - this.#base[slot]
    if (bucket < 0) bucket = 0
    else if (bucket >= BUCKETS) bucket = BUCKETS - 1
    const row = slot * BUCKETS - 1
    const tree = this.#tree
    for (let i = BUCKETS - bucket; i <= BUCKETS; i += i & -i) tree[row + i] = tree[row + i] + 1
    this.seen[slot] = seen + 1
    if ((bucket === 0 || bucket === BUCKETS - 1) && seen % MOVE_EVERY === 0 && seen > 0)
      this.#move(slot)
  }

  /** Lets what is old weigh less where it is time to. */
  age(slot: number, nowMs: number): void {
    const seen = this.seen[slot]
    if (seen < HALVE_AT && (seen < HALVE_LEAST || nowMs - this.#halvedAt[slot] < HALVE_MS)) return
    const row = slot * BUCKETS
    for (let i = row; i < row + BUCKETS; i++) this.#tree[i] = this.#tree[i] * 0.5
    this.seen[slot] = seen * 0.5
    this.#halvedAt[slot] = nowMs
  }

  /** Moves the range of the histogram when much of what is seen lies at one end of it. */
  #move(slot: number): void {
    const row = slot * BUCKETS
    const counts = new Float32Array(BUCKETS)
    let above = 0
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
      let from = 0
      for (let i = BUCKETS - bucket; i > 0; i &= i - 1) from += this.#tree[row - 1 + i]
      counts[bucket] = from - above
      above = from
    }
    const limit = above
    const up = counts[BUCKETS - 1] > limit * CROWDED_TOP
    if (!up && counts[0] < limit * CROWDED_BOTTOM) return
    const by = up ? MOVE : -MOVE
    this.#base[slot] = this.#base[slot] + by
    this.#tree.fill(0, row, row + BUCKETS)
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const to = Math.min(BUCKETS - 1, Math.max(0, bucket - by))
      for (let i = BUCKETS - to; i <= BUCKETS; i += i & -i) {
        this.#tree[row - 1 + i] = this.#tree[row - 1 + i] + counts[bucket]
      }
    }
  }

  /** What `restore` needs, as blocks of bytes of its own. */
  snapshot(): Uint8Array[] {
    const size = this.size
    return this.#columns().map(column =>
      bytesOf(column.slice(0, (column.length / this.#rows) * size)),
    )
  }

  /** False, and nothing changed, where the blocks are not those of such a store. */
  restore(blocks: readonly Uint8Array[]): boolean {
    const widths = this.#columns().map(column => column.byteLength / this.#rows)
    const size = (blocks[0]?.length ?? 0) / widths[0]
    if (!Number.isInteger(size) || size < SPILL_SLOTS || size > this.capacity) return false
    if (widths.length !== blocks.length) return false
    if (widths.some((width, at) => blocks[at].length !== width * size)) return false
    while (this.#rows < size) this.#grow()
    this.#columns().forEach((column, at) => {
      bytesOf(column).set(blocks[at])
    })
    this.size = size
    this.stamp.fill(NONE)
    this.#heads.fill(NONE)
    for (let slot = SPILL_SLOTS; slot < size; slot++) this.#link(slot)
    return true
  }

  /** All that is kept of a slot; order is that of the blocks. */
  #columns(): Column[] {
    return [
      ...[this.#kind, this.#a, this.#b, this.#base, this.#lastSeen, this.#halvedAt, this.#tree],
      ...[this.seen, this.quick, this.shiftedAt],
      ...[this.failed, this.failedSeen, this.failedQuick, this.failedAt],
    ]
  }

  #link(slot: number): void {
    const head = hash(this.#kind[slot], this.#a[slot], this.#b[slot]) & this.#mask
    this.#next[slot] = this.#heads[head]
    this.#heads[head] = slot
  }

  #free(nowMs: number): number {
    if (this.size < this.capacity) {
      if (this.size === this.#rows) this.#grow()
      return this.size++
    }
    let oldest = NONE
    for (let look = 0; look < EVICT_LOOK; look++) {
      if (++this.#hand >= this.capacity) this.#hand = SPILL_SLOTS
      if (oldest === NONE || this.#lastSeen[this.#hand] < this.#lastSeen[oldest])
        oldest = this.#hand
    }
    if (nowMs - this.#lastSeen[oldest] < IDLE_MS) return NONE
    this.#unlink(oldest)
    this.evicted++
    return oldest
  }

  #unlink(slot: number): void {
    const head = hash(this.#kind[slot], this.#a[slot], this.#b[slot]) & this.#mask
    let at = this.#heads[head]
    if (at === slot) {
      this.#heads[head] = this.#next[slot]
      return
    }
    while (this.#next[at] !== slot) at = this.#next[at]
    this.#next[at] = this.#next[slot]
  }

  #clear(slot: number, nowMs: number): void {
    this.#tree.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS)
    this.seen[slot] = 0
    this.quick[slot] = 0
    this.shiftedAt[slot] = 0
    this.failed[slot] = 0
    this.failedSeen[slot] = 0
    this.failedQuick[slot] = 0
    this.failedAt[slot] = 0
    this.stamp[slot] = NONE
    this.#lastSeen[slot] = nowMs
    this.#halvedAt[slot] = nowMs
  }

  #grow(): void {
    const rows = Math.min(this.capacity, this.#rows * 2)
    this.seen = grown(this.seen, new Float32Array(rows))
    this.quick = grown(this.quick, new Float32Array(rows))
    this.shiftedAt = grown(this.shiftedAt, new Float64Array(rows))
    this.failed = grown(this.failed, new Float32Array(rows))
    this.failedSeen = grown(this.failedSeen, new Float32Array(rows))
    this.failedQuick = grown(this.failedQuick, new Float32Array(rows))
    this.failedAt = grown(this.failedAt, new Float64Array(rows))
    this.stamp = grown(this.stamp, new Int32Array(rows))
    this.place = grown(this.place, new Int32Array(rows))
    this.#tree = grown(this.#tree, new Float32Array(rows * BUCKETS))
    this.#base = grown(this.#base, new Int32Array(rows))
    this.#kind = grown(this.#kind, new Uint8Array(rows))
    this.#a = grown(this.#a, new Int32Array(rows))
    this.#b = grown(this.#b, new Int32Array(rows))
    this.#next = grown(this.#next, new Int32Array(rows))
    this.#lastSeen = grown(this.#lastSeen, new Float64Array(rows))
    this.#halvedAt = grown(this.#halvedAt, new Float64Array(rows))
    this.#rows = rows
  }
}

type Column = Float32Array | Float64Array | Int32Array | Uint8Array

function bytesOf(column: Column): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength)
}

function grown<T extends Column>(old: T, fresh: T): T {
  fresh.set(old)
  return fresh
}

function hash(kind: number, a: number, b: number): number {
  let h = Math.imul(a ^ (kind << 28), 0x9e3779b1) ^ Math.imul(b + 0x7f4a7c15, 0x85ebca6b)
  h ^= h >>> 15
  h = Math.imul(h, 0x2c1b3c6d)
  return h ^ (h >>> 13)
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least))
}
