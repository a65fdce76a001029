/**
 * One message under a rule: its fields are found when the first of them is asked for, and replaced as wholes (tag,
 * length and content). Field numbers of OTLP are below 32. Offsets are into `bytes` and hold until the next change.
 */
import { BYTES } from '../../otlp/wire-reader.ts'
import { copyBytes, fieldSize, writeTag, writeVarint } from '../../otlp/wire-writer.ts'
import { FieldTable } from './field-table.ts'

const NUMBERS = 32

/** Messages with more fields than any that is meant well: going through them again and again is counted. */
const MANY_FIELDS = 512
/** Looking at a field costs about as much as moving this many bytes. */
const FIELD_WORK = 8

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
  readonly #table = new FieldTable()

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

  /** Counts work that grows with the size of the message. */
  abstract charge(bytes: number): void

  /** Number of fields; whoever asks goes through them. */
  get count(): number {
    return this.#walked.count
  }

  get #walked(): FieldTable {
    const fields = this.#fields
    if (fields.count > MANY_FIELDS) this.charge(fields.count * FIELD_WORK)
    return fields
  }

  get #fields(): FieldTable {
    this.sync()
    const table = this.#table
    if (table.count < 0) table.fill(this.bytes, this.start, this.end, this.#children)
    return table
  }

  /** The last field with this number, which is the one that counts; -1 = none. */
  find(number: number): number {
    return this.#fields.last(number)
  }

  /** The only field with this number: several messages are merged into one, as protobuf reads them. */
  findOnly(number: number): number {
    const at = this.find(number)
    if (at > 0 && this.next(number, 0) < at) return this.#merge(number)
    return at
  }

  /** First field with this number at `from` or after; `count` when there is none. `find` or `count` must come before. */
  next(number: number, from: number): number {
    return this.#table.next(number, from)
  }

  /** The field with this number that `occurrence` others come before; -1 = there are not so many. */
  nth(number: number, occurrence: number): number {
    const { count } = this
    let field = this.next(number, 0)
    for (let i = occurrence; i > 0 && field < count; i--) field = this.next(number, field + 1)
    return field < count ? field : -1
  }

  /** The field with this number after another one; -1 = there is none. */
  following(number: number, field: number): number {
    const next = this.#table.next(number, field + 1)
    return next < this.#table.count ? next : -1
  }

  /** The first KeyValue field of this number with this key; -1 = none. */
  findPair(number: number, key: Uint8Array): number {
    return this.#walked.findPair(number, key)
  }

  number(field: number): number {
    return this.#table.number(field)
  }

  wire(field: number): number {
    return this.#table.wire(field)
  }

  tagAt(field: number): number {
    return this.#table.tagAt(field)
  }

  startOf(field: number): number {
    return this.#table.startOf(field)
  }

  endOf(field: number): number {
    return this.#table.endOf(field)
  }

  /** The message has exactly this field with its number; it stands where the last one stood, or at the end. */
  put(number: number, src: Uint8Array, from: number, to: number): void {
    const before = this.find(number)
    if (before >= 0 && this.next(number, 0) === before && this.#same(before, src, from, to)) return
    this.own()
    const at = this.find(number)
    if (at < 0) this.#append(src, from, to)
    else {
      this.#exchange(at, src, from, to)
      this.#clearBefore(number, at)
    }
    this.touch(number)
  }

  /** The same with any number of fields, all of this number. */
  putAll(number: number, src: Uint8Array, from: number, to: number): void {
    this.put(number, src, from, to)
    this.moved()
  }

  /** Puts a field of the same number in place of one. */
  replace(field: number, src: Uint8Array, from: number, to: number): void {
    if (this.#same(field, src, from, to)) return
    const number = this.number(field)
    this.own()
    this.#exchange(field, src, from, to)
    this.touch(number)
  }

  append(number: number, src: Uint8Array, from: number, to: number): void {
    this.own()
    this.#append(src, from, to)
    this.touch(number)
  }

  remove(field: number): void {
    const number = this.number(field)
    this.own()
    this.#exchange(field, NO_BYTES, 0, 0)
    this.touch(number)
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
    this.moved()
    for (let number = 1; number < NUMBERS; number++) this.touch(number)
  }

  /** Copy of the content. */
  copy(): Uint8Array {
    this.sync()
    return new Uint8Array(this.bytes.subarray(this.start, this.end))
  }

  /** Another place, or other fields there. */
  protected moved(): void {
    this.#table.clear()
    this.version++
  }

  /** The content stands elsewhere, with the same fields. */
  protected shifted(distance: number): void {
    this.version++
    this.#table.move(this.bytes, distance)
  }

  #clearBefore(number: number, field: number): void {
    for (let i = field - 1; i >= 0; i--) {
      if (i < this.count && this.number(i) === number) this.#exchange(i, NO_BYTES, 0, 0)
    }
  }

  /** Only after `own`. The table is kept up, as long as `splice` leaves it. */
  #exchange(field: number, src: Uint8Array, from: number, to: number): void {
    if (this.count <= field) return
    this.splice(this.tagAt(field), this.endOf(field), src, from, to)
    if (this.#table.count >= 0) this.#table.exchange(field, to - from)
  }

  #append(src: Uint8Array, from: number, to: number): void {
    // The walk comes before the change.
    if (this.count >= 0) this.splice(this.end, this.end, src, from, to)
    if (this.#table.count >= 0) this.#table.append(this.end - (to - from), this.end)
  }

  #same(field: number, src: Uint8Array, from: number, to: number): boolean {
    const at = this.tagAt(field)
    if (this.endOf(field) - at !== to - from) return false
    const { bytes } = this
    for (let i = from; i < to; i++) if (bytes[at + i - from] !== src[i]) return false
    return true
  }

  /** Joins the contents: a message that is sent in pieces means their concatenation. */
  #merge(number: number): number {
    this.own()
    const { count } = this
    const parts: Uint8Array[] = []
    let last = -1
    for (let i = this.next(number, 0); i < count; i = this.next(number, i + 1)) {
      parts.push(new Uint8Array(this.bytes.subarray(this.startOf(i), this.endOf(i))))
      last = i
    }
    const content = Buffer.concat(parts)
    const field = messageField(number, content, 0, content.length)
    this.#exchange(last, field, 0, field.length)
    this.#clearBefore(number, last)
    return this.find(number)
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
