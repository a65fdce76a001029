/**
 * Zipkin v1 in Thrift, a list of spans in the binary protocol, as scribe and old HTTP clients send it.
 *
 * ```
 * list   : element type (12 struct) | count, 4 bytes | structs       all numbers big-endian
 * struct : field type | field id, 2 bytes | value | ... | 0
 * ```
 * https://github.com/openzipkin/zipkin-api/blob/master/thrift/zipkinCore.thrift
 */
import { writeBase64 } from '../../otlp/json/binary-text.ts'
import type { TranslateFault } from '../fault.ts'
import { parseIp, takeIp, writeIp } from './ip.ts'
import { LegacySpan } from './legacy-span.ts'
import { SpanSink, TOO_LATE } from './span-sink.ts'
import * as T from './tags.ts'
import { DOUBLE, GUESSED, TEXT } from './typed-tag.ts'
import { appendMended } from './utf8.ts'

const STOP = 0
const BOOL = 2
const I16 = 6
const I32 = 8
const I64 = 10
const STRING = 11
const STRUCT = 12
const MAP = 13
const SET = 14
const LIST = 15

/** Bytes of the types of fixed size. */
const SIZES = new Uint8Array(16)
SIZES[BOOL] = SIZES[3] = 1
SIZES[I16] = 2
SIZES[I32] = 4
SIZES[I64] = SIZES[4] = 8

/** What a binary annotation's value is. */
const VALUE_BOOL = 0
const VALUE_I16 = 2
const VALUE_I32 = 3
const VALUE_I64 = 4
const VALUE_DOUBLE = 5
const VALUE_STRING = 6

/** Structs, lists and maps inside each other in a field that nobody knows. */
const MAX_DEPTH = 64

/** Key of a span's id field: type in the high bits, so that one comparison checks both. */
function key(id: number, type: number): number {
  return (type << 16) | id
}

const NO_BYTES = new Uint8Array(0)

/** The spans as an export request in protobuf. Never throws. Texts that are not UTF-8 are mended: Thrift does not say what they are. */
export function readZipkinThrift(bytes: Uint8Array): Uint8Array | TranslateFault {
  return reader.read(bytes)
}

class ThriftReader {
  readonly #sink = new SpanSink()
  readonly #span = new LegacySpan(this.#sink)
  #bytes: Uint8Array = NO_BYTES
  #view: DataView = new DataView(NO_BYTES.buffer)
  readonly #onSpan = (): boolean => this.#readSpan()
  readonly #onAnnotation = (): boolean => this.#annotation()
  readonly #onBinary = (): boolean => this.#binary()
  #pos = 0
  #fault: TranslateFault | null = null
  #type = VALUE_STRING
  #rawStart = 0
  #rawEnd = 0

  read(bytes: Uint8Array): Uint8Array | TranslateFault {
    const sink = this.#sink
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#pos = 0
    this.#fault = null
    const fine =
      (sink.startRequest(bytes.length, true, false) ||
        this.#fail('too_large', 'expected a smaller message')) &&
      this.#list(this.#onSpan) &&
      (this.#pos === bytes.length || this.#fail('syntax', 'expected nothing after the spans'))
    this.#bytes = NO_BYTES
    this.#view = new DataView(NO_BYTES.buffer)
    const request = fine ? sink.takeRequest() : null
    if (request !== null) return request
    sink.release()
    return (
      this.#fault ?? { fault: 'too_large', offset: 0, message: 'expected less than 2 GiB of spans' }
    )
  }

  #fail(fault: TranslateFault['fault'], message: string): false {
    this.#fault ??= { fault, offset: this.#pos, message }
    return false
  }

  #has(bytes: number): boolean {
    if (bytes >= 0 && bytes <= this.#bytes.length - this.#pos) return true
    return this.#fail('syntax', 'expected the rest of a value')
  }

  /** Reads a list of structs. Each takes at least one byte, so a count never costs more than the bytes there are. */
  #list(element: () => boolean): boolean {
    if (!this.#has(5)) return false
    const type = this.#bytes[this.#pos]
    if (type !== STRUCT) return this.#fail('type', 'expected a list of structs')
    const count = this.#view.getInt32(this.#pos + 1)
    this.#pos += 5
    if (!this.#has(count)) return false
    for (let i = 0; i < count; i++) if (!element()) return false
    return true
  }

  /** Steps to the next field of a struct and answers its key; 0 at the end, -1 for a fault. */
  #field(): number {
    if (!this.#has(1)) return -1
    const type = this.#bytes[this.#pos++]
    if (type === STOP) return 0
    if (!this.#has(2)) return -1
    const id = this.#view.getUint16(this.#pos)
    this.#pos += 2
    return key(id, type)
  }

  #readSpan(): boolean {
    const sink = this.#sink
    const { out, aside } = sink
    if (!out.reserve(2 * (this.#bytes.length - this.#pos))) {
      return this.#fail('too_large', 'expected a smaller message')
    }
    sink.beginSpan()
    aside.reserve(0)
    this.#span.beginSpan()
    for (;;) {
      const field = this.#field()
      if (field < 0) return false
      if (field === 0) break
      if (!this.#spanField(field)) return false
    }
    this.#span.endSpan()
    const wrong = sink.endSpan()
    return wrong === null || this.#fail(wrong.fault, wrong.message)
  }

  #spanField(field: number): boolean {
    const sink = this.#sink
    switch (field) {
      case key(1, I64):
        return this.#id(2)
      case key(12, I64):
        return this.#id(0)
      case key(4, I64):
        return this.#id(4)
      case key(5, I64):
        return this.#id(6)
      case key(3, STRING): {
        const start = sink.aside.pos
        if (!this.#text()) return false
        if (sink.aside.pos > start) sink.put(T.NAME, start, sink.aside.pos)
        return true
      }
      case key(6, LIST):
        return this.#list(this.#onAnnotation)
      case key(8, LIST):
        return this.#list(this.#onBinary)
      case key(9, BOOL):
        if (!this.#has(1)) return false
        sink.debug = this.#bytes[this.#pos++] !== 0
        return true
      case key(10, I64):
        if (!this.#has(8)) return false
        sink.startHigh = this.#positive()
        sink.startLow = this.#low
        return true
      case key(11, I64):
        if (!this.#has(8)) return false
        sink.durationHigh = this.#positive()
        sink.durationLow = this.#low
        return true
      default:
        return this.#skip(field >> 16, 0)
    }
  }

  #low = 0
  /** Reads an i64 that is a time: the high half, the low one in `#low`. A negative one is none. */
  #positive(): number {
    const high = this.#view.getInt32(this.#pos)
    this.#low = high < 0 ? 0 : this.#view.getUint32(this.#pos + 4)
    this.#pos += 8
    return Math.max(0, high)
  }

  #id(at: number): boolean {
    if (!this.#has(8)) return false
    this.#sink.ids[at] = this.#view.getInt32(this.#pos)
    this.#sink.ids[at + 1] = this.#view.getInt32(this.#pos + 4)
    this.#pos += 8
    return true
  }

  /** Reads the length of a string or binary; -1 for a fault. */
  #length(): number {
    if (!this.#has(4)) return -1
    const length = this.#view.getInt32(this.#pos)
    this.#pos += 4
    return this.#has(length) ? length : -1
  }

  /** Appends a string to `aside`. */
  #text(): boolean {
    const length = this.#length()
    if (length < 0) return false
    const { aside } = this.#sink
    aside.reserve(3 * length)
    appendMended(aside, this.#bytes, this.#pos, this.#pos + length)
    this.#pos += length
    return true
  }

  #annotation(): boolean {
    const span = this.#span
    span.beginAnnotation()
    for (;;) {
      const field = this.#field()
      if (field < 0) return false
      if (field === 0) break
      if (!this.#annotationField(field)) return false
    }
    return span.endAnnotation() || this.#fail(TOO_LATE.fault, TOO_LATE.message)
  }

  #annotationField(field: number): boolean {
    const span = this.#span
    if (field === key(1, I64)) {
      if (!this.#has(8)) return false
      span.timeHigh = this.#positive()
      span.timeLow = this.#low
      return true
    }
    if (field === key(2, STRING)) {
      span.valueStart = this.#sink.aside.pos
      if (!this.#text()) return false
      span.valueEnd = this.#sink.aside.pos
      return true
    }
    return field === key(3, STRUCT) ? this.#host() : this.#skip(field >> 16, 0)
  }

  #host(): boolean {
    const span = this.#span
    const { aside } = this.#sink
    span.beginHost()
    for (;;) {
      const field = this.#field()
      if (field <= 0) return field === 0
      const start = aside.pos
      if (field === key(1, I32)) {
        if (!this.#has(4)) return false
        if (this.#view.getInt32(this.#pos) !== 0) {
          takeIp(this.#bytes, this.#pos, this.#pos + 4)
          aside.reserve(64)
          writeIp(aside)
          span.fourStart = start
          span.fourEnd = aside.pos
        }
        this.#pos += 4
      } else if (field === key(2, I16)) {
        if (!this.#has(2)) return false
        span.port = this.#view.getUint16(this.#pos)
        this.#pos += 2
      } else if (field === key(3, STRING)) {
        if (!this.#text()) return false
        span.serviceStart = start
        span.serviceEnd = aside.pos
      } else if (field === key(4, STRING)) {
        const length = this.#length()
        if (length < 0) return false
        // Some wrote it as text.
        const [from, to] = [this.#pos, this.#pos + length]
        if (takeIp(this.#bytes, from, to) !== 0 || parseIp(this.#bytes, from, to) !== 0) {
          aside.reserve(64)
          writeIp(aside)
          span.sixStart = start
          span.sixEnd = aside.pos
        }
        this.#pos += length
      } else if (!this.#skip(field >> 16, 0)) return false
    }
  }

  #binary(): boolean {
    const span = this.#span
    span.beginAnnotation()
    this.#type = VALUE_STRING
    this.#rawStart = this.#rawEnd = 0
    for (;;) {
      const field = this.#field()
      if (field < 0) return false
      if (field === 0) break
      if (!this.#binaryField(field)) return false
    }
    this.#value()
    span.endBinary()
    return true
  }

  #binaryField(field: number): boolean {
    const span = this.#span
    if (field === key(1, STRING)) {
      span.keyStart = this.#sink.aside.pos
      if (!this.#text()) return false
      span.keyEnd = this.#sink.aside.pos
      return true
    }
    if (field === key(2, STRING)) {
      const length = this.#length()
      if (length < 0) return false
      this.#rawStart = this.#pos
      this.#rawEnd = this.#pos += length
      return true
    }
    if (field === key(3, I32)) {
      if (!this.#has(4)) return false
      this.#type = this.#view.getInt32(this.#pos)
      this.#pos += 4
      return true
    }
    return field === key(4, STRUCT) ? this.#host() : this.#skip(field >> 16, 0)
  }

  /** Puts the value as text to `aside`, as what it is meant. */
  #value(): void {
    const span = this.#span
    const { aside } = this.#sink
    const [start, end] = [this.#rawStart, this.#rawEnd]
    aside.reserve(3 * (end - start))
    span.valueStart = aside.pos
    span.valueKind = GUESSED
    const number = this.#number(start, end - start)
    if (number !== undefined) {
      if (this.#type === VALUE_DOUBLE) span.valueKind = DOUBLE
      aside.pos += Buffer.from(aside.bytes.buffer, aside.bytes.byteOffset).write(number, aside.pos)
    } else if (this.#type === VALUE_STRING) {
      span.valueKind = TEXT
      appendMended(aside, this.#bytes, start, end)
    } else {
      // Bytes, and numbers that are too short: as text that loses nothing.
      span.valueKind = TEXT
      aside.pos = writeBase64(aside.bytes, aside.pos, this.#bytes, start, end)
    }
    span.valueEnd = aside.pos
  }

  #number(start: number, length: number): string | undefined {
    const view = this.#view
    switch (this.#type) {
      case VALUE_BOOL:
        return length === 1 && this.#bytes[start] === 1 ? 'true' : 'false'
      case VALUE_I16:
        return length < 2 ? undefined : String(view.getInt16(start))
      case VALUE_I32:
        return length < 4 ? undefined : String(view.getInt32(start))
      case VALUE_I64:
        return length < 8 ? undefined : String(view.getBigInt64(start))
      case VALUE_DOUBLE:
        return length < 8 ? undefined : String(view.getFloat64(start))
      default:
        return undefined
    }
  }

  #skip(type: number, depth: number): boolean {
    if (depth === MAX_DEPTH) return this.#fail('depth', `expected at most ${MAX_DEPTH} levels`)
    const size = type < SIZES.length ? SIZES[type] : 0
    if (size > 0) {
      if (!this.#has(size)) return false
      this.#pos += size
      return true
    }
    if (type === STRING) {
      const length = this.#length()
      this.#pos += Math.max(0, length)
      return length >= 0
    }
    if (type === STRUCT) {
      for (;;) {
        const field = this.#field()
        if (field <= 0) return field === 0
        if (!this.#skip(field >> 16, depth + 1)) return false
      }
    }
    if (type === MAP || type === SET || type === LIST) return this.#skipMany(type, depth)
    return this.#fail('syntax', 'expected a Thrift type')
  }

  #skipMany(type: number, depth: number): boolean {
    const header = type === MAP ? 6 : 5
    if (!this.#has(header)) return false
    const first = this.#bytes[this.#pos]
    const second = type === MAP ? this.#bytes[this.#pos + 1] : first
    const count = this.#view.getInt32(this.#pos + header - 4)
    this.#pos += header
    if (!this.#has(count)) return false
    for (let i = 0; i < count; i++) {
      if (!this.#skip(first, depth + 1)) return false
      if (type === MAP && !this.#skip(second, depth + 1)) return false
    }
    return true
  }
}

const reader = new ThriftReader()
