/**
 * Reading protobuf fields out of bytes that the validating pass has already accepted. Nothing here checks lengths or
 * allocates; on bytes that were never validated the answers are meaningless, but no loop runs past `end`.
 *
 * ```
 * field = tag varint (number << 3 | wire) | value
 * wire 0 varint · 1 eight bytes · 2 length varint, content · 3 fields up to the matching wire 4 · 5 four bytes
 * ```
 * https://protobuf.dev/programming-guides/encoding/
 */

export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const GROUP_START = 3
export const GROUP_END = 4
export const FIXED32 = 5

/** Longest string that is decoded character by character; above it one native call is faster. */
const SHORT_STRING = 16

const scratch = new DataView(new ArrayBuffer(8))

/** Offset after the varint at `pos`. */
export function skipVarint(bytes: Uint8Array, pos: number): number {
  while (bytes[pos] > 0x7f) pos++
  return pos + 1
}

/** The low 32 bits of a varint, unsigned: tags, lengths, enums, counts. */
export function readVarint32(bytes: Uint8Array, pos: number): number {
  let byte = bytes[pos++]
  if (byte < 0x80) return byte
  let value = byte & 0x7f
  for (let shift = 7; shift < 35; shift += 7) {
    byte = bytes[pos++]
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  return value >>> 0
}

/** A varint as signed 64-bit integer (int64); `BigInt.asUintN(64, x)` makes it uint64. */
export function readVarint64(bytes: Uint8Array, pos: number): bigint {
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
    if (!(byte > 0x7f)) break
  }
  if (high === 0) return BigInt(low >>> 0)
  return (BigInt(high | 0) << 32n) | BigInt(low >>> 0)
}

/** ZigZag coding of sint32. */
export function readSint32(bytes: Uint8Array, pos: number): number {
  const value = readVarint32(bytes, pos)
  return (value >>> 1) ^ -(value & 1)
}

export function readFixed32(bytes: Uint8Array, pos: number): number {
  return (
    (bytes[pos] | (bytes[pos + 1] << 8) | (bytes[pos + 2] << 16) | (bytes[pos + 3] << 24)) >>> 0
  )
}

/** Eight bytes as unsigned integer (fixed64). */
export function readFixed64(bytes: Uint8Array, pos: number): bigint {
  return (BigInt(readFixed32(bytes, pos + 4)) << 32n) | BigInt(readFixed32(bytes, pos))
}

/** Eight bytes as signed integer (sfixed64). */
export function readSfixed64(bytes: Uint8Array, pos: number): bigint {
  return BigInt.asIntN(64, readFixed64(bytes, pos))
}

export function readDouble(bytes: Uint8Array, pos: number): number {
  for (let i = 0; i < 8; i++) scratch.setUint8(i, bytes[pos + i])
  return scratch.getFloat64(0, true)
}

/** The text of a string field's content. */
export function readString(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_STRING) {
    let text = ''
    for (let i = start; i < end; i++) {
      const byte = bytes[i]
      if (byte > 0x7f) return decodeUtf8(bytes, start, end)
      text += String.fromCharCode(byte)
    }
    return text
  }
  return decodeUtf8(bytes, start, end)
}

/** Lower-case hex, as OTLP/JSON writes ids. */
export function readHex(bytes: Uint8Array, start: number, end: number): string {
  return asBuffer(bytes).toString('hex', start, end)
}

/** Whether the bytes are the UTF-8 form of `text`; decodes only when `text` is not ASCII. */
export function equalsText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  const length = text.length
  if (end - start < length) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return decodeUtf8(bytes, start, end) === text
    if (bytes[start + i] !== code) return false
  }
  return end - start === length
}

/** The same bytes as a Buffer, without copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Offset after the value of a field whose tag ended before `pos`; of a group, after its end tag. */
export function skipValue(
  bytes: Uint8Array,
  pos: number,
  wire: number,
  limit = bytes.length,
): number {
  if (wire === VARINT) return skipVarint(bytes, pos)
  if (wire === FIXED64) return pos + 8
  if (wire === FIXED32) return pos + 4
  if (wire === BYTES) return skipVarint(bytes, pos) + readVarint32(bytes, pos)
  if (wire !== GROUP_START) return pos
  for (let depth = 1; depth > 0 && pos < limit; ) {
    const inner = bytes[pos] & 7
    pos = skipVarint(bytes, pos)
    if (inner === GROUP_START) depth++
    else if (inner === GROUP_END) depth--
    else pos = skipValue(bytes, pos, inner, limit)
  }
  return pos
}

/**
 * Walks the fields of one message; one cursor serves any number of messages after `reset`.
 *
 * ```
 * tag varint | (length varint) | value ........ |
 * ^tag                          ^start           ^end = next field's tag
 * ```
 */
export class FieldCursor {
  bytes: Uint8Array
  /** Field number and wire type of the current field. */
  number = 0
  wire = 0
  tag = 0
  start = 0
  end = 0
  #limit = 0

  constructor(bytes: Uint8Array = new Uint8Array(0), start = 0, end = bytes.length) {
    this.bytes = bytes
    this.end = start
    this.#limit = end
  }

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.end = start
    this.#limit = end
  }

  // hot: bench/micro/views.ts
  /** Moves to the next field; false when there is none. */
  next(): boolean {
    const pos = this.end
    if (pos >= this.#limit) return false
    const bytes = this.bytes
    const byte = bytes[pos]
    const tag = byte < 0x80 ? byte : readVarint32(bytes, pos)
    const wire = tag & 7
    const after = byte < 0x80 ? pos + 1 : skipVarint(bytes, pos)
    this.tag = pos
    this.number = tag >>> 3
    this.wire = wire
    if (wire === BYTES) {
      this.start = skipVarint(bytes, after)
      this.end = this.start + readVarint32(bytes, after)
    } else {
      this.start = after
      this.end = skipValue(bytes, after, wire, this.#limit)
    }
    return true
  }
}

function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  return asBuffer(bytes).toString('utf8', start, end)
}
