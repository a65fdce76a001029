/**
 * Receive buffers that are used again. A fresh 220 KB buffer costs page faults and garbage collection of external
 * memory, which the heap sees late; reuse keeps both CPU and resident size flat under load.
 *
 * Sizes are rounded up to classes of 4 steps per power of two, so at most 25 % is unused. The pool keeps at most
 * `maxBytes`; what is larger than `maxBufferBytes` is never kept.
 */

const MIN_CLASS = 4096

export class BufferPool {
  readonly #free = new Map<number, Uint8Array[]>()
  readonly #maxBytes: number
  readonly #maxBufferBytes: number
  #bytes = 0

  constructor(maxBytes: number, maxBufferBytes = 4 << 20) {
    this.#maxBytes = maxBytes
    this.#maxBufferBytes = maxBufferBytes
  }

  /** Bytes that wait to be used again. */
  get idleBytes(): number {
    return this.#bytes
  }

  /** A buffer of exactly `length` bytes with arbitrary content; its backing store may be larger. */
  take(length: number): Uint8Array {
    if (length > this.#maxBufferBytes || length < MIN_CLASS) return Buffer.allocUnsafeSlow(length)
    const size = classSize(length)
    const free = this.#free.get(size)
    const kept = free?.pop()
    if (kept !== undefined) {
      this.#bytes -= size
      return kept.length === length ? kept : Buffer.from(kept.buffer, 0, length)
    }
    return Buffer.from(new ArrayBuffer(size), 0, length)
  }

  /** Gives a buffer back that `take` returned. The caller must not touch it any more. */
  give(buffer: Uint8Array): void {
    const size = buffer.buffer.byteLength
    if (size > this.#maxBufferBytes || size < MIN_CLASS || size !== classSize(size)) return
    if (buffer.byteOffset !== 0 || this.#bytes + size > this.#maxBytes) return
    let free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, (free = []))
    free.push(buffer)
    this.#bytes += size
  }
}

/** The smallest class that holds `length`: 4, 5, 6 or 7 quarters of a power of two. */
function classSize(length: number): number {
  if (length <= MIN_CLASS) return MIN_CLASS
  const step = 1 << (29 - Math.clz32(length - 1))
  return Math.ceil(length / step) * step
}
