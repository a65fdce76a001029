/**
 * Protobuf to OTLP/JSON: text is streamed into one growing buffer while the fields are walked, no object per item.
 * Fields come in the order of the wire; a message whose fields are repeated out of order is gathered first, so that
 * each key stands once.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import type { Signal } from '../signal.ts'
import { BYTES, FIXED64, readVarint32, skipValue, skipVarint, VARINT } from '../wire-reader.ts'
import { fieldOf, gather, isOrderly } from './field-order.ts'
import {
  BOOL,
  DOUBLE,
  ENUM,
  FIXED_64,
  type FieldPlan,
  ID,
  INT32,
  INT64,
  MESSAGE,
  type MessagePlan,
  RAW_BYTES,
  requestPlan,
  SFIXED64,
  SINT32,
  STRING,
  UINT64,
} from './plan.ts'
import { TextWriter } from './text-writer.ts'

const COMMA = 0x2c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const NO_BYTES = new Uint8Array(0)
const NO_VIEW = new DataView(NO_BYTES.buffer)

/**
 * The request as OTLP/JSON. `protobuf` has been accepted by `indexRequest`: nothing is checked again. Defaults of
 * plain fields are left out, members of oneofs are written whatever their value, 64-bit numbers are decimal strings.
 * Of a singular field that comes twice the last counts, of a message all parts together.
 *
 * Unknown fields are lost: JSON has no place for a field without a name.
 */
export function encodeJson(signal: Signal, protobuf: Uint8Array): Uint8Array {
  return encoder.encode(requestPlan(signal), protobuf)
}

/** Encoding is synchronous, so one encoder with its buffer serves all requests. */
class JsonEncoder {
  readonly #out = new TextWriter()
  #bytes: Uint8Array = NO_BYTES
  /** The same bytes, read four at a time. */
  #view: DataView = NO_VIEW
  /** Look at every message before writing it; without, `#disorder` tells that the text is worthless. */
  #careful = false
  #disorder = false
  /** The 64-bit value read last, halves unsigned. */
  #high = 0
  #low = 0

  encode(plan: MessagePlan, protobuf: Uint8Array): Uint8Array {
    // One kind of array for the compiler, whatever the caller has.
    this.#bytes = new Uint8Array(protobuf.buffer, protobuf.byteOffset, protobuf.length)
    this.#view = new DataView(protobuf.buffer, protobuf.byteOffset, protobuf.length)
    this.#write(plan, false)
    // Senders keep their fields in order. One that does not costs a second pass, and no more than that.
    if (this.#disorder) this.#write(plan, true)
    this.#bytes = NO_BYTES
    this.#view = NO_VIEW
    return this.#out.take()
  }

  #write(plan: MessagePlan, careful: boolean): void {
    this.#careful = careful
    this.#disorder = false
    this.#out.pos = 0
    this.#message(plan, 0, this.#bytes.length)
  }

  #message(plan: MessagePlan, start: number, end: number): void {
    if (!this.#careful || isOrderly(this.#bytes, plan, start, end)) {
      this.#orderly(plan, start, end)
    } else this.#gathered(plan, [start, end])
  }

  // hot: bench/micro/json.ts
  /**
   * The text follows the wire, which is right where singular fields come once and the elements of a list one after
   * the other.
   */
  #orderly(plan: MessagePlan, start: number, end: number): void {
    const bytes = this.#bytes
    const out = this.#out
    out.reserve(0)
    out.byte(OPEN_OBJECT)
    let list: FieldPlan | null = null
    let seen = 0
    for (let pos = start; pos < end; ) {
      const tag = readVarint32(bytes, pos)
      const wire = tag & 7
      const after = bytes[pos] < 0x80 ? pos + 1 : skipVarint(bytes, pos)
      const field = fieldOf(plan, tag)
      const from = wire === BYTES ? skipVarint(bytes, after) : after
      pos = wire === BYTES ? from + readVarint32(bytes, after) : skipValue(bytes, after, wire, end)
      if (field === null) continue
      if (field === list) {
        this.#elements(field, wire, from, pos)
        continue
      }
      if ((seen & field.rivals) !== 0) this.#disorder = true
      seen |= field.bit
      if (list !== null) this.#endList()
      list = null
      if (field.repeated) {
        list = field
        this.#beginList(field)
        this.#elements(field, wire, from, pos)
      } else this.#singular(field, from, pos)
    }
    if (list !== null) this.#endList()
    out.close(CLOSE_OBJECT)
  }

  /** The general case: `ranges` are pairs of start and end whose fields make up one message. */
  #gathered(plan: MessagePlan, ranges: readonly number[]): void {
    this.#out.reserve(0)
    this.#out.byte(OPEN_OBJECT)
    const found = gather(this.#bytes, plan, ranges)
    for (const field of plan.fields) {
      const places = found.get(field)
      if (places === undefined) continue
      if (field.repeated) this.#gatheredList(field, places)
      else if (field.kind === MESSAGE) this.#gatheredMessage(field, places)
      else this.#singular(field, places[places.length - 2], places[places.length - 1])
    }
    this.#out.reserve(0)
    this.#out.close(CLOSE_OBJECT)
  }

  #gatheredList(field: FieldPlan, places: readonly number[]): void {
    this.#beginList(field)
    for (let i = 0; i < places.length; i += 3) {
      this.#elements(field, places[i], places[i + 1], places[i + 2])
    }
    this.#endList()
  }

  #gatheredMessage(field: FieldPlan, places: readonly number[]): void {
    const ranges: number[] = []
    for (let i = 0; i < places.length; i += 3) ranges.push(places[i + 1], places[i + 2])
    this.#out.reserve(0)
    this.#out.key(field)
    if (ranges.length === 2) this.#message(field.message, ranges[0], ranges[1])
    else this.#gathered(field.message, ranges)
    this.#out.reserve(0)
    this.#out.byte(COMMA)
  }

  #beginList(field: FieldPlan): void {
    this.#out.reserve(0)
    this.#out.key(field)
    this.#out.byte(OPEN_LIST)
  }

  #endList(): void {
    this.#out.reserve(0)
    this.#out.close(CLOSE_LIST)
    this.#out.byte(COMMA)
  }

  /** One element, or all of a packed field. */
  #elements(field: FieldPlan, wire: number, start: number, end: number): void {
    const out = this.#out
    if (!field.packed || wire !== BYTES) {
      this.#value(field, start, end)
      out.byte(COMMA)
      return
    }
    for (let pos = start; pos < end; ) {
      out.reserve(0)
      this.#value(field, pos, end)
      out.byte(COMMA)
      pos = skipValue(this.#bytes, pos, field.wire)
    }
  }

  // hot: bench/micro/json.ts
  #singular(field: FieldPlan, start: number, end: number): void {
    const out = this.#out
    out.reserve(0)
    const before = out.pos
    out.key(field)
    const isDefault = this.#value(field, start, end)
    if (isDefault && !field.presence) out.pos = before
    else out.byte(COMMA)
  }

  /** Writes a value and answers whether it is the default of its type. Room for a comma is left. */
  #value(field: FieldPlan, start: number, end: number): boolean {
    const out = this.#out
    switch (field.kind) {
      case MESSAGE:
        this.#message(field.message, start, end)
        out.reserve(0)
        return false
      case STRING:
        out.string(this.#bytes, this.#view, start, end)
        return start === end
      case ID:
        out.hex(this.#bytes, start, end)
        return start === end
      case RAW_BYTES:
        out.base64(this.#bytes, start, end)
        return start === end
      default:
        out.reserve(0)
        return this.#number(field, start)
    }
  }

  #number(field: FieldPlan, start: number): boolean {
    const out = this.#out
    if (field.kind === DOUBLE) {
      const value = this.#view.getFloat64(start, true)
      out.double(value)
      return Object.is(value, 0)
    }
    if (field.wire === VARINT) this.#readVarint(start)
    else {
      this.#low = this.#view.getUint32(start, true)
      this.#high = field.wire === FIXED64 ? this.#view.getUint32(start + 4, true) : 0
    }
    this.#integer(field.kind)
    return this.#low === 0 && this.#high === 0
  }

  #integer(kind: number): void {
    const out = this.#out
    const low = this.#low
    if (kind === FIXED_64 || kind === UINT64) out.integer64(this.#high, low, false)
    else if (kind === INT64 || kind === SFIXED64) out.integer64(this.#high, low, true)
    else if (kind === BOOL) out.raw(low !== 0 || this.#high !== 0 ? TRUE : FALSE)
    else if (kind === INT32 || kind === ENUM) out.integer(low | 0)
    else if (kind === SINT32) out.integer((low >>> 1) ^ -(low & 1))
    else out.integer(low)
  }

  /** A varint of up to 64 bits into its halves; those beyond 32 do not count for types of 32. */
  #readVarint(pos: number): void {
    const bytes = this.#bytes
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[pos++]
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) break
    }
    this.#low = low >>> 0
    this.#high = high >>> 0
  }
}

const encoder = new JsonEncoder()
