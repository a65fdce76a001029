/**
 * Jaeger's Thrift: a Batch as HTTP clients post it, and the agent's `emitBatch` messages in UDP packets, each in the
 * binary or the compact protocol. https://github.com/jaegertracing/jaeger-idl/blob/main/thrift/jaeger.thrift
 *
 * What the interface calls required must be there, so that bytes of something else are noticed. Strings that are not
 * UTF-8 are mended: Thrift does not say what they are.
 */
import { equalsText } from '../../otlp/wire-reader.ts'
import type { TranslateFault } from '../fault.ts'
import { BinaryInput } from '../thrift-binary.ts'
import {
  BOOL,
  DOUBLE,
  fieldKey,
  I32,
  I64,
  LIST,
  STRING,
  STRUCT,
  type ThriftInput,
} from '../thrift-input.ts'
import { OF_LOG, OF_PROCESS, OF_SPAN, SpanSink, type Wrong } from './span-sink.ts'
import { BINARY, FLOAT64, INT64, BOOL as TAG_BOOL, STRING as TAG_STRING, Tag } from './tag-sink.ts'
import { CompactInput } from './thrift-compact.ts'

const METHOD = 'emitBatch'
const CALL = 1
const ONEWAY = 4

/** Jaeger's Thrift numbers the types of values in another order than its protobuf. */
const TYPES = [TAG_STRING, FLOAT64, TAG_BOOL, INT64, BINARY]

/** Bit per required field, by id. */
const BATCH_REQUIRED = bits(1, 2)
const PROCESS_REQUIRED = bits(1)
const SPAN_REQUIRED = bits(1, 2, 3, 4, 5, 7, 8, 9)
const REFERENCE_REQUIRED = bits(1, 2, 3, 4)
const TAG_REQUIRED = bits(1, 2)
const LOG_REQUIRED = bits(1, 2)

/** A Batch in the binary protocol, `application/vnd.apache.thrift.binary`, as an export request. Never throws. */
export function readJaegerThriftBinary(bytes: Uint8Array): Uint8Array | TranslateFault {
  return binary.readBatch(bytes)
}

/** A Batch in the compact protocol, `application/vnd.apache.thrift.compact`, as an export request. Never throws. */
export function readJaegerThriftCompact(bytes: Uint8Array): Uint8Array | TranslateFault {
  return compact.readBatch(bytes)
}

/** An `emitBatch` message in the binary protocol (UDP port 6832), as an export request. Never throws. */
export function readJaegerAgentBinary(bytes: Uint8Array): Uint8Array | TranslateFault {
  return binary.readMessage(bytes)
}

/** An `emitBatch` message in the compact protocol (UDP port 6831), as an export request. Never throws. */
export function readJaegerAgentCompact(bytes: Uint8Array): Uint8Array | TranslateFault {
  return compact.readMessage(bytes)
}

function bits(...ids: readonly number[]): number {
  return ids.reduce((mask, id) => mask | (1 << id), 0)
}

class ThriftReader {
  readonly #in: ThriftInput
  readonly #sink = new SpanSink()
  readonly #tag = new Tag()
  /** Where a list of spans stands that came before its process. */
  #deferred = -1
  #hasProcess = false
  #spans = 0
  #batches = 0

  constructor(input: ThriftInput) {
    this.#in = input
  }

  readBatch(bytes: Uint8Array): Uint8Array | TranslateFault {
    return this.#finish(this.#start(bytes) && this.#batch())
  }

  readMessage(bytes: Uint8Array): Uint8Array | TranslateFault {
    return this.#finish(this.#start(bytes) && this.#message())
  }

  #start(bytes: Uint8Array): boolean {
    this.#in.reset(bytes)
    this.#spans = 0
    this.#batches = 0
    return (
      this.#sink.startRequest(this.#in.bytes) ||
      this.#fail('too_large', 'expected a smaller message')
    )
  }

  #finish(fine: boolean): Uint8Array | TranslateFault {
    const input = this.#in
    const sink = this.#sink
    if (fine && input.pos !== input.bytes.length) {
      fine = this.#fail('syntax', 'expected nothing after the batch')
    }
    input.release()
    const request = fine ? sink.takeRequest() : null
    if (request !== null) return request
    sink.release()
    return (
      input.fault ?? { fault: 'too_large', offset: 0, message: 'expected less than 2 GiB of spans' }
    )
  }

  #fail(fault: TranslateFault['fault'], message: string): false {
    return this.#in.fail(fault, message)
  }

  #wrong(wrong: Wrong | null): boolean {
    return wrong === null || this.#fail(wrong.fault, wrong.message)
  }

  #require(seen: number, required: number, what: string): boolean {
    const missing = required & ~seen
    if (missing === 0) return true
    const id = 31 - Math.clz32(missing & -missing)
    return this.#fail('value', `expected field ${id} of a ${what}, which is required`)
  }

  #message(): boolean {
    const input = this.#in
    const type = input.message()
    if (type < 0) return false
    if (type !== CALL && type !== ONEWAY) {
      return this.#fail('value', 'expected a call (type 1) or oneway (type 4)')
    }
    if (!equalsText(input.bytes, input.start, input.end, METHOD)) {
      return this.#fail('value', `expected a call of ${METHOD}`)
    }
    for (;;) {
      const field = input.field()
      if (field <= 0) return field === 0 && this.#require(this.#batches, 1, 'message')
      if (field === fieldKey(1, STRUCT)) {
        if (this.#batches++ > 0) return this.#fail('value', 'expected one batch')
        if (!this.#nested(() => this.#batch())) return false
      } else if (!input.skip(field >> 16)) return false
    }
  }

  /** A struct inside another one, once per batch. */
  #nested(read: () => boolean): boolean {
    const before = this.#in.lastId
    this.#in.lastId = 0
    if (!read()) return false
    this.#in.lastId = before
    return true
  }

  #batch(): boolean {
    const input = this.#in
    let seen = 0
    this.#deferred = -1
    this.#hasProcess = false
    for (;;) {
      const field = input.field()
      if (field < 0) return false
      if (field === 0) break
      if (field === fieldKey(1, STRUCT)) {
        seen |= 1 << 1
        if (!this.#nested(() => this.#process())) return false
      } else if (field === fieldKey(2, LIST)) {
        if ((seen & (1 << 2)) !== 0) return this.#fail('value', 'expected one list of spans')
        seen |= 1 << 2
        if (!this.#spanList()) return false
      } else if (!input.skip(field >> 16)) return false
    }
    return this.#require(seen, BATCH_REQUIRED, 'Batch') && this.#readDeferred()
  }

  #process(): boolean {
    const input = this.#in
    const { process } = this.#sink
    let seen = 0
    process.beginBatch()
    for (;;) {
      const field = input.field()
      if (field < 0) return false
      if (field === 0) break
      if (field === fieldKey(1, STRING)) {
        seen |= 1 << 1
        if (!input.readString()) return false
        if (!process.setService(input.bytes, input.start, input.end)) {
          return this.#fail('too_large', 'expected a smaller message')
        }
      } else if (field === fieldKey(2, LIST)) {
        if (!this.#tags(OF_PROCESS)) return false
      } else if (!input.skip(field >> 16)) return false
    }
    process.endBatch()
    this.#hasProcess = true
    return this.#require(seen, PROCESS_REQUIRED, 'Process')
  }

  /** The spans need the process, which usually comes first; when not, they are read after all. */
  #spanList(): boolean {
    if (this.#hasProcess) return this.#readSpans()
    this.#deferred = this.#in.pos
    return this.#in.skip(LIST)
  }

  #readDeferred(): boolean {
    if (this.#deferred < 0) return true
    const input = this.#in
    const end = input.pos
    input.pos = this.#deferred
    const fine = this.#readSpans()
    if (fine) input.pos = end
    return fine
  }

  #readSpans(): boolean {
    const input = this.#in
    const count = input.beginStructs()
    if (count < 0) return false
    const before = input.lastId
    for (this.#spans = 0; this.#spans < count; this.#spans++) {
      input.lastId = 0
      if (!this.#span()) return this.#explain()
    }
    input.lastId = before
    return true
  }

  /** Says in which span the fault is. */
  #explain(): false {
    const input = this.#in
    if (input.fault !== null) {
      const { fault, offset, message } = input.fault
      input.fault = { fault, offset, message: `spans[${this.#spans}]: ${message}` }
    }
    return false
  }

  // hot: bench/micro/jaeger.ts
  #span(): boolean {
    const input = this.#in
    const sink = this.#sink
    if (!sink.beginSpan()) return this.#fail('too_large', 'expected a smaller message')
    let seen = 0
    for (;;) {
      const field = input.field()
      if (field < 0) return false
      if (field === 0) break
      if (!this.#spanField(field)) return false
      const id = field & 0xffff
      if (id < 12) seen |= 1 << id
    }
    return (
      ((seen & SPAN_REQUIRED) === SPAN_REQUIRED || this.#require(seen, SPAN_REQUIRED, 'Span')) &&
      this.#wrong(sink.endSpan())
    )
  }

  #spanField(field: number): boolean {
    const input = this.#in
    const sink = this.#sink
    switch (field) {
      case fieldKey(1, I64):
        return this.#id(sink.ids, 2)
      case fieldKey(2, I64):
        return this.#id(sink.ids, 0)
      case fieldKey(3, I64):
        return this.#id(sink.ids, 4)
      case fieldKey(4, I64):
        return this.#id(sink.ids, 6)
      case fieldKey(5, STRING):
        if (!input.readString()) return false
        sink.nameStart = input.start
        sink.nameEnd = input.end
        return true
      case fieldKey(6, LIST):
        return this.#references()
      case fieldKey(7, I32):
        if (!input.readI32()) return false
        sink.flags = input.low
        return true
      case fieldKey(8, I64):
        if (!input.readI64()) return false
        sink.start.setMicros(input.high, input.low)
        return true
      case fieldKey(9, I64):
        if (!input.readI64()) return false
        sink.duration.setMicros(input.high, input.low)
        return true
      case fieldKey(10, LIST):
        return this.#tags(OF_SPAN)
      case fieldKey(11, LIST):
        return this.#logs()
      default:
        // A known field of another type is not taken as there.
        if ((field & 0xffff) < 10)
          return this.#fail('type', `expected field ${field & 0xffff} of a Span in its own type`)
        return input.skip(field >> 16)
    }
  }

  #id(ids: Int32Array, at: number): boolean {
    if (!this.#in.readI64()) return false
    ids[at] = this.#in.high
    ids[at + 1] = this.#in.low
    return true
  }

  #references(): boolean {
    const input = this.#in
    const { refs } = this.#sink
    const count = input.beginStructs()
    const before = input.lastId
    for (let i = 0; i < count; i++) {
      input.lastId = 0
      refs.begin()
      if (!this.#reference() || !this.#wrong(this.#sink.addReference())) return false
    }
    input.lastId = before
    return count >= 0
  }

  #reference(): boolean {
    const input = this.#in
    const { ids } = this.#sink.refs
    let seen = 0
    for (;;) {
      const field = input.field()
      if (field < 0) return false
      if (field === 0) break
      let fine: boolean
      if (field === fieldKey(1, I32)) {
        fine = input.readI32()
        ids[0] = input.low
        seen |= 1 << 1
      } else if (field === fieldKey(2, I64)) {
        fine = this.#id(ids, 3)
        seen |= 1 << 2
      } else if (field === fieldKey(3, I64)) {
        fine = this.#id(ids, 1)
        seen |= 1 << 3
      } else if (field === fieldKey(4, I64)) {
        fine = this.#id(ids, 5)
        seen |= 1 << 4
      } else fine = input.skip(field >> 16)
      if (!fine) return false
    }
    return this.#require(seen, REFERENCE_REQUIRED, 'SpanRef')
  }

  #logs(): boolean {
    const input = this.#in
    const sink = this.#sink
    const count = input.beginStructs()
    const before = input.lastId
    for (let i = 0; i < count; i++) {
      input.lastId = 0
      sink.beginLog()
      if (!this.#log() || !this.#wrong(sink.endLog())) return false
    }
    input.lastId = before
    return count >= 0
  }

  #log(): boolean {
    const input = this.#in
    let seen = 0
    for (;;) {
      const field = input.field()
      if (field < 0) return false
      if (field === 0) break
      if (field === fieldKey(1, I64)) {
        if (!input.readI64()) return false
        this.#sink.logTime.setMicros(input.high, input.low)
        seen |= 1 << 1
      } else if (field === fieldKey(2, LIST)) {
        if (!this.#tags(OF_LOG)) return false
        seen |= 1 << 2
      } else if (!input.skip(field >> 16)) return false
    }
    return this.#require(seen, LOG_REQUIRED, 'Log')
  }

  #tags(owner: number): boolean {
    const input = this.#in
    const count = input.beginStructs()
    const before = input.lastId
    for (let i = 0; i < count; i++) {
      input.lastId = 0
      if (!this.#readTag() || !this.#wrong(this.#sink.addTag(owner, this.#tag))) return false
    }
    input.lastId = before
    return count >= 0
  }

  // hot: bench/micro/jaeger.ts
  #readTag(): boolean {
    const input = this.#in
    const tag = this.#tag
    let seen = 0
    tag.clear()
    for (;;) {
      const field = input.field()
      if (field < 0) return false
      if (field === 0) break
      if (!this.#tagField(field)) return false
      const id = field & 0xffff
      if (id < 8) seen |= 1 << id
    }
    return (seen & TAG_REQUIRED) === TAG_REQUIRED || this.#require(seen, TAG_REQUIRED, 'Tag')
  }

  #tagField(field: number): boolean {
    const input = this.#in
    const tag = this.#tag
    switch (field) {
      case fieldKey(1, STRING):
        if (!input.readString()) return false
        tag.keyStart = input.start
        tag.keyEnd = input.end
        return true
      case fieldKey(2, I32):
        if (!input.readI32()) return false
        tag.type = TYPES[input.low] ?? input.low
        return true
      case fieldKey(3, STRING):
        if (!input.readString()) return false
        tag.textStart = input.start
        tag.textEnd = input.end
        return true
      case fieldKey(4, DOUBLE):
        if (!input.readDouble()) return false
        tag.double = input.double
        return true
      case fieldKey(5, BOOL):
        if (!input.readBool()) return false
        tag.bool = input.low
        return true
      case fieldKey(6, I64):
        if (!input.readI64()) return false
        tag.intHigh = input.high >>> 0
        tag.intLow = input.low
        return true
      case fieldKey(7, STRING):
        if (!input.readString()) return false
        tag.binaryStart = input.start
        tag.binaryEnd = input.end
        return true
      default:
        if ((field & 0xffff) < 3)
          return this.#fail('type', `expected field ${field & 0xffff} of a Tag in its own type`)
        return input.skip(field >> 16)
    }
  }
}

const binary = new ThriftReader(new BinaryInput())
const compact = new ThriftReader(new CompactInput())
