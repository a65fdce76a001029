/**
 * Single values of the schema's types from JSON text into protobuf: strings, bytes, numbers, enums, booleans. Which
 * spellings a type takes and which range it has is decided here; how messages nest is not known.
 */
import { readBase64, readId } from './binary-text.ts'
import type { MessageWriter } from './message-writer.ts'
import { latin1, NumberReader } from './number-reader.ts'
import {
  BOOL,
  DOUBLE,
  ENUM,
  FIXED_32,
  FIXED_64,
  type FieldPlan,
  ID,
  INT64,
  RAW_BYTES,
  SFIXED64,
  SINT32,
  STRING,
  UINT32,
  UINT64,
} from './plan.ts'
import { QUOTE, type TextReader } from './text-reader.ts'

export class ScalarReader {
  readonly #text: TextReader
  readonly #out: MessageWriter
  readonly #numbers: NumberReader

  constructor(text: TextReader, out: MessageWriter) {
    this.#text = text
    this.#out = out
    this.#numbers = new NumberReader(text, out)
  }

  /** Writes tag and value, unless it is the default and not `wanted`. */
  field(field: FieldPlan, byte: number, wanted: boolean): boolean {
    const out = this.#out
    const before = out.pos
    if (field.kind > ID) {
      out.tag(field.tag)
      if (!this.number(field, byte)) return false
      if (!wanted && this.#isDefault(field)) out.pos = before
      return true
    }
    if (byte !== QUOTE) return this.#text.fail('type', 'expected a string')
    const width = field.width
    const start = out.open(field.tag, width)
    if (!this.#content(field)) return false
    if (!wanted && out.pos === start) out.pos = before
    else field.width = out.close(start, width)
    return true
  }

  #content(field: FieldPlan): boolean {
    switch (field.kind) {
      case STRING:
        return this.#text.string(this.#out)
      case RAW_BYTES:
        return readBase64(this.#text, this.#out)
      default:
        return readId(this.#text, this.#out)
    }
  }

  /** Of the number written last. Minus zero is not the default of a double. */
  #isDefault(field: FieldPlan): boolean {
    const { low, high, double } = this.#numbers
    return field.kind === DOUBLE ? Object.is(double, 0) : low === 0 && high === 0
  }

  /** Writes the number, enum or boolean at the cursor without its tag. */
  number(field: FieldPlan, byte: number): boolean {
    const numbers = this.#numbers
    switch (field.kind) {
      case DOUBLE:
        if (!numbers.readDouble()) return false
        this.#out.double(numbers.double)
        return true
      case BOOL:
        return this.#bool()
      case ENUM:
        if (byte === QUOTE) return this.#enumName(field)
    }
    return numbers.readInteger() && this.#integer(field)
  }

  #integer(field: FieldPlan): boolean {
    const out = this.#out
    const { negative, high, low } = this.#numbers
    switch (field.kind) {
      case FIXED_64:
      case UINT64:
        if (negative && (high !== 0 || low !== 0)) return this.#outOfRange('0 to 2^64-1')
        if (field.kind === FIXED_64) out.fixed64(high, low)
        else out.varint64(high, low)
        return true
      case INT64:
      case SFIXED64:
        return this.#signed64(field, negative, high, low)
      case UINT32:
      case FIXED_32:
        if (high !== 0 || (negative && low !== 0)) return this.#outOfRange('0 to 2^32-1')
        if (field.kind === FIXED_32) out.fixed32(low)
        else out.varint(low)
        return true
      default:
        return this.#signed32(field, negative, high, low)
    }
  }

  #signed64(field: FieldPlan, negative: boolean, high: number, low: number): boolean {
    if (high > 0x7fff_ffff && !(negative && high === 0x8000_0000 && low === 0)) {
      return this.#outOfRange('-2^63 to 2^63-1')
    }
    if (negative) {
      low = -low >>> 0
      high = (low === 0 ? -high : ~high) >>> 0
    }
    if (field.kind === SFIXED64) this.#out.fixed64(high, low)
    else this.#out.varint64(high, low)
    return true
  }

  /** int32, sint32 and enum. A negative varint is as long as one of 64 bits. */
  #signed32(field: FieldPlan, negative: boolean, high: number, low: number): boolean {
    if (high !== 0 || low > (negative ? 0x8000_0000 : 0x7fff_ffff)) {
      return this.#outOfRange('-2^31 to 2^31-1')
    }
    const value = negative ? -low | 0 : low
    if (field.kind === SINT32) this.#out.varint(((value << 1) ^ (value >> 31)) >>> 0)
    else this.#out.varint64(value < 0 ? 0xffff_ffff : 0, value >>> 0)
    return true
  }

  #outOfRange(range: string): false {
    return this.#text.fail('range', `expected an integer from ${range}`)
  }

  #bool(): boolean {
    const value = this.#text.bool()
    if (value < 0) return false
    this.#numbers.high = 0
    this.#numbers.low = value
    this.#out.varint(value)
    return true
  }

  #enumName(field: FieldPlan): boolean {
    const out = this.#out
    const start = out.pos
    if (!this.#text.string(out)) return false
    const value = field.enumNames.get(latin1(out.bytes, start, out.pos))
    out.pos = start
    if (value === undefined) {
      return this.#text.fail('value', `expected the number of a ${field.enumType} or its name`)
    }
    this.#numbers.high = 0
    this.#numbers.low = value
    out.varint(value)
    return true
  }
}
