/** Zipkin v1 JSON, what clients of before 2018 send: https://zipkin.io/zipkin-api/zipkin-api.yaml */
import { QUOTE } from '../../otlp/json/text-reader.ts'
import type { TranslateFault } from '../fault.ts'
import { parseIp, writeIp } from './ip.ts'
import { JsonReader, keyIs, type ReadOptions, SPAN } from './json-reader.ts'
import { LegacySpan } from './legacy-span.ts'
import { SpanSink, TOO_LATE } from './span-sink.ts'
import * as T from './tags.ts'
import { GUESSED, TEXT } from './typed-tag.ts'

const ANNOTATION = 1
const BINARY = 2
const HOST = 3

const [TRACE_ID, ID, PARENT_ID, NAME, TIMESTAMP, DURATION, DEBUG, ANNOTATIONS, BINARIES] = [
  'traceId',
  'id',
  'parentId',
  'name',
  'timestamp',
  'duration',
  'debug',
  'annotations',
  'binaryAnnotations',
].map(bytesOf)
const [KEY, VALUE, ENDPOINT, SERVICE_NAME, IPV4, IPV6, PORT] = [
  'key',
  'value',
  'endpoint',
  'serviceName',
  'ipv4',
  'ipv6',
  'port',
].map(bytesOf)

/**
 * A list of v1 spans as an export request in protobuf. Never throws. Values of binary annotations that are no strings
 * keep their type.
 */
export function readZipkinJsonV1(
  text: Uint8Array,
  options: ReadOptions = {},
): Uint8Array | TranslateFault {
  return reader.read(text, options)
}

class JsonV1Reader extends JsonReader {
  readonly #span: LegacySpan

  constructor(sink: SpanSink) {
    super(sink, true)
    this.#span = new LegacySpan(sink)
  }

  protected override began(context: number): void {
    if (context === SPAN) this.#span.beginSpan()
    else this.#span.beginAnnotation()
  }

  protected override ended(context: number): boolean {
    if (context === ANNOTATION) {
      return this.#span.endAnnotation() || this.text.fail(TOO_LATE.fault, TOO_LATE.message)
    }
    if (context === BINARY) this.#span.endBinary()
    else this.#span.endSpan()
    return true
  }

  protected override member(
    context: number,
    keys: Uint8Array,
    start: number,
    end: number,
    byte: number,
  ): boolean {
    switch (context) {
      case SPAN:
        return this.#spanMember(keys, start, end, byte)
      case HOST:
        return this.#hostMember(keys, start, end, byte)
      default:
        return this.#annotationMember(context, keys, start, end, byte)
    }
  }

  #spanMember(keys: Uint8Array, start: number, end: number, byte: number): boolean {
    const { sink } = this
    if (keyIs(TRACE_ID, keys, start, end)) return this.id(0, 4, byte)
    if (keyIs(ID, keys, start, end)) return this.id(4, 2, byte)
    if (keyIs(PARENT_ID, keys, start, end)) return this.id(6, 2, byte)
    if (keyIs(NAME, keys, start, end)) return this.string(T.NAME, byte)
    if (keyIs(TIMESTAMP, keys, start, end)) {
      if (!this.micros()) return false
      sink.startHigh = this.numbers.high
      sink.startLow = this.numbers.low
      return true
    }
    if (keyIs(DURATION, keys, start, end)) {
      if (!this.micros()) return false
      sink.durationHigh = this.numbers.high
      sink.durationLow = this.numbers.low
      return true
    }
    if (keyIs(ANNOTATIONS, keys, start, end)) return this.list(ANNOTATION)
    if (keyIs(BINARIES, keys, start, end)) return this.list(BINARY)
    if (!keyIs(DEBUG, keys, start, end)) return this.skip()
    const value = this.text.bool()
    sink.debug = value === 1
    return value >= 0
  }

  #annotationMember(
    context: number,
    keys: Uint8Array,
    start: number,
    end: number,
    byte: number,
  ): boolean {
    const span = this.#span
    if (keyIs(ENDPOINT, keys, start, end)) {
      span.beginHost()
      return this.object(HOST)
    }
    if (keyIs(VALUE, keys, start, end)) {
      if (context === ANNOTATION && byte !== QUOTE) {
        return this.text.fail('type', 'expected a string')
      }
      span.valueKind = byte === QUOTE ? TEXT : GUESSED
      const { aside } = this.sink
      aside.reserve(this.text.end - this.text.pos)
      span.valueStart = aside.pos
      if (!this.scalar(aside, byte)) return false
      span.valueEnd = aside.pos
      return true
    }
    if (context === BINARY && keyIs(KEY, keys, start, end)) {
      span.keyStart = this.sink.aside.pos
      if (!this.#append(byte)) return false
      span.keyEnd = this.sink.aside.pos
      return true
    }
    if (context !== ANNOTATION || !keyIs(TIMESTAMP, keys, start, end)) return this.skip()
    if (!this.micros()) return false
    span.timeHigh = this.numbers.high
    span.timeLow = this.numbers.low
    return true
  }

  #hostMember(keys: Uint8Array, start: number, end: number, byte: number): boolean {
    const span = this.#span
    const { aside } = this.sink
    const from = aside.pos
    if (keyIs(SERVICE_NAME, keys, start, end)) {
      if (!this.#append(byte)) return false
      span.serviceStart = from
      span.serviceEnd = aside.pos
      return true
    }
    if (keyIs(PORT, keys, start, end)) {
      span.port = this.port()
      return span.port >= 0
    }
    const isFour = keyIs(IPV4, keys, start, end)
    if (!isFour && !keyIs(IPV6, keys, start, end)) return this.skip()
    if (!this.#append(byte)) return false
    if (parseIp(aside.bytes, from, aside.pos) !== 0) {
      aside.pos = from
      writeIp(aside)
    }
    if (isFour) span.fourStart = from
    else span.sixStart = from
    if (isFour) span.fourEnd = aside.pos
    else span.sixEnd = aside.pos
    return true
  }

  #append(byte: number): boolean {
    const { text } = this
    const { aside } = this.sink
    if (byte !== QUOTE) return text.fail('type', 'expected a string')
    aside.reserve(text.end - text.pos)
    return text.string(aside)
  }
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}

const reader = new JsonV1Reader(new SpanSink())
