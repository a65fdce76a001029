/**
 * One message under a rule: where its fields stand, found by one walk when the first of them is asked for, and how
 * they are replaced. The walk's table is reused from message to message, so reading allocates nothing.
 *
 * ```
 * table: [ number << 3 | wire, tag, start, end ] a field, in the order of the bytes
 * last : by field number, the last field with it; -1 = none
 * ```
 * A field is replaced as a whole (tag, length and content). Offsets are into `bytes` and hold until the next change.
 */
import { BYTES, readVarint32, skipValue, skipVarint } from '../../otlp/wire-reader.ts'
import { copyBytes, fieldSize, writeTag, writeVarint } from '../../otlp/wire-writer.ts'

const FIELD = 4
const NUMBERS = 32
/** Words of a table that is kept for the next message; one odd message must not hold memory for ever. */
const MAX_KEPT = 65_536

const NO_BYTES = new Uint8Array(0)

export abstract class Message {
  bytes: Uint8Array = NO_BYTES
  start = 0
  end = 0
  /** Whether there is such a message at all; what is absent reads as empty and comes into being when written to. */
  isPresent = false
  /** Grows whenever offsets read before no longer hold. */
  version = 0
  /** Bit n: fields of number n are children that stand in the request's index; they are passed over. */
  readonly #children: number
  #table = new Int32Array(32 * FIELD)
  #count = -1
  readonly #last = new Int32Array(NUMBERS)

  constructor(children = 0) {
    this.#children = children
  }

  /** Goes where the cursor stands. Every access begins with it. */
  abstract sync(): void

  /** Makes the content changeable, and the message present. */
  protected abstract own(): void

  /** Puts `src[from..to)` in place of the content's bytes from `start` to `end`. Only after `own`. */
  protected abstract splice(
    start: number,
    end: number,
    src: Uint8Array,
    from: number,
    to: number,
  ): void

  /** Fields of this number are not as the sender wrote them any more. */
  protected abstract touch(number: number): void

  /** Number of fields. */
  get count(): number {
    this.sync()
    if (this.#count < 0) this.#scan()
    return this.#count
  }

  // hot: bench/micro/rules.ts
  /** The last field with this number (below 32), which is the one that counts; -1 = none. */
  find(number: number): number {
    this.sync()
    if (this.#count < 0) this.#scan()
    return this.#last[number]
  }

  /** The only field with this number: several messages are merged into one, as protobuf reads them. */
  findOnly(number: number): number {
    const at = this.find(number)
    if (at > 0 && this.next(number, 0) < at) return this.#merge(number)
    return at
  }

  /** First field with this number at `from` or after; `count` when there is none. `find` or `count` must come before. */
  next(number: number, from: number): number {
    const table = this.#table
    const count = this.#count
    for (let i = from; i < count; i++) if (table[i * FIELD] >>> 3 === number) return i
    return count
  }

  /** The field with this number that `occurrence` others come before; -1 = there are not so many. */
  nth(number: number, occurrence: number): number {
    const count = this.count
    let field = this.next(number, 0)
    for (let i = occurrence; i > 0 && field < count; i--) field = this.next(number, field + 1)
    return field < count ? field : -1
  }

  number(field: number): number {
    return this.#table[field * FIELD] >>> 3
  }

  wire(field: number): number {
    return this.#table[field * FIELD] & 7
  }

  tagAt(field: number): number {
    return this.#table[field * FIELD + 1]
  }

  startOf(field: number): number {
    return this.#table[field * FIELD + 2]
  }

  endOf(field: number): number {
    return this.#table[field * FIELD + 3]
  }

  /** The message has exactly this field with its number; it stands where the last one stood, or at the end. */
  put(number: number, src: Uint8Array, from: number, to: number): void {
    const before = this.find(number)
    if (before >= 0 && this.next(number, 0) === before && this.#same(before, src, from, to)) return
    this.own()
    const at = this.find(number)
    if (at < 0) this.splice(this.end, this.end, src, from, to)
    else {
      this.splice(this.tagAt(at), this.endOf(at), src, from, to)
      if (this.count > 0) this.#clearBefore(number, at)
    }
    this.touch(number)
  }

  /** Puts a field in place of one; `from` = `to` removes it. */
  replace(field: number, src: Uint8Array, from: number, to: number): void {
    if (this.#same(field, src, from, to)) return
    const number = this.number(field)
    this.own()
    if (this.count > field) this.splice(this.tagAt(field), this.endOf(field), src, from, to)
    this.touch(number)
  }

  append(number: number, src: Uint8Array, from: number, to: number): void {
    this.own()
    this.splice(this.end, this.end, src, from, to)
    this.touch(number)
  }

  remove(field: number): void {
    this.replace(field, NO_BYTES, 0, 0)
  }

  clear(number: number): void {
    if (this.find(number) < 0) return
    this.own()
    this.#clearBefore(number, this.count)
    this.touch(number)
  }

  /** All of the content becomes another. */
  become(content: Uint8Array): void {
    this.own()
    this.splice(this.start, this.end, content, 0, content.length)
    for (let number = 1; number < NUMBERS; number++) this.touch(number)
  }

  /** Copy of the content. */
  copy(): Uint8Array {
    this.sync()
    return new Uint8Array(this.bytes.subarray(this.start, this.end))
  }

  /** Another place, or changed bytes there. */
  protected moved(): void {
    this.#count = -1
    this.version++
    if (this.#table.length > MAX_KEPT) this.#table = new Int32Array(32 * FIELD)
  }

  #clearBefore(number: number, field: number): void {
    for (let i = field - 1; i >= 0; i--) {
      if (this.number(i) !== number) continue
      this.splice(this.tagAt(i), this.endOf(i), NO_BYTES, 0, 0)
      if (this.count <= 0) return
    }
  }

  #same(field: number, src: Uint8Array, from: number, to: number): boolean {
    const at = this.tagAt(field)
    if (this.endOf(field) - at !== to - from) return false
    const bytes = this.bytes
    for (let i = from; i < to; i++) if (bytes[at + i - from] !== src[i]) return false
    return true
  }

  /** Joins the contents: a message that is sent in pieces means their concatenation. */
  #merge(number: number): number {
    this.own()
    const parts: Uint8Array[] = []
    let last = -1
    const count = this.count
    for (let i = this.next(number, 0); i < count; i = this.next(number, i + 1)) {
      parts.push(new Uint8Array(this.bytes.subarray(this.startOf(i), this.endOf(i))))
      last = i
    }
    const content = Buffer.concat(parts)
    const field = messageField(number, content, 0, content.length)
    this.splice(this.tagAt(last), this.endOf(last), field, 0, field.length)
    if (this.count > 0) this.#clearBefore(number, last)
    return this.find(number)
  }

  #scan(): void {
    const { bytes, end } = this
    const children = this.#children
    const last = this.#last
    let table = this.#table
    let pos = this.start
    let count = 0
    last.fill(-1)
    while (pos < end) {
      const tagAt = pos
      let tag = bytes[pos++]
      if (tag > 0x7f) {
        tag = readVarint32(bytes, tagAt)
        pos = skipVarint(bytes, tagAt)
      }
      let start = pos
      if ((tag & 7) === BYTES) {
        let length = bytes[pos++]
        if (length > 0x7f) {
          length = readVarint32(bytes, start)
          pos = skipVarint(bytes, start)
        }
        start = pos
        pos += length
      } else pos = skipValue(bytes, pos, tag & 7, end)
      const number = tag >>> 3
      if (number < NUMBERS) {
        if ((children & (1 << number)) !== 0) continue
        last[number] = count
      }
      const at = count * FIELD
      if (at === table.length) {
        const grown = new Int32Array(at * 2)
        grown.set(table)
        this.#table = table = grown
      }
      table[at] = tag
      table[at + 1] = tagAt
      table[at + 2] = start
      table[at + 3] = pos
      count++
    }
    this.#count = count
  }
}

/** A whole field with this content. */
export function messageField(
  number: number,
  src: Uint8Array,
  from: number,
  to: number,
): Uint8Array {
  const out = Buffer.allocUnsafeSlow(fieldSize(number, to - from))
  let pos = writeTag(out, 0, number, BYTES)
  pos = writeVarint(out, pos, to - from)
  copyBytes(out, pos, src, from, to)
  return out
}
