/** First in, first out, without the cost of `Array.shift` on long arrays: a ring that doubles when it is full. */

export class Fifo<T> {
  #ring: (T | undefined)[] = new Array(16)
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(value: T): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = value
    this.#length++
  }

  /** The one that `shift` would return. */
  peek(): T | undefined {
    return this.#ring[this.#head]
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const value = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#length--
    return value
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = 0; i < this.#length; i++) {
      yield this.#ring[(this.#head + i) & (this.#ring.length - 1)] as T
    }
  }

  #grow(): void {
    const next: (T | undefined)[] = new Array(this.#ring.length * 2)
    let i = 0
    for (const value of this) next[i++] = value
    this.#ring = next
    this.#head = 0
  }
}
