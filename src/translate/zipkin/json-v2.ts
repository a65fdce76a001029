/** Zipkin v2 JSON, what today's clients send: https://zipkin.io/zipkin-api/zipkin2-api.yaml */
import { QUOTE } from '../../otlp/json/text-reader.ts'
import type { TranslateFault } from '../fault.ts'
import { JsonReader, keyIs, type ReadOptions, SPAN } from './json-reader.ts'
import { CONSUMER, SERVER, SpanSink, TOO_LATE, UNSPECIFIED } from './span-sink.ts'
import * as T from './tags.ts'

const LOCAL = 1
const REMOTE = 2
const ANNOTATION = 3

const [TRACE_ID, ID, PARENT_ID, NAME, KIND, TIMESTAMP, DURATION, DEBUG, SHARED] = [
  'traceId',
  'id',
  'parentId',
  'name',
  'kind',
  'timestamp',
  'duration',
  'debug',
  'shared',
].map(bytesOf)
const [LOCAL_ENDPOINT, REMOTE_ENDPOINT, ANNOTATIONS, TAGS] = [
  'localEndpoint',
  'remoteEndpoint',
  'annotations',
  'tags',
].map(bytesOf)
const [SERVICE_NAME, IPV4, IPV6, PORT, VALUE] = [
  'serviceName',
  'ipv4',
  'ipv6',
  'port',
  'value',
].map(bytesOf)

/** By OTLP's numbers. */
const KINDS = ['', '', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(bytesOf)

/**
 * A list of spans (or one span alone) as an export request in protobuf. Never throws. Ids of 1 to 32 digits are filled up
 * with zeros from the left; a span without trace id or id is a fault, and so is a time that OTLP cannot hold.
 */
export function readZipkinJson(
  text: Uint8Array,
  options: ReadOptions = {},
): Uint8Array | TranslateFault {
  return reader.read(text, options)
}

class JsonV2Reader extends JsonReader {
  #timeHigh = 0
  #timeLow = 0
  #valueStart = 0
  #valueEnd = 0

  protected override began(context: number): void {
    if (context !== ANNOTATION) return
    this.#timeHigh = this.#timeLow = 0
    this.#valueStart = this.#valueEnd = this.sink.aside.pos
  }

  protected override ended(context: number): boolean {
    if (context !== ANNOTATION) return true
    if ((this.#timeHigh | this.#timeLow) === 0) {
      return this.text.fail('value', 'expected a timestamp in the annotation')
    }
    const { sink, text } = this
    if (sink.addEvent(this.#timeHigh, this.#timeLow, this.#valueStart, this.#valueEnd)) return true
    return text.fail(TOO_LATE.fault, TOO_LATE.message)
  }

  protected override member(
    context: number,
    keys: Uint8Array,
    start: number,
    end: number,
    byte: number,
  ): boolean {
    if (context === SPAN) return this.#spanMember(keys, start, end, byte)
    if (context === ANNOTATION) return this.#annotationMember(keys, start, end, byte)
    return this.#endpointMember(context, keys, start, end, byte)
  }

  // hot: bench/micro/zipkin.ts
  #spanMember(keys: Uint8Array, start: number, end: number, byte: number): boolean {
    const { sink } = this
    switch (end - start) {
      case 2:
        return keyIs(ID, keys, start, end) ? this.id(4, 2, byte) : this.skip()
      case 4:
        if (keyIs(NAME, keys, start, end)) return this.string(T.NAME, byte)
        if (keyIs(TAGS, keys, start, end)) return this.tags()
        return keyIs(KIND, keys, start, end) ? this.#kind(byte) : this.skip()
      case 5:
        return keyIs(DEBUG, keys, start, end) ? this.#flag(false) : this.skip()
      case 6:
        return keyIs(SHARED, keys, start, end) ? this.#flag(true) : this.skip()
      case 7:
        return keyIs(TRACE_ID, keys, start, end) ? this.id(0, 4, byte) : this.skip()
      case 8:
        if (keyIs(PARENT_ID, keys, start, end)) return this.id(6, 2, byte)
        if (!keyIs(DURATION, keys, start, end)) return this.skip()
        if (!this.micros()) return false
        sink.durationHigh = this.numbers.high
        sink.durationLow = this.numbers.low
        return true
      case 9:
        if (!keyIs(TIMESTAMP, keys, start, end)) return this.skip()
        if (!this.micros()) return false
        sink.startHigh = this.numbers.high
        sink.startLow = this.numbers.low
        return true
      case 11:
        return keyIs(ANNOTATIONS, keys, start, end) ? this.list(ANNOTATION) : this.skip()
      case 13:
        return keyIs(LOCAL_ENDPOINT, keys, start, end) ? this.object(LOCAL) : this.skip()
      case 14:
        return keyIs(REMOTE_ENDPOINT, keys, start, end) ? this.object(REMOTE) : this.skip()
      default:
        return this.skip()
    }
  }

  #flag(isShared: boolean): boolean {
    const value = this.text.bool()
    if (isShared) this.sink.shared = value === 1
    else this.sink.debug = value === 1
    return value >= 0
  }

  /** An unknown kind is none. */
  #kind(byte: number): boolean {
    const { text, sink } = this
    const { aside } = sink
    if (byte !== QUOTE) return text.fail('type', 'expected a string')
    aside.reserve(text.end - text.pos)
    const start = aside.pos
    if (!text.string(aside)) return false
    sink.kind = UNSPECIFIED
    for (let kind = SERVER; kind <= CONSUMER; kind++) {
      if (keyIs(KINDS[kind], aside.bytes, start, aside.pos)) sink.kind = kind
    }
    aside.pos = start
    return true
  }

  #endpointMember(
    context: number,
    keys: Uint8Array,
    start: number,
    end: number,
    byte: number,
  ): boolean {
    const { sink } = this
    const isLocal = context === LOCAL
    switch (end - start) {
      case 4: {
        if (keyIs(IPV4, keys, start, end) || keyIs(IPV6, keys, start, end)) {
          return this.#address(isLocal ? T.LOCAL_IP : T.REMOTE_IP, keys[start + 3] === 0x36, byte)
        }
        if (!keyIs(PORT, keys, start, end)) return this.skip()
        const port = this.port()
        if (isLocal) sink.localPort = port
        else sink.remotePort = port
        return port >= 0
      }
      case 11:
        if (!keyIs(SERVICE_NAME, keys, start, end)) return this.skip()
        return this.string(isLocal ? T.LOCAL_SERVICE : T.REMOTE_SERVICE, byte)
      default:
        return this.skip()
    }
  }

  /** Of both addresses the one of IPv6 is kept, whichever comes first. */
  #address(key: number, isSix: boolean, byte: number): boolean {
    const { sink } = this
    const start = sink.starts[key]
    const end = sink.ends[key]
    if (!this.ip(key, byte)) return false
    if (!isSix && start >= 0 && sink.aside.bytes.subarray(start, end).includes(0x3a)) {
      sink.put(key, start, end)
    }
    return true
  }

  #annotationMember(keys: Uint8Array, start: number, end: number, byte: number): boolean {
    if (end - start === 9 && keyIs(TIMESTAMP, keys, start, end)) {
      if (!this.micros()) return false
      this.#timeHigh = this.numbers.high
      this.#timeLow = this.numbers.low
      return true
    }
    if (end - start !== 5 || !keyIs(VALUE, keys, start, end)) return this.skip()
    const { text, sink } = this
    if (byte !== QUOTE) return text.fail('type', 'expected a string')
    sink.aside.reserve(text.end - text.pos)
    this.#valueStart = sink.aside.pos
    if (!text.string(sink.aside)) return false
    this.#valueEnd = sink.aside.pos
    return true
  }
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}

const reader = new JsonV2Reader(new SpanSink(), false)
