/** Which items of a request are still in: one bit an item, and how many. Filtering clears bits; it copies nothing. */

export class Selection {
  readonly #bits: Uint32Array
  readonly length: number
  #count: number

  private constructor(bits: Uint32Array, length: number, count: number) {
    this.#bits = bits
    this.length = length
    this.#count = count
  }

  /** A selection with every one of `length` items in. */
  static all(length: number): Selection {
    const bits = new Uint32Array((length + 31) >>> 5).fill(0xffffffff)
    if (length & 31) bits[bits.length - 1] = (1 << (length & 31)) - 1
    return new Selection(bits, length, length)
  }

  static none(length: number): Selection {
    return new Selection(new Uint32Array((length + 31) >>> 5), length, 0)
  }

  get count(): number {
    return this.#count
  }

  has(item: number): boolean {
    return (this.#bits[item >>> 5] & (1 << (item & 31))) !== 0
  }

  clear(item: number): void {
    if (!this.has(item)) return
    this.#bits[item >>> 5] &= ~(1 << (item & 31))
    this.#count--
  }

  set(item: number): void {
    if (this.has(item)) return
    this.#bits[item >>> 5] |= 1 << (item & 31)
    this.#count++
  }

  clone(): Selection {
    return new Selection(this.#bits.slice(), this.length, this.#count)
  }
}
