/**
 * Zipkin v1 in Thrift, a list of spans in the binary protocol, as scribe and old HTTP clients send it. The protocol is
 * known beside Jaeger's Thrift; here is only what the structs mean.
 * https://github.com/openzipkin/zipkin-api/blob/master/thrift/zipkinCore.thrift
 */
import { writeBase64 } from '../../otlp/json/binary-text.ts'
import type { TranslateFault } from '../fault.ts'
import { BinaryInput } from '../thrift-binary.ts'
import { BOOL, fieldKey, I16, I32, I64, LIST, STRING, STRUCT } from '../thrift-input.ts'
import { appendMended } from '../utf8.ts'
import { parseIp, takeIp, writeIp } from './ip.ts'
import { LegacySpan } from './legacy-span.ts'
import { SpanSink, TOO_LATE, TOO_LONG } from './span-sink.ts'
import * as T from './tags.ts'
import { DOUBLE, GUESSED, TEXT } from './typed-tag.ts'

/** What a binary annotation's value is; any other number stands for bytes. */
const VALUE_BOOL = 0
const VALUE_I16 = 2
const VALUE_I32 = 3
const VALUE_I64 = 4
const VALUE_DOUBLE = 5
const VALUE_STRING = 6

const SPAN_TRACE_ID = fieldKey(1, I64)
const SPAN_NAME = fieldKey(3, STRING)
const SPAN_ID = fieldKey(4, I64)
const SPAN_PARENT_ID = fieldKey(5, I64)
const SPAN_ANNOTATIONS = fieldKey(6, LIST)
const SPAN_BINARY = fieldKey(8, LIST)
const SPAN_DEBUG = fieldKey(9, BOOL)
const SPAN_TIMESTAMP = fieldKey(10, I64)
const SPAN_DURATION = fieldKey(11, I64)
const SPAN_TRACE_ID_HIGH = fieldKey(12, I64)
const ANNOTATION_TIMESTAMP = fieldKey(1, I64)
const ANNOTATION_VALUE = fieldKey(2, STRING)
const ANNOTATION_HOST = fieldKey(3, STRUCT)
const BINARY_KEY = fieldKey(1, STRING)
const BINARY_VALUE = fieldKey(2, STRING)
const BINARY_TYPE = fieldKey(3, I32)
const BINARY_HOST = fieldKey(4, STRUCT)
const HOST_IPV4 = fieldKey(1, I32)
const HOST_PORT = fieldKey(2, I16)
const HOST_SERVICE = fieldKey(3, STRING)
const HOST_IPV6 = fieldKey(4, STRING)

/** The spans as an export request in protobuf. Never throws. Texts that are not UTF-8 are mended: Thrift does not say what they are. */
export function readZipkinThrift(bytes: Uint8Array): Uint8Array | TranslateFault {
  return reader.read(bytes)
}

class ThriftReader {
  readonly #input = new BinaryInput()
  readonly #sink = new SpanSink()
  readonly #span = new LegacySpan(this.#sink)
  /** Of the binary annotation being read. */
  #type = VALUE_STRING
  #rawStart = 0
  #rawEnd = 0

  read(bytes: Uint8Array): Uint8Array | TranslateFault {
    const sink = this.#sink
    const input = this.#input
    input.reset(bytes)
    const fine =
      (sink.startRequest(bytes.length, true, false) || input.fail('too_large', TOO_LONG)) &&
      this.#spans() &&
      (input.pos === bytes.length || input.fail('syntax', 'expected nothing after the spans'))
    const request = fine ? sink.takeRequest() : null
    const fault = input.fault
    input.release()
    if (request !== null) return request
    sink.release()
    return fault ?? { fault: 'too_large', offset: 0, message: TOO_LONG }
  }

  #spans(): boolean {
    const input = this.#input
    if (input.bytes[0] !== STRUCT) return input.fail('type', 'expected a list of structs')
    const count = input.beginStructs()
    for (let i = 0; i < count; i++) if (!this.#readSpan()) return false
    return count >= 0
  }

  #readSpan(): boolean {
    const sink = this.#sink
    const input = this.#input
    if (!sink.out.reserve(2 * (input.bytes.length - input.pos))) {
      return input.fail('too_large', TOO_LONG)
    }
    sink.beginSpan()
    this.#span.beginSpan()
    for (;;) {
      const field = input.field()
      if (field < 0) return false
      if (field === 0) break
      if (!this.#spanField(field)) return false
    }
    this.#span.endSpan()
    const wrong = sink.endSpan()
    return wrong === null || input.fail(wrong.fault, wrong.message)
  }

  #spanField(field: number): boolean {
    const sink = this.#sink
    const input = this.#input
    switch (field) {
      case SPAN_TRACE_ID:
        return this.#id(2)
      case SPAN_TRACE_ID_HIGH:
        return this.#id(0)
      case SPAN_ID:
        return this.#id(4)
      case SPAN_PARENT_ID:
        return this.#id(6)
      case SPAN_NAME: {
        const start = sink.aside.pos
        if (!this.#text()) return false
        if (sink.aside.pos > start) sink.put(T.NAME, start, sink.aside.pos)
        return true
      }
      case SPAN_ANNOTATIONS:
        return this.#annotations()
      case SPAN_BINARY:
        return this.#binaries()
      case SPAN_DEBUG:
        if (!input.readBool()) return false
        sink.debug = input.low === 1
        return true
      case SPAN_TIMESTAMP:
        if (!this.#time()) return false
        sink.startHigh = input.high
        sink.startLow = input.low
        return true
      case SPAN_DURATION:
        if (!this.#time()) return false
        sink.durationHigh = input.high
        sink.durationLow = input.low
        return true
      default:
        return input.skip(field >> 16)
    }
  }

  /** Reads a time into the input's halves. A negative one is none. */
  #time(): boolean {
    const input = this.#input
    if (!input.readI64()) return false
    if (input.high < 0) input.high = input.low = 0
    return true
  }

  #id(at: number): boolean {
    const input = this.#input
    if (!input.readI64()) return false
    this.#sink.ids[at] = input.high
    this.#sink.ids[at + 1] = input.low
    return true
  }

  /** Appends a string to `aside`. */
  #text(): boolean {
    const input = this.#input
    if (!input.readString()) return false
    const { aside } = this.#sink
    aside.reserve(3 * (input.end - input.start))
    appendMended(aside, input.bytes, input.start, input.end)
    return true
  }

  #annotations(): boolean {
    const count = this.#input.beginStructs()
    for (let i = 0; i < count; i++) if (!this.#annotation()) return false
    return count >= 0
  }

  #annotation(): boolean {
    const span = this.#span
    const input = this.#input
    span.beginAnnotation()
    for (;;) {
      const field = input.field()
      if (field < 0) return false
      if (field === 0) break
      if (!this.#annotationField(field)) return false
    }
    return span.endAnnotation() || input.fail(TOO_LATE.fault, TOO_LATE.message)
  }

  #annotationField(field: number): boolean {
    const span = this.#span
    const input = this.#input
    switch (field) {
      case ANNOTATION_TIMESTAMP:
        if (!this.#time()) return false
        span.timeHigh = input.high
        span.timeLow = input.low
        return true
      case ANNOTATION_VALUE:
        span.valueStart = this.#sink.aside.pos
        if (!this.#text()) return false
        span.valueEnd = this.#sink.aside.pos
        return true
      case ANNOTATION_HOST:
        return this.#host()
      default:
        return input.skip(field >> 16)
    }
  }

  #host(): boolean {
    const input = this.#input
    this.#span.beginHost()
    for (;;) {
      const field = input.field()
      if (field <= 0) return field === 0
      if (!this.#hostField(field)) return false
    }
  }

  #hostField(field: number): boolean {
    const span = this.#span
    const input = this.#input
    const { aside } = this.#sink
    const start = aside.pos
    switch (field) {
      case HOST_IPV4:
        if (!input.readI32()) return false
        if (input.low === 0) return true
        takeIp(input.bytes, input.pos - 4, input.pos)
        this.#address()
        span.fourStart = start
        span.fourEnd = aside.pos
        return true
      case HOST_PORT:
        if (!input.readI16()) return false
        span.port = input.low & 0xffff
        return true
      case HOST_SERVICE:
        if (!this.#text()) return false
        span.serviceStart = start
        span.serviceEnd = aside.pos
        return true
      case HOST_IPV6: {
        if (!input.readString()) return false
        const { bytes, start: from, end: to } = input
        // Some wrote it as text.
        if (takeIp(bytes, from, to) === 0 && parseIp(bytes, from, to) === 0) return true
        this.#address()
        span.sixStart = start
        span.sixEnd = aside.pos
        return true
      }
      default:
        return input.skip(field >> 16)
    }
  }

  #address(): void {
    this.#sink.aside.reserve(64)
    writeIp(this.#sink.aside)
  }

  #binaries(): boolean {
    const count = this.#input.beginStructs()
    for (let i = 0; i < count; i++) if (!this.#binary()) return false
    return count >= 0
  }

  #binary(): boolean {
    const span = this.#span
    span.beginAnnotation()
    this.#type = VALUE_STRING
    this.#rawStart = this.#rawEnd = 0
    for (;;) {
      const field = this.#input.field()
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
    const input = this.#input
    switch (field) {
      case BINARY_KEY:
        span.keyStart = this.#sink.aside.pos
        if (!this.#text()) return false
        span.keyEnd = this.#sink.aside.pos
        return true
      case BINARY_VALUE:
        if (!input.readString()) return false
        this.#rawStart = input.start
        this.#rawEnd = input.end
        return true
      case BINARY_TYPE:
        if (!input.readI32()) return false
        this.#type = input.low
        return true
      case BINARY_HOST:
        return this.#host()
      default:
        return input.skip(field >> 16)
    }
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
      appendMended(aside, this.#input.bytes, start, end)
    } else {
      // Bytes, and numbers that are too short: as text that loses nothing.
      span.valueKind = TEXT
      aside.pos = writeBase64(aside.bytes, aside.pos, this.#input.bytes, start, end)
    }
    span.valueEnd = aside.pos
  }

  #number(start: number, length: number): string | undefined {
    const { bytes } = this.#input
    const value = Buffer.from(bytes.buffer, bytes.byteOffset + start, length)
    switch (this.#type) {
      case VALUE_BOOL:
        return length === 1 && value[0] === 1 ? 'true' : 'false'
      case VALUE_I16:
        return length < 2 ? undefined : String(value.readInt16BE())
      case VALUE_I32:
        return length < 4 ? undefined : String(value.readInt32BE())
      case VALUE_I64:
        return length < 8 ? undefined : String(value.readBigInt64BE())
      case VALUE_DOUBLE:
        return length < 8 ? undefined : String(value.readDoubleBE())
      default:
        return undefined
    }
  }
}

const reader = new ThriftReader()
