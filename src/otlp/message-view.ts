/**
 * The ground of all views: a cursor over one message that finds its fields on the first question and can be moved to
 * another message without allocation. Views are read-only and valid as long as the payload is.
 */
import {
  BYTES,
  equalsText,
  FieldCursor,
  readDouble,
  readFixed32,
  readFixed64,
  readHex,
  readSfixed64,
  readSint32,
  readString,
  readVarint32,
  readVarint64,
  skipVarint,
} from './wire-reader.ts'

/** Highest field number that views ask for. */
const FIELDS = 17

export const EMPTY_BYTES = new Uint8Array(0)

export abstract class MessageView {
  protected bytes: Uint8Array = EMPTY_BYTES
  protected start = 0
  protected end = 0
  #scanned = false
  readonly #field = new FieldCursor()
  readonly #inner = new FieldCursor()
  /** By field number: content of the last occurrence; start -1 = absent. */
  readonly #starts = new Int32Array(FIELDS)
  readonly #ends = new Int32Array(FIELDS)
  /** Bit by field number: occurs more than once. */
  #repeats = 0

  /** Moves to the message whose content is `start` to `end`. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.#scanned = false
  }

  /** Start of the last occurrence of a field; -1 = the field is absent. */
  protected at(number: number): number {
    if (!this.#scanned) this.#scan()
    return this.#starts[number]
  }

  protected text(number: number): string {
    const start = this.at(number)
    return start < 0 ? '' : readString(this.bytes, start, this.#ends[number])
  }

  /** Whether a string field has this text; decodes nothing. */
  protected textEquals(number: number, text: string): boolean {
    const start = this.at(number)
    if (start < 0) return text === ''
    return equalsText(this.bytes, start, this.#ends[number], text)
  }

  protected hex(number: number): string {
    const start = this.at(number)
    return start < 0 ? '' : readHex(this.bytes, start, this.#ends[number])
  }

  protected raw(number: number): Uint8Array {
    const start = this.at(number)
    return start < 0 ? EMPTY_BYTES : this.bytes.subarray(start, this.#ends[number])
  }

  protected uint32(number: number): number {
    const start = this.at(number)
    return start < 0 ? 0 : readVarint32(this.bytes, start)
  }

  protected sint32(number: number): number {
    const start = this.at(number)
    return start < 0 ? 0 : readSint32(this.bytes, start)
  }

  protected fixed32(number: number): number {
    const start = this.at(number)
    return start < 0 ? 0 : readFixed32(this.bytes, start)
  }

  protected fixed64(number: number): bigint {
    const start = this.at(number)
    return start < 0 ? 0n : readFixed64(this.bytes, start)
  }

  protected sfixed64(number: number): bigint {
    const start = this.at(number)
    return start < 0 ? 0n : readSfixed64(this.bytes, start)
  }

  protected double(number: number): number {
    const start = this.at(number)
    return start < 0 ? 0 : readDouble(this.bytes, start)
  }

  /** The oneof of a double and an sfixed64: the one that was written last; null = neither. */
  protected doubleOrInteger(double: number, integer: number): number | bigint | null {
    if (this.at(double) > this.at(integer)) return this.double(double)
    return this.at(integer) < 0 ? null : this.sfixed64(integer)
  }

  /** All values of a repeated fixed64 or double field, packed or not. */
  protected doubles(number: number): number[] {
    return this.#list(number, 8, readDouble)
  }

  protected fixed64s(number: number): bigint[] {
    return this.#list(number, 8, readFixed64)
  }

  protected uint64s(number: number): bigint[] {
    return this.#list(number, 0, (bytes, pos) => BigInt.asUintN(64, readVarint64(bytes, pos)))
  }

  /**
   * Start of a field inside a nested message, -1 = absent; `nestedEnd` says where it ends. A sender may write the
   * nested message in several pieces, which protobuf merges, so the last occurrence in any of them counts.
   */
  protected nested(outer: number, inner: number): number {
    const only = this.at(outer)
    if (only < 0) return -1
    if ((this.#repeats & (1 << outer)) === 0) return this.#inside(only, this.#ends[outer], inner)
    let start = -1
    const field = this.#field
    field.reset(this.bytes, this.start, this.end)
    while (field.next()) {
      if (field.number !== outer || field.wire !== BYTES) continue
      const found = this.#inside(field.start, field.end, inner)
      if (found >= 0) start = found
    }
    return start
  }

  #inside(start: number, end: number, number: number): number {
    let found = -1
    const inner = this.#inner
    inner.reset(this.bytes, start, end)
    while (inner.next()) {
      if (inner.number !== number) continue
      found = inner.start
      this.nestedEnd = inner.end
    }
    return found
  }

  protected nestedEnd = 0

  protected nestedText(outer: number, inner: number): string {
    const start = this.nested(outer, inner)
    return start < 0 ? '' : readString(this.bytes, start, this.nestedEnd)
  }

  protected nestedUint32(outer: number, inner: number): number {
    const start = this.nested(outer, inner)
    return start < 0 ? 0 : readVarint32(this.bytes, start)
  }

  #list<T>(number: number, width: number, read: (bytes: Uint8Array, pos: number) => T): T[] {
    const values: T[] = []
    const field = this.#field
    field.reset(this.bytes, this.start, this.end)
    while (field.next()) {
      if (field.number !== number) continue
      for (let pos = field.start; pos < field.end; ) {
        values.push(read(this.bytes, pos))
        pos = width > 0 ? pos + width : skipVarint(this.bytes, pos)
      }
    }
    return values
  }

  // hot: bench/micro/views.ts
  #scan(): void {
    const starts = this.#starts
    const field = this.#field
    let repeats = 0
    starts.fill(-1)
    field.reset(this.bytes, this.start, this.end)
    while (field.next()) {
      if (field.number >= FIELDS) continue
      if (starts[field.number] >= 0) repeats |= 1 << field.number
      starts[field.number] = field.start
      this.#ends[field.number] = field.end
    }
    this.#repeats = repeats
    this.#scanned = true
  }
}
