/**
 * Attributes of events and links, which Zipkin has no place for, travel as a JSON object inside a text. Here the object
 * becomes KeyValue fields again; a text that is no such object is said to be none, and stays a text.
 */
import type { MessageWriter } from '../../otlp/json/message-writer.ts'
import { NumberReader } from '../../otlp/json/number-reader.ts'
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COMMA,
  numberEnd,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  TextReader,
} from '../../otlp/json/text-reader.ts'
import { readVarint32 } from '../../otlp/wire-reader.ts'

const LOWER_N = 0x6e
const POINT = 0x2e
const STRING_FIELD = 0x0a
const BOOL_FIELD = 0x10
const INT_FIELD = 0x18
const DOUBLE_FIELD = 0x21
const LIST_FIELD = 0x2a
const MAP_FIELD = 0x32
const KEY_FIELD = 0x0a
const VALUE_FIELD = 0x12
const ELEMENT_FIELD = 0x0a

const DROPPED_KEY = Buffer.from('otel.dropped_attributes_count')
/** Of an unsigned 32-bit number as varint. */
const MAX_COUNT_BYTES = 5

/** Lists and objects inside each other. */
const MAX_DEPTH = 32

export class JsonAttributes {
  readonly #text = new TextReader()
  readonly #out: MessageWriter
  readonly #numbers: NumberReader
  #depth = 0
  /** What the object read last says of attributes that were dropped, by the key that the specification has for it. */
  dropped = 0

  constructor(out: MessageWriter) {
    this.#out = out
    this.#numbers = new NumberReader(this.#text, out)
  }

  /** Appends the members of the object `from[start..end)` as fields with this tag; false, and nothing appended, if it is none. */
  read(from: Uint8Array, start: number, end: number, tag: number): boolean {
    const out = this.#out
    const text = this.#text
    const before = out.pos
    this.#depth = 0
    this.dropped = 0
    const content = new Uint8Array(from.buffer, from.byteOffset + start, end - start)
    const fine =
      text.start(content) && this.#members(tag) && text.next() === 0 && text.pos === text.end
    text.release()
    if (!fine) out.pos = before
    return fine
  }

  #members(tag: number): boolean {
    const text = this.#text
    const out = this.#out
    text.pos++
    let byte = text.next()
    if (byte === CLOSE_OBJECT) {
      text.pos++
      return true
    }
    for (;;) {
      if (byte !== QUOTE || !out.reserve(text.end - text.pos)) return false
      const pair = out.open(tag, 1)
      const key = out.open(KEY_FIELD, 1)
      if (!text.string(out)) return false
      out.close(key, 1)
      const isCount = this.#depth === 0 && isDropped(out.bytes, key, out.pos)
      const value = out.open(VALUE_FIELD, 1)
      if (!this.#value(text.value())) return false
      out.close(value, 1)
      if (isCount && this.#takeCount(value)) out.pos = pair - 2
      else out.close(pair, 1)
      byte = text.next()
      text.pos++
      if (byte === CLOSE_OBJECT) return true
      if (byte !== COMMA) return false
      byte = text.next()
    }
  }

  /** Takes the AnyValue written last for the count of dropped attributes, if it can be one. */
  #takeCount(start: number): boolean {
    const { bytes, pos } = this.#out
    if (bytes[start] !== INT_FIELD || pos - start > 1 + MAX_COUNT_BYTES) return false
    this.dropped = readVarint32(bytes, start + 1)
    return true
  }

  /** Content of an AnyValue; null is an empty one. */
  #value(byte: number): boolean {
    const text = this.#text
    const out = this.#out
    if (byte === QUOTE) {
      const start = out.open(STRING_FIELD, 1)
      if (!text.string(out)) return false
      out.close(start, 1)
      return true
    }
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) return this.#nested(byte)
    if (byte === 0x74 || byte === 0x66) {
      const value = text.bool()
      out.tag(BOOL_FIELD)
      out.varint(value)
      return value >= 0
    }
    return byte === LOWER_N ? text.null() : this.#number()
  }

  #nested(byte: number): boolean {
    if (this.#depth === MAX_DEPTH) return false
    this.#depth++
    const out = this.#out
    const start = out.open(byte === OPEN_LIST ? LIST_FIELD : MAP_FIELD, 1)
    if (!(byte === OPEN_LIST ? this.#elements() : this.#members(ELEMENT_FIELD))) return false
    out.close(start, 1)
    this.#depth--
    return true
  }

  #elements(): boolean {
    const text = this.#text
    const out = this.#out
    text.pos++
    let byte = text.next()
    if (byte === CLOSE_LIST) {
      text.pos++
      return true
    }
    for (;;) {
      if (!out.reserve(text.end - text.pos)) return false
      const element = out.open(ELEMENT_FIELD, 1)
      if (!this.#value(byte)) return false
      out.close(element, 1)
      byte = text.next()
      text.pos++
      if (byte === CLOSE_LIST) return true
      if (byte !== COMMA) return false
      byte = text.next()
    }
  }

  /** Whole numbers within 64 bits are integers, as the text had no other way to say so. */
  #number(): boolean {
    const text = this.#text
    const out = this.#out
    const numbers = this.#numbers
    const from = text.pos
    const end = numberEnd(text.bytes, from)
    if (end < 0) return false
    if (isWhole(text.bytes, from, end) && numbers.readInteger()) {
      const { negative, high, low } = numbers
      if (high < 0x8000_0000 || (negative && high === 0x8000_0000 && low === 0)) {
        out.tag(INT_FIELD)
        if (!negative) out.varint64(high, low)
        else out.varint64((low === 0 ? -high : ~high) >>> 0, -low >>> 0)
        return true
      }
    }
    text.fault = null
    text.pos = from
    if (!numbers.readDouble()) return false
    out.tag(DOUBLE_FIELD)
    out.double(numbers.double)
    return true
  }
}

function isWhole(bytes: Uint8Array, start: number, end: number): boolean {
  for (let pos = start; pos < end; pos++) {
    if (bytes[pos] === POINT || (bytes[pos] | 0x20) === 0x65) return false
  }
  return true
}

function isDropped(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== DROPPED_KEY.length) return false
  for (let i = 0; i < DROPPED_KEY.length; i++) {
    if (bytes[start + i] !== DROPPED_KEY[i]) return false
  }
  return true
}
