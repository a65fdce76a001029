/**
 * The steps that make an encoded part from its payload, laid out before the first byte is written, so that the exact
 * size is known and one buffer is enough. The tape of one encode holds the steps of all its parts, one after another.
 *
 * ```
 * step = two numbers:  start, end  copy these bytes of the payload
 *                      -1, n       write n as varint (a length prefix made anew)
 *                      -2, i       put the bytes of splice i
 * ```
 */
import type { Splice } from './splice.ts'
import { copyBytes, varintSize, writeVarint } from './wire-writer.ts'

const PREFIX = -1
const SPLICE = -2

/** Numbers that a tape keeps when it is used again: 1 MiB. Above it, one odd request must not hold memory for ever. */
const MAX_KEPT = 262_144

export class Tape {
  /** Numbers in use. */
  length = 0
  /** Bytes that the steps since `begin` make. */
  size = 0
  /** The payload up to here is dealt with; what follows is copied unless something else is said. */
  from = 0
  #steps = new Int32Array(1024)

  /** Starts anew. */
  reset(): void {
    this.length = 0
    if (this.#steps.length > MAX_KEPT) this.#steps = new Int32Array(1024)
  }

  /** Starts the steps of another part. */
  begin(): void {
    this.size = 0
    this.from = 0
  }

  /** Copies from where the payload stands to `end`. */
  copyTo(end: number): void {
    if (end > this.from) {
      this.#push(this.from, end)
      this.size += end - this.from
    }
    this.from = end
  }

  /** Leaves out what stands between `start` and `end`; what stands before `start` is copied. */
  cut(start: number, end: number): void {
    this.copyTo(start)
    this.from = end
  }

  /** Puts a splice in place of what it cuts. */
  splice(number: number, splice: Splice): void {
    this.cut(splice.start, splice.end)
    this.#push(SPLICE, number)
    this.size += splice.to - splice.from
  }

  /** Room for a length prefix, of which `fillPrefix` says later what it is. Adds nothing to `size` yet. */
  openPrefix(): number {
    this.#push(PREFIX, 0)
    return this.length - 2
  }

  fillPrefix(at: number, content: number): void {
    this.#steps[at + 1] = content
    this.size += varintSize(content)
  }

  /** The prefix stays as the sender wrote it. */
  keepPrefix(at: number, start: number, end: number): void {
    this.#steps[at] = start
    this.#steps[at + 1] = end
    this.size += end - start
  }

  /** Takes back all that was done since these three were read. */
  rewind(length: number, size: number, from: number): void {
    this.length = length
    this.size = size
    this.from = from
  }

  // hot: bench/micro/encode.ts
  /** Writes the steps `first` to before `last` and returns the offset after them. */
  write(
    first: number,
    last: number,
    bytes: Uint8Array,
    splices: readonly Splice[],
    out: Uint8Array,
    pos: number,
  ): number {
    const steps = this.#steps
    for (let i = first; i < last; i += 2) {
      const what = steps[i]
      const value = steps[i + 1]
      if (what >= 0) pos = copyBytes(out, pos, bytes, what, value)
      else if (what === PREFIX) pos = writeVarint(out, pos, value)
      else {
        const put = splices[value]
        pos = copyBytes(out, pos, put.bytes, put.from, put.to)
      }
    }
    return pos
  }

  #push(what: number, value: number): void {
    if (this.length === this.#steps.length) {
      const grown = new Int32Array(this.length * 2)
      grown.set(this.#steps)
      this.#steps = grown
    }
    this.#steps[this.length++] = what
    this.#steps[this.length++] = value
  }
}
