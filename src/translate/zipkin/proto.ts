/** Zipkin v2 in protobuf, `zipkin.proto3.ListOfSpans`: https://github.com/openzipkin/zipkin-api/blob/master/zipkin.proto */
import { copyBytes } from '../../otlp/wire-writer.ts'
import type { TranslateFault } from '../fault.ts'
import { isText } from '../utf8.ts'
import { takeIp, writeIp } from './ip.ts'
import type { ReadOptions } from './json-reader.ts'
import {
  CLIENT,
  CONSUMER,
  PRODUCER,
  SERVER,
  SpanSink,
  TOO_LATE,
  TOO_LONG,
  UNSPECIFIED,
} from './span-sink.ts'
import * as T from './tags.ts'
import { TEXT } from './typed-tag.ts'

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/** Tags of the fields: number << 3 | wire type. */
const SPANS = 0x0a
const TRACE_ID = 0x0a
const PARENT_ID = 0x12
const ID = 0x1a
const KIND = 0x20
const NAME = 0x2a
const TIMESTAMP = 0x31
const DURATION = 0x38
const LOCAL_ENDPOINT = 0x42
const REMOTE_ENDPOINT = 0x4a
const ANNOTATION = 0x52
const TAG = 0x5a
const DEBUG = 0x60
const SHARED = 0x68

/** By number in the enum. */
const KINDS = [UNSPECIFIED, CLIENT, SERVER, PRODUCER, CONSUMER]

const NO_BYTES = new Uint8Array(0)

/**
 * The spans as an export request in protobuf. Never throws. Trace ids have 8 or 16 bytes, span ids 8; of a field that
 * comes twice the last one counts.
 */
export function readZipkinProto(
  bytes: Uint8Array,
  options: ReadOptions = {},
): Uint8Array | TranslateFault {
  return reader.read(bytes, options)
}

class ProtoReader {
  readonly #sink = new SpanSink()
  #bytes: Uint8Array = NO_BYTES
  #fault: TranslateFault | null = null
  /** Of the field read last: its value, or where its content stands. */
  #tag = 0
  #start = 0
  #end = 0
  #high = 0
  #low = 0
  #pos = 0

  read(bytes: Uint8Array, options: ReadOptions): Uint8Array | TranslateFault {
    const sink = this.#sink
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#fault = null
    this.#pos = 0
    const fine =
      (sink.startRequest(bytes.length, false, options.parseStringTags === true) ||
        this.#fail('too_large', TOO_LONG)) &&
      this.#spans()
    this.#bytes = NO_BYTES
    const request = fine ? sink.takeRequest() : null
    if (request !== null) return request
    sink.release()
    return this.#fault ?? { fault: 'too_large', offset: 0, message: TOO_LONG }
  }

  #fail(fault: TranslateFault['fault'], message: string): false {
    this.#fault ??= { fault, offset: this.#pos, message }
    return false
  }

  #spans(): boolean {
    const limit = this.#bytes.length
    for (let index = 0; this.#pos < limit; ) {
      if (!this.#field(limit)) return false
      if (this.#tag !== SPANS) continue
      const end = this.#end
      if (!this.#span(this.#start, end)) {
        const { fault, offset, message } = this.#fault!
        this.#fault = { fault, offset, message: `spans[${index}]: ${message}` }
        return false
      }
      this.#pos = end
      index++
    }
    return true
  }

  /** Reads the field at the cursor, which moves behind it. */
  #field(limit: number): boolean {
    if (!this.#varint(limit)) return false
    const tag = this.#low
    if (this.#high !== 0 || tag < 8) return this.#fail('syntax', 'expected a protobuf field')
    const wire = tag & 7
    this.#tag = tag
    if (wire === VARINT) return this.#varint(limit)
    if (wire === BYTES) {
      if (!this.#varint(limit)) return false
      this.#start = this.#pos
      if (this.#high !== 0 || this.#low > limit - this.#pos) return this.#cut()
      this.#end = this.#pos += this.#low
      return true
    }
    if (wire !== FIXED64 && wire !== FIXED32) {
      return this.#fail('syntax', 'expected a field of wire type 0, 1, 2 or 5')
    }
    const width = wire === FIXED64 ? 8 : 4
    if (limit - this.#pos < width) return this.#cut()
    this.#start = this.#pos
    this.#end = this.#pos += width
    return true
  }

  #cut(): false {
    return this.#fail('syntax', 'expected the rest of a field')
  }

  #varint(limit: number): boolean {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#pos >= limit) return this.#cut()
      const byte = this.#bytes[this.#pos++]
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) {
        this.#low = low >>> 0
        this.#high = high >>> 0
        return true
      }
    }
    return this.#fail('syntax', 'expected a varint of at most ten bytes')
  }

  #word(pos: number): number {
    const bytes = this.#bytes
    return (
      (bytes[pos] | (bytes[pos + 1] << 8) | (bytes[pos + 2] << 16) | (bytes[pos + 3] << 24)) >>> 0
    )
  }

  #span(start: number, end: number): boolean {
    const sink = this.#sink
    if (!sink.out.reserve(this.#bytes.length - start)) {
      return this.#fail('too_large', TOO_LONG)
    }
    sink.beginSpan()
    sink.aside.reserve(end - start)
    this.#pos = start
    while (this.#pos < end) {
      if (!this.#field(end)) return false
      const next = this.#pos
      if (!this.#spanField()) return false
      this.#pos = next
    }
    const wrong = sink.endSpan()
    if (wrong === null) return true
    return this.#fail(wrong.fault, wrong.message)
  }

  #spanField(): boolean {
    const sink = this.#sink
    switch (this.#tag) {
      case TRACE_ID:
        return this.#id(0, 4)
      case PARENT_ID:
        return this.#id(6, 2)
      case ID:
        return this.#id(4, 2)
      case KIND:
        sink.kind = this.#high === 0 ? (KINDS[this.#low] ?? UNSPECIFIED) : UNSPECIFIED
        return true
      case NAME:
        return this.#text(T.NAME)
      case TIMESTAMP:
        sink.startLow = this.#word(this.#start)
        sink.startHigh = this.#word(this.#start + 4)
        return true
      case DURATION:
        sink.durationLow = this.#low
        sink.durationHigh = this.#high
        return true
      case LOCAL_ENDPOINT:
        return this.#endpoint(true)
      case REMOTE_ENDPOINT:
        return this.#endpoint(false)
      case ANNOTATION:
        return this.#annotation()
      case TAG:
        return this.#tagEntry()
      case DEBUG:
        sink.debug = (this.#low | this.#high) !== 0
        return true
      case SHARED:
        sink.shared = (this.#low | this.#high) !== 0
        return true
      default:
        return true
    }
  }

  /** An id of 4 * `words` bytes, of a trace also of half as many; an empty one is none. */
  #id(at: number, words: number): boolean {
    const { ids } = this.#sink
    const length = this.#end - this.#start
    for (let i = 0; i < words; i++) ids[at + i] = 0
    if (length === 0) return true
    if (length !== 8 && length !== 4 * words) {
      const wanted = words === 4 ? '8 or 16' : '8'
      return this.#fail('value', `expected an id of ${wanted} bytes`)
    }
    const first = at + words - length / 4
    for (let i = 0; i < length; i++) {
      const word = first + (i >> 2)
      ids[word] = (ids[word] << 8) | this.#bytes[this.#start + i]
    }
    return true
  }

  /** Puts the content of the field aside as the text of a class. */
  #text(key: number): boolean {
    const { aside } = this.#sink
    const start = aside.pos
    if (!this.#copyText()) return false
    if (aside.pos > start) this.#sink.put(key, start, aside.pos)
    return true
  }

  #copyText(out = this.#sink.aside): boolean {
    const { length } = this.#bytes
    if (!isText(this.#bytes, this.#start, this.#end)) {
      this.#pos = this.#start
      return this.#fail('utf8', 'expected valid UTF-8')
    }
    out.reserve(length - this.#start)
    out.pos = copyBytes(out.bytes, out.pos, this.#bytes, this.#start, this.#end)
    return true
  }

  #endpoint(isLocal: boolean): boolean {
    const sink = this.#sink
    const limit = this.#end
    this.#pos = this.#start
    while (this.#pos < limit) {
      if (!this.#field(limit)) return false
      const next = this.#pos
      if (this.#tag === 0x0a) {
        if (!this.#text(isLocal ? T.LOCAL_SERVICE : T.REMOTE_SERVICE)) return false
      } else if (this.#tag === 0x12 || this.#tag === 0x1a) {
        if (!this.#ip(isLocal ? T.LOCAL_IP : T.REMOTE_IP)) return false
      } else if (this.#tag === 0x20) {
        if (this.#high !== 0 || this.#low > 0xffff) {
          return this.#fail('range', 'expected a port from 0 to 65535')
        }
        if (isLocal) sink.localPort = this.#low
        else sink.remotePort = this.#low
      }
      this.#pos = next
    }
    return true
  }

  #ip(key: number): boolean {
    const { aside } = this.#sink
    if (this.#end === this.#start) return true
    if (takeIp(this.#bytes, this.#start, this.#end) === 0) {
      return this.#fail('value', 'expected an IP address of 4 or 16 bytes')
    }
    const start = aside.pos
    aside.reserve(64)
    writeIp(aside)
    this.#sink.put(key, start, aside.pos)
    return true
  }

  #annotation(): boolean {
    const limit = this.#end
    const { aside } = this.#sink
    let high = 0
    let low = 0
    let start = aside.pos
    let end = start
    this.#pos = this.#start
    while (this.#pos < limit) {
      if (!this.#field(limit)) return false
      const next = this.#pos
      if (this.#tag === 0x09) {
        low = this.#word(this.#start)
        high = this.#word(this.#start + 4)
      } else if (this.#tag === 0x12) {
        start = aside.pos
        if (!this.#copyText()) return false
        end = aside.pos
      }
      this.#pos = next
    }
    if ((high | low) === 0) return this.#fail('value', 'expected a timestamp in the annotation')
    if (this.#sink.addEvent(high, low, start, end)) return true
    return this.#fail(TOO_LATE.fault, TOO_LATE.message)
  }

  #tagEntry(): boolean {
    const sink = this.#sink
    const limit = this.#end
    let [keyStart, keyEnd, valueStart, valueEnd] = [0, 0, 0, 0]
    this.#pos = this.#start
    while (this.#pos < limit) {
      if (!this.#field(limit)) return false
      if (this.#tag === 0x0a) [keyStart, keyEnd] = [this.#start, this.#end]
      else if (this.#tag === 0x12) [valueStart, valueEnd] = [this.#start, this.#end]
    }
    this.#start = keyStart
    this.#end = keyEnd
    sink.openTag()
    if (!this.#copyText(sink.out)) return false
    const to = sink.openValue()
    this.#start = valueStart
    this.#end = valueEnd
    if (!this.#copyText(to)) return false
    sink.closeTag(TEXT)
    return true
  }
}

const reader = new ProtoReader()
