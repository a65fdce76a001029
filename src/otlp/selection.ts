/**
 * Which items of a request are still in: one bit an item, and how many. Filtering clears bits; it copies nothing.
 * Bits are kept only for the window [from, to) outside which nothing is in, so cutting a request into many pieces
 * costs memory and time in proportion to the request, not to request times pieces.
 */

export class Selection {
  readonly length: number
  /** Words `#word`, `#word` + 1, ... of the whole bit set; all others are zero. */
  #bits: Uint32Array
  #word: number
  #count: number

  private constructor(bits: Uint32Array, word: number, length: number, count: number) {
    this.length = length
    this.#bits = bits
    this.#word = word
    this.#count = count
  }

  /** A selection with every one of `length` items in. */
  static all(length: number): Selection {
    return Selection.range(length, 0, length)
  }

  static none(length: number): Selection {
    return new Selection(new Uint32Array((length + 31) >>> 5), 0, length, 0)
  }

  /** Of `length` items those from `from` to before `to`. */
  static range(length: number, from: number, to: number): Selection {
    if (to <= from) return new Selection(new Uint32Array(0), 0, length, 0)
    const word = from >>> 5
    const bits = new Uint32Array(((to + 31) >>> 5) - word).fill(0xffffffff)
    trim(bits, word, from, to)
    return new Selection(bits, word, length, to - from)
  }

  get count(): number {
    return this.#count
  }

  /** No item before this one is in. */
  get from(): number {
    return this.#word << 5
  }

  /** Neither this item nor any after it is in. */
  get to(): number {
    return Math.min(this.length, (this.#word + this.#bits.length) << 5)
  }

  has(item: number): boolean {
    const word = (item >>> 5) - this.#word
    if (word < 0 || word >= this.#bits.length) return false
    return (this.#bits[word] & (1 << (item & 31))) !== 0
  }

  clear(item: number): void {
    if (!this.has(item)) return
    this.#bits[(item >>> 5) - this.#word] &= ~(1 << (item & 31))
    this.#count--
  }

  set(item: number): void {
    if (this.has(item)) return
    if (item < this.from || item >= this.to) this.#widen()
    this.#bits[(item >>> 5) - this.#word] |= 1 << (item & 31)
    this.#count++
  }

  clone(): Selection {
    return new Selection(this.#bits.slice(), this.#word, this.length, this.#count)
  }

  /** A copy of what is in from `from` to before `to`; nothing else is in it. */
  slice(from: number, to: number): Selection {
    const first = Math.max(from, this.from)
    const last = Math.min(to, this.to)
    if (last <= first) return Selection.range(this.length, 0, 0)
    const word = first >>> 5
    const bits = this.#bits.slice(word - this.#word, ((last + 31) >>> 5) - this.#word)
    trim(bits, word, first, last)
    let count = 0
    for (let i = 0; i < bits.length; i++) count += popcount(bits[i])
    return new Selection(bits, word, this.length, count)
  }

  #widen(): void {
    const bits = new Uint32Array((this.length + 31) >>> 5)
    bits.set(this.#bits, this.#word)
    this.#bits = bits
    this.#word = 0
  }
}

/** Clears the bits before `from` and from `to` on in the first and the last word. */
function trim(bits: Uint32Array, word: number, from: number, to: number): void {
  bits[0] &= -1 << (from - (word << 5))
  const rest = ((word + bits.length) << 5) - to
  bits[bits.length - 1] &= -1 >>> rest
}

function popcount(word: number): number {
  word -= (word >>> 1) & 0x55555555
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
