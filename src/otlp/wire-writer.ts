/**
 * Writing protobuf fields: sizes and raw writes for code that knows its exact length in advance, and a growing
 * `Writer` for small messages that are built once (an attribute to put in, a response, a JSON request).
 */
import { BYTES, FIXED32, FIXED64, VARINT } from './wire-reader.ts'

const scratch = new DataView(new ArrayBuffer(8))
const MASK_32 = 0xffff_ffffn

/** Bytes of a varint; `value` is an unsigned integer below 2^32. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  return value < 0x1000_0000 ? 4 : 5
}

/** Bytes of a length-delimited field with a content of `length` bytes. */
export function fieldSize(number: number, length: number): number {
  return varintSize((number << 3) >>> 0) + varintSize(length) + length
}

/** Writes an unsigned integer below 2^32 and returns the offset after it. */
export function writeVarint(out: Uint8Array, pos: number, value: number): number {
  while (value > 0x7f) {
    out[pos++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  out[pos++] = value
  return pos
}

/** Writes a 64-bit varint (int64, uint64); a negative value takes 10 bytes. */
export function writeVarint64(out: Uint8Array, pos: number, value: bigint): number {
  let low = Number(value & MASK_32)
  let high = Number((value >> 32n) & MASK_32)
  while (high !== 0) {
    out[pos++] = (low & 0x7f) | 0x80
    low = ((low >>> 7) | (high << 25)) >>> 0
    high >>>= 7
  }
  return writeVarint(out, pos, low)
}

export function writeTag(out: Uint8Array, pos: number, number: number, wire: number): number {
  return writeVarint(out, pos, ((number << 3) | wire) >>> 0)
}

export function writeFixed32(out: Uint8Array, pos: number, value: number): number {
  out[pos] = value
  out[pos + 1] = value >>> 8
  out[pos + 2] = value >>> 16
  out[pos + 3] = value >>> 24
  return pos + 4
}

/** Writes fixed64 or sfixed64; the value is taken modulo 2^64. */
export function writeFixed64(out: Uint8Array, pos: number, value: bigint): number {
  writeFixed32(out, pos, Number(value & MASK_32))
  return writeFixed32(out, pos + 4, Number((value >> 32n) & MASK_32))
}

export function writeDouble(out: Uint8Array, pos: number, value: number): number {
  scratch.setFloat64(0, value, true)
  for (let i = 0; i < 8; i++) out[pos + i] = scratch.getUint8(i)
  return pos + 8
}

/** Below this many bytes a loop copies faster than `set` with its throw-away view (about 70 ns). */
const LOOP_COPY = 40

/** Copies `from[start..end)` to `out` and returns the offset after it. */
export function copyBytes(
  out: Uint8Array,
  pos: number,
  from: Uint8Array,
  start: number,
  end: number,
): number {
  const length = end - start
  if (length > LOOP_COPY) {
    out.set(new Uint8Array(from.buffer, from.byteOffset + start, length), pos)
    return pos + length
  }
  for (let i = start; i < end; i++) out[pos++] = from[i]
  return pos
}

/** Below this many bytes a loop moves faster than `copyWithin`. */
const LOOP_MOVE = 16

/** Moves `bytes[start..end)` to `pos` of the same bytes; the two may overlap. */
export function moveBytes(bytes: Uint8Array, pos: number, start: number, end: number): void {
  const length = end - start
  if (length > LOOP_MOVE) bytes.copyWithin(pos, start, end)
  else if (pos < start) for (let i = 0; i < length; i++) bytes[pos + i] = bytes[start + i]
  else for (let i = length - 1; i >= 0; i--) bytes[pos + i] = bytes[start + i]
}

/**
 * A message under construction. Fields are written whatever their value: leaving out defaults is the caller's choice,
 * because members of a oneof are written even when they are zero.
 */
export class Writer {
  #bytes: Buffer
  #length = 0
  /** Content starts of the messages that are open, innermost last. */
  readonly #open: number[] = []

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** An integer of any sign that a double holds exactly. */
  varint(number: number, value: number): this {
    if (value >= 0 && value <= 0xffff_ffff) {
      this.#tag(number, VARINT, 5)
      this.#length = writeVarint(this.#bytes, this.#length, value)
      return this
    }
    return this.varint64(number, BigInt(value))
  }

  varint64(number: number, value: bigint): this {
    this.#tag(number, VARINT, 10)
    this.#length = writeVarint64(this.#bytes, this.#length, value)
    return this
  }

  sint32(number: number, value: number): this {
    return this.varint(number, ((value << 1) ^ (value >> 31)) >>> 0)
  }

  bool(number: number, value: boolean): this {
    return this.varint(number, value ? 1 : 0)
  }

  fixed32(number: number, value: number): this {
    this.#tag(number, FIXED32, 4)
    this.#length = writeFixed32(this.#bytes, this.#length, value)
    return this
  }

  fixed64(number: number, value: bigint): this {
    this.#tag(number, FIXED64, 8)
    this.#length = writeFixed64(this.#bytes, this.#length, value)
    return this
  }

  double(number: number, value: number): this {
    this.#tag(number, FIXED64, 8)
    this.#length = writeDouble(this.#bytes, this.#length, value)
    return this
  }

  string(number: number, text: string): this {
    const length = Buffer.byteLength(text)
    this.#tag(number, BYTES, 5 + length)
    this.#length = writeVarint(this.#bytes, this.#length, length)
    this.#length += this.#bytes.write(text, this.#length, length, 'utf8')
    return this
  }

  bytes(number: number, value: Uint8Array): this {
    this.#tag(number, BYTES, 5 + value.length)
    this.#length = writeVarint(this.#bytes, this.#length, value.length)
    return this.raw(value)
  }

  /** Whole fields that are encoded already. */
  raw(fields: Uint8Array): this {
    this.#reserve(fields.length)
    this.#length = copyBytes(this.#bytes, this.#length, fields, 0, fields.length)
    return this
  }

  /** Opens a nested message; every `begin` needs its `end`. */
  begin(number: number): this {
    this.#tag(number, BYTES, 1)
    this.#open.push(++this.#length)
    return this
  }

  /** Closes the innermost message. One byte was left for its length; a longer length moves the content up. */
  end(): this {
    const start = this.#open.pop()
    if (start === undefined) throw new Error('no message is open')
    const length = this.#length - start
    const shift = varintSize(length) - 1
    if (shift > 0) {
      this.#reserve(shift)
      this.#bytes.copyWithin(start + shift, start, this.#length)
      this.#length += shift
    }
    writeVarint(this.#bytes, start - 1, length)
    return this
  }

  /** The message so far, as its own copy. */
  finish(): Uint8Array {
    if (this.#open.length > 0) throw new Error('a message is still open')
    return new Uint8Array(this.#bytes.subarray(0, this.#length))
  }

  /** Starts anew and keeps the memory. */
  reset(): this {
    this.#length = 0
    this.#open.length = 0
    return this
  }

  #tag(number: number, wire: number, room: number): void {
    this.#reserve(5 + room)
    this.#length = writeTag(this.#bytes, this.#length, number, wire)
  }

  #reserve(room: number): void {
    const needed = this.#length + room
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
