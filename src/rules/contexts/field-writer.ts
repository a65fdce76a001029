/** Encodes single fields and values into one buffer that is used again and again: what a rule writes is copied from here. */
import { BYTES, FIXED32, FIXED64, VARINT } from '../../otlp/wire-reader.ts'
import {
  copyBytes,
  fieldSize,
  varintSize,
  writeDouble,
  writeFixed32,
  writeFixed64,
  writeTag,
  writeVarint,
  writeVarint64,
} from '../../otlp/wire-writer.ts'
import { EvaluationError, Id, type Value, type ValueMap } from '../value.ts'

/** How the numbers of a repeated scalar stand in their packed form. */
export type PackedKind = 'fixed64' | 'uint64' | 'double'

/**
 * Messages that a written value may nest; a receiver refuses a request deeper than 100, of which up to 8 are around
 * the value. A list takes two of them a level, a map three.
 */
export const MAX_NESTING = 90

const MAP_NESTING = 3
const LIST_NESTING = 2

export class FieldWriter {
  bytes: Buffer = Buffer.allocUnsafeSlow(1024)
  length = 0

  text(number: number, text: string): this {
    const length = textSize(text)
    let pos = this.#open(number, length)
    pos += writeText(this.bytes, pos, text, length)
    this.length = pos
    return this
  }

  content(number: number, content: Uint8Array): this {
    const pos = this.#open(number, content.length)
    this.length = copyBytes(this.bytes, pos, content, 0, content.length)
    return this
  }

  varint(number: number, value: bigint): this {
    this.#reserve(16)
    const pos = writeTag(this.bytes, 0, number, VARINT)
    this.length = writeVarint64(this.bytes, pos, BigInt.asUintN(64, value))
    return this
  }

  fixed32(number: number, value: number): this {
    this.#reserve(16)
    this.length = writeFixed32(this.bytes, writeTag(this.bytes, 0, number, FIXED32), value)
    return this
  }

  fixed64(number: number, value: bigint): this {
    this.#reserve(16)
    const pos = writeTag(this.bytes, 0, number, FIXED64)
    this.length = writeFixed64(this.bytes, pos, BigInt.asUintN(64, value))
    return this
  }

  double(number: number, value: number): this {
    this.#reserve(16)
    this.length = writeDouble(this.bytes, writeTag(this.bytes, 0, number, FIXED64), value)
    return this
  }

  /** A repeated number in its packed form. */
  packed(number: number, values: readonly (bigint | number)[], kind: PackedKind): this {
    let size = values.length * 8
    if (kind === 'uint64') {
      size = 0
      for (const value of values) size += varint64Size(BigInt.asIntN(64, BigInt(value)))
    }
    let pos = this.#open(number, size)
    const out = this.bytes
    for (const value of values) {
      if (kind === 'double') pos = writeDouble(out, pos, Number(value))
      else if (kind === 'uint64') pos = writeVarint64(out, pos, BigInt.asUintN(64, BigInt(value)))
      else pos = writeFixed64(out, pos, BigInt(value))
    }
    this.length = pos
    return this
  }

  /** An AnyValue as a field. */
  value(number: number, value: Value): this {
    const size = sizeOfValue(value, MAX_NESTING)
    const pos = this.#open(number, size)
    this.length = writeValue(this.bytes, pos, value)
    return this
  }

  /** A KeyValue as a field. */
  pair(number: number, key: string, value: Value): this {
    const size = sizeOfPair(key, value, MAX_NESTING)
    const pos = this.#open(number, size)
    this.length = writePair(this.bytes, pos, key, value)
    return this
  }

  /** A KeyValue of a text that is encoded already, as a field. */
  textPair(number: number, key: Uint8Array, text: Uint8Array, length: number): this {
    const valueSize = fieldSize(1, length)
    let pos = this.#open(number, fieldSize(1, key.length) + fieldSize(2, valueSize))
    const out = this.bytes
    pos = writeVarint(out, writeTag(out, pos, 1, BYTES), key.length)
    pos = copyBytes(out, pos, key, 0, key.length)
    pos = writeVarint(out, writeTag(out, pos, 2, BYTES), valueSize)
    pos = writeVarint(out, writeTag(out, pos, 1, BYTES), length)
    this.length = copyBytes(out, pos, text, 0, length)
    return this
  }

  /** All pairs of a map, one field each. */
  pairs(number: number, map: ValueMap): this {
    let size = 0
    for (const [key, value] of map) size += fieldSize(number, sizeOfPair(key, value, MAX_NESTING))
    this.#reserve(size)
    this.length = writePairs(this.bytes, 0, number, map)
    return this
  }

  /** Writes tag and length; returns where the content begins. */
  #open(number: number, length: number): number {
    this.#reserve(fieldSize(number, length))
    return writeVarint(this.bytes, writeTag(this.bytes, 0, number, BYTES), length)
  }

  #reserve(length: number): void {
    if (length > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(length * 2)
  }
}

/** Writing is synchronous, so one serves all. */
export const fieldWriter = new FieldWriter()

/** Up to this length a loop beats the native call. */
const SHORT_TEXT = 48

function textSize(text: string): number {
  const { length } = text
  if (length > SHORT_TEXT) return Buffer.byteLength(text)
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  return length
}

/** Returns the bytes written. A text as long in UTF-8 as in UTF-16 is ASCII. */
function writeText(out: Buffer, pos: number, text: string, size: number): number {
  if (size > SHORT_TEXT || size !== text.length) return out.write(text, pos, size, 'utf8')
  for (let i = 0; i < size; i++) out[pos + i] = text.charCodeAt(i)
  return size
}

function sizeOfPair(key: string, value: Value, nesting: number): number {
  return fieldSize(1, textSize(key)) + fieldSize(2, sizeOfValue(value, nesting))
}

/** Content of an AnyValue; what has no place in one is empty. */
function sizeOfValue(value: Value, nesting: number): number {
  if (nesting <= 0) throw new EvaluationError('the value nests too deep to be sent')
  if (typeof value === 'string') return fieldSize(1, textSize(value))
  if (typeof value === 'boolean') return 2
  if (typeof value === 'bigint') return 1 + varint64Size(value)
  if (typeof value === 'number') return 9
  if (value instanceof Id) return 0
  if (value instanceof Uint8Array) return fieldSize(7, value.length)
  if (Array.isArray(value)) return fieldSize(5, sizeOfList(value, nesting - LIST_NESTING))
  if (value instanceof Map) return fieldSize(6, sizeOfMap(value, nesting - MAP_NESTING))
  return 0
}

function sizeOfList(list: readonly Value[], nesting: number): number {
  let size = 0
  for (const item of list) size += fieldSize(1, sizeOfValue(item, nesting))
  return size
}

function sizeOfMap(map: ValueMap, nesting: number): number {
  let size = 0
  for (const [key, value] of map) size += fieldSize(1, sizeOfPair(key, value, nesting))
  return size
}

function varint64Size(value: bigint): number {
  if (value < 0n) return 10
  if (value <= 0xffff_ffffn) return varintSize(Number(value))
  let size = 0
  for (let rest = value; rest > 0n; rest >>= 7n) size++
  return size
}

function writePairs(out: Buffer, pos: number, number: number, map: ValueMap): number {
  for (const [key, value] of map) {
    pos = writeTag(out, pos, number, BYTES)
    pos = writeVarint(out, pos, sizeOfPair(key, value, MAX_NESTING))
    pos = writePair(out, pos, key, value)
  }
  return pos
}

function writePair(out: Buffer, pos: number, key: string, value: Value): number {
  const length = textSize(key)
  pos = writeTag(out, pos, 1, BYTES)
  pos = writeVarint(out, pos, length)
  pos += writeText(out, pos, key, length)
  pos = writeTag(out, pos, 2, BYTES)
  pos = writeVarint(out, pos, sizeOfValue(value, MAX_NESTING))
  return writeValue(out, pos, value)
}

function writeValue(out: Buffer, pos: number, value: Value): number {
  if (typeof value === 'string') {
    const length = textSize(value)
    pos = writeVarint(out, writeTag(out, pos, 1, BYTES), length)
    return pos + writeText(out, pos, value, length)
  }
  if (typeof value === 'boolean') {
    return writeVarint(out, writeTag(out, pos, 2, VARINT), value ? 1 : 0)
  }
  if (typeof value === 'bigint') {
    return writeVarint64(out, writeTag(out, pos, 3, VARINT), BigInt.asUintN(64, value))
  }
  if (typeof value === 'number') return writeDouble(out, writeTag(out, pos, 4, FIXED64), value)
  if (value instanceof Id) return pos
  if (value instanceof Uint8Array) {
    pos = writeVarint(out, writeTag(out, pos, 7, BYTES), value.length)
    return copyBytes(out, pos, value, 0, value.length)
  }
  if (Array.isArray(value)) {
    pos = writeVarint(out, writeTag(out, pos, 5, BYTES), sizeOfList(value, MAX_NESTING))
    for (const item of value) {
      pos = writeVarint(out, writeTag(out, pos, 1, BYTES), sizeOfValue(item, MAX_NESTING))
      pos = writeValue(out, pos, item)
    }
    return pos
  }
  if (!(value instanceof Map)) return pos
  pos = writeVarint(out, writeTag(out, pos, 6, BYTES), sizeOfMap(value, MAX_NESTING))
  return writePairs(out, pos, 1, value)
}
