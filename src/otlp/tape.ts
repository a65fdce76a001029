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
import { CUT_FROM, CUT_TO, type Edits, PUT_FROM, PUT_TO, SOURCE, SPLICE } from './splice.ts'
import { copyBytes, varintSize, writeVarint } from './wire-writer.ts'

const PREFIX = -1
const PUT = -2

/** Steps that copy more bytes than these of the payload are counted: within one buffer they would cost a third. */
const WIDE = 24
/** A wide step saves as much as copying so many bytes of the payload at once costs. */
const WORTH = 500
/** Length prefixes that are still open are not in `size`: up to 5 bytes for each of 5 levels. */
const OPEN_PREFIXES = 32

/** Numbers that a tape keeps when it is used again: 1 MiB. Above it, one odd request must not hold memory for ever. */
const MAX_KEPT = 262_144

export class Tape {
  /** Numbers in use. */
  length = 0
  /** Bytes that the steps since `begin` make. */
  size = 0
  /** The payload up to here is dealt with; what follows is copied unless something else is said. */
  from = 0
  #wide = 0
  /** By how much a step since `begin` writes at most further on than where it reads. */
  #lead = 0
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
    this.#wide = 0
    this.#lead = 0
  }

  /**
   * How far behind the place of the encoded part its payload is to be copied, so that the steps since `begin` can be
   * written by moving bytes within one buffer (`move`); -1 = that would cost more than it saves.
   */
  distance(payload: number): number {
    return this.#wide * WORTH > payload ? this.#lead + OPEN_PREFIXES : -1
  }

  /** Copies from where the payload stands to `end`. */
  copyTo(end: number): void {
    const { from } = this
    if (end > from) {
      this.#push(from, end)
      if (end - from > WIDE) this.#wide++
      if (this.size - from > this.#lead) this.#lead = this.size - from
      this.size += end - from
    }
    this.from = end
  }

  /** Leaves out what stands between `start` and `end`; what stands before `start` is copied. */
  cut(start: number, end: number): void {
    this.copyTo(start)
    this.from = end
  }

  /** Puts a splice in place of what it cuts. */
  splice(number: number, splices: Int32Array): void {
    const at = number * SPLICE
    this.cut(splices[at + CUT_FROM], splices[at + CUT_TO])
    const length = splices[at + PUT_TO] - splices[at + PUT_FROM]
    if (length === 0) return
    this.#push(PUT, number)
    this.size += length
  }

  /** Room for a length prefix, of which `fillPrefix` says later what it is. Adds nothing to `size` yet. */
  openPrefix(): number {
    this.#push(PREFIX, 0)
    if (this.size - this.from > this.#lead) this.#lead = this.size - this.from
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
    edits: Edits | null,
    out: Uint8Array,
    pos: number,
  ): number {
    const steps = this.#steps
    for (let i = first; i < last; i += 2) {
      const what = steps[i]
      const value = steps[i + 1]
      if (what >= 0) pos = copyBytes(out, pos, bytes, what, value)
      else if (what === PREFIX) pos = writeVarint(out, pos, value)
      else pos = putSplice(out, pos, edits!, value)
    }
    return pos
  }

  // hot: bench/micro/encode.ts
  /** The same when the payload stands in `out` itself, from `at` on, where `distance` asks for it; it is used up. */
  move(
    first: number,
    last: number,
    at: number,
    edits: Edits | null,
    out: Uint8Array,
    pos: number,
  ): number {
    const steps = this.#steps
    for (let i = first; i < last; i += 2) {
      const what = steps[i]
      const value = steps[i + 1]
      if (what >= 0) {
        const from = at + what
        const to = at + value
        if (value - what > WIDE) {
          out.copyWithin(pos, from, to)
          pos += value - what
        } else for (let k = from; k < to; k++) out[pos++] = out[k]
      } else if (what === PREFIX) pos = writeVarint(out, pos, value)
      else pos = putSplice(out, pos, edits!, value)
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

function putSplice(
  out: Uint8Array,
  pos: number,
  { words, sources }: Edits,
  splice: number,
): number {
  const at = splice * SPLICE
  return copyBytes(out, pos, sources[words[at + SOURCE]], words[at + PUT_FROM], words[at + PUT_TO])
}
