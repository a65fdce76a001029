/**
 * Jaeger's protobuf: PostSpansRequest as gRPC clients send it, a Batch, and a single Span as it stands in Kafka.
 * https://github.com/jaegertracing/jaeger-idl/blob/main/proto/api_v2/model.proto
 *
 * A span that has a process of its own belongs to that one. Strings that are not UTF-8 are mended: writers in Go do
 * not check them.
 */
import type { TranslateFault } from '../fault.ts'
import type { Nanos } from './nanos.ts'
import { ProtoInput } from './proto-input.ts'
import { OF_LOG, OF_PROCESS, OF_SPAN, SpanSink, type Wrong } from './span-sink.ts'
import { Tag } from './tag-sink.ts'

/** Tags of fields: number << 3 | wire type. */
const REQUEST_BATCH = 0x0a
const BATCH_SPANS = 0x0a
const BATCH_PROCESS = 0x12

const SPAN_TRACE_ID = 0x0a
const SPAN_ID = 0x12
const SPAN_NAME = 0x1a
const SPAN_REFERENCES = 0x22
const SPAN_FLAGS = 0x28
const SPAN_START = 0x32
const SPAN_DURATION = 0x3a
const SPAN_TAGS = 0x42
const SPAN_LOGS = 0x4a
const SPAN_PROCESS = 0x52
const SPAN_WARNINGS = 0x62

const PROCESS_NAME = 0x0a
const PROCESS_TAGS = 0x12
const LOG_TIME = 0x0a
const LOG_FIELDS = 0x12
const REF_TRACE_ID = 0x0a
const REF_SPAN_ID = 0x12
const REF_TYPE = 0x18
const SECONDS = 0x08
const NANOS = 0x10

const TAG_KEY = 0x0a
const TAG_TYPE = 0x10
const TAG_STRING = 0x1a
const TAG_BOOL = 0x20
const TAG_INT64 = 0x28
const TAG_FLOAT64 = 0x31
const TAG_BINARY = 0x3a

/** A PostSpansRequest as an export request. Never throws. */
export function readJaegerRequest(bytes: Uint8Array): Uint8Array | TranslateFault {
  return reader.read(bytes, 'request')
}

/** A Batch as an export request. Never throws. */
export function readJaegerBatch(bytes: Uint8Array): Uint8Array | TranslateFault {
  return reader.read(bytes, 'batch')
}

/** A Span, with its process in it, as an export request. Never throws. */
export function readJaegerSpan(bytes: Uint8Array): Uint8Array | TranslateFault {
  return reader.read(bytes, 'span')
}

class ProtoReader {
  readonly #in = new ProtoInput()
  readonly #sink = new SpanSink()
  readonly #tag = new Tag()

  read(bytes: Uint8Array, root: 'request' | 'batch' | 'span'): Uint8Array | TranslateFault {
    const input = this.#in
    const sink = this.#sink
    input.reset(bytes)
    const fine = sink.startRequest(input.bytes)
      ? this.#root(root)
      : this.#fail('too_large', 'expected a smaller message')
    input.release()
    const request = fine ? sink.takeRequest() : null
    if (request !== null) return request
    sink.release()
    return (
      input.fault ?? { fault: 'too_large', offset: 0, message: 'expected less than 2 GiB of spans' }
    )
  }

  #root(root: 'request' | 'batch' | 'span'): boolean {
    const end = this.#in.bytes.length
    if (root === 'span') return this.#span(0, end)
    return root === 'batch' ? this.#batch(0, end) : this.#request(end)
  }

  #fail(fault: TranslateFault['fault'], message: string): false {
    return this.#in.fail(fault, message)
  }

  #wrong(wrong: Wrong | null): boolean {
    return wrong === null || this.#fail(wrong.fault, wrong.message)
  }

  #request(limit: number): boolean {
    const input = this.#in
    while (input.pos < limit) {
      if (!input.field(limit)) return false
      const { end } = input
      if (input.tag !== REQUEST_BATCH) continue
      if (!this.#batch(input.start, end)) return false
      input.pos = end
    }
    return true
  }

  /** The process stands behind the spans, so it is looked for first. */
  #batch(start: number, limit: number): boolean {
    const input = this.#in
    const { process } = this.#sink
    process.beginBatch()
    for (input.pos = start; input.pos < limit; ) {
      if (!input.field(limit)) return false
      const { end } = input
      if (input.tag !== BATCH_PROCESS) continue
      if (!this.#process(input.start, end)) return this.#within('process')
      input.pos = end
    }
    process.endBatch()
    let index = 0
    for (input.pos = start; input.pos < limit; ) {
      if (!input.field(limit)) return false
      const { end } = input
      if (input.tag !== BATCH_SPANS) continue
      if (!this.#span(input.start, end)) return this.#within(`spans[${index}]`)
      input.pos = end
      index++
    }
    return true
  }

  #within(place: string): false {
    const input = this.#in
    if (input.fault !== null) {
      const { fault, offset, message } = input.fault
      input.fault = { fault, offset, message: `${place}: ${message}` }
    }
    return false
  }

  #process(start: number, limit: number): boolean {
    const input = this.#in
    for (input.pos = start; input.pos < limit; ) {
      if (!input.field(limit)) return false
      // A number has no end of its own: that of the field before it would lead back, for ever.
      const next = input.pos
      if (input.tag === PROCESS_NAME) {
        if (!this.#sink.process.setService(input.bytes, input.start, input.end)) {
          return this.#fail('too_large', 'expected a smaller message')
        }
      } else if (input.tag === PROCESS_TAGS) {
        if (!this.#readTag(OF_PROCESS, input.start, input.end)) return false
      }
      input.pos = next
    }
    return true
  }

  // hot: bench/micro/jaeger.ts
  #span(start: number, limit: number): boolean {
    const input = this.#in
    const sink = this.#sink
    if (!sink.beginSpan()) return this.#fail('too_large', 'expected a smaller message')
    for (input.pos = start; input.pos < limit; ) {
      if (!input.field(limit)) return false
      const next = input.pos
      if (!this.#spanField()) return false
      input.pos = next
    }
    const fine = this.#wrong(sink.endSpan())
    sink.process.useBatch()
    return fine
  }

  #spanField(): boolean {
    const input = this.#in
    const sink = this.#sink
    switch (input.tag) {
      case SPAN_TRACE_ID:
        return this.#id(sink.ids, 0, 16)
      case SPAN_ID:
        return this.#id(sink.ids, 4, 8)
      case SPAN_NAME:
        sink.nameStart = input.start
        sink.nameEnd = input.end
        return true
      case SPAN_REFERENCES:
        return this.#reference(input.start, input.end)
      case SPAN_FLAGS:
        sink.flags = input.low
        return true
      case SPAN_START:
        return this.#time(sink.start, input.start, input.end)
      case SPAN_DURATION:
        return this.#time(sink.duration, input.start, input.end)
      case SPAN_TAGS:
        return this.#readTag(OF_SPAN, input.start, input.end)
      case SPAN_LOGS:
        return this.#log(input.start, input.end)
      case SPAN_PROCESS:
        sink.process.beginSpan()
        if (!this.#process(input.start, input.end)) return false
        sink.process.endSpan()
        return true
      case SPAN_WARNINGS:
        return this.#wrong(sink.addWarning(input.start, input.end))
      default:
        return true
    }
  }

  /** An id of `length` bytes, big-endian. Trace ids may have 8, and none at all stands for zero. */
  #id(ids: Int32Array, at: number, length: number): boolean {
    const { start, end, view } = this.#in
    const given = end - start
    const words = length >> 2
    for (let i = 0; i < words; i++) ids[at + i] = 0
    if (given === 0) return true
    if (given !== length && given !== 8) {
      return this.#fail('value', `expected an id of ${length} bytes`)
    }
    const skipped = (length - given) >> 2
    for (let i = skipped; i < words; i++) ids[at + i] = view.getInt32(start + 4 * (i - skipped))
    return true
  }

  #reference(start: number, limit: number): boolean {
    const input = this.#in
    const { refs } = this.#sink
    refs.begin()
    for (input.pos = start; input.pos < limit; ) {
      if (!input.field(limit)) return false
      if (input.tag === REF_TRACE_ID) {
        if (!this.#id(refs.ids, 1, 16)) return false
      } else if (input.tag === REF_SPAN_ID) {
        if (!this.#id(refs.ids, 5, 8)) return false
      } else if (input.tag === REF_TYPE) refs.ids[0] = input.low
    }
    return this.#wrong(this.#sink.addReference())
  }

  /** A Timestamp or Duration: both count seconds and nanoseconds. */
  #time(time: Nanos, start: number, limit: number): boolean {
    const input = this.#in
    let high = 0
    let low = 0
    let nanos = 0
    for (input.pos = start; input.pos < limit; ) {
      if (!input.field(limit)) return false
      if (input.tag === SECONDS) {
        high = input.high | 0
        low = input.low
      } else if (input.tag === NANOS) nanos = input.low | 0
    }
    time.setSeconds(high, low, nanos)
    return true
  }

  #log(start: number, limit: number): boolean {
    const input = this.#in
    const sink = this.#sink
    sink.beginLog()
    for (input.pos = start; input.pos < limit; ) {
      if (!input.field(limit)) return false
      const next = input.pos
      if (input.tag === LOG_TIME) {
        if (!this.#time(sink.logTime, input.start, input.end)) return false
      } else if (input.tag === LOG_FIELDS) {
        if (!this.#readTag(OF_LOG, input.start, input.end)) return false
      }
      input.pos = next
    }
    return this.#wrong(sink.endLog())
  }

  // hot: bench/micro/jaeger.ts
  #readTag(owner: number, start: number, limit: number): boolean {
    const input = this.#in
    const tag = this.#tag
    tag.clear()
    for (input.pos = start; input.pos < limit; ) {
      if (!input.field(limit)) return false
      this.#tagField()
    }
    return this.#wrong(this.#sink.addTag(owner, tag))
  }

  #tagField(): void {
    const input = this.#in
    const tag = this.#tag
    switch (input.tag) {
      case TAG_KEY:
        tag.keyStart = input.start
        tag.keyEnd = input.end
        break
      case TAG_TYPE:
        tag.type = input.low | 0
        break
      case TAG_STRING:
        tag.textStart = input.start
        tag.textEnd = input.end
        break
      case TAG_BOOL:
        tag.bool = (input.low | input.high) === 0 ? 0 : 1
        break
      case TAG_INT64:
        tag.intHigh = input.high
        tag.intLow = input.low
        break
      case TAG_FLOAT64:
        tag.double = input.view.getFloat64(input.start, true)
        break
      case TAG_BINARY:
        tag.binaryStart = input.start
        tag.binaryEnd = input.end
        break
      default:
    }
  }
}

const reader = new ProtoReader()
