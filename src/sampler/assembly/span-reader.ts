/**
 * Reads the fields of a span that the index and the features need, in one walk over its validated bytes, straight into its
 * row. Events and links are looked at too, which is why the table-driven slot scanner does not serve here.
 */

import * as F from '../../otlp/kernel/span-facts.ts'
import { readVarint32, skipValue, skipVarint } from '../../otlp/wire-reader.ts'
import {
  SPAN_CLIENT_FAULT,
  SPAN_ERROR,
  SPAN_EXCEPTION,
  SPAN_LINKED,
  SPAN_SERVER_FAULT,
} from '../trace-spans.ts'
import * as C from './row.ts'

const STATUS_ERROR = 2
/** W3C trace flags: the trace id is random. */
const RANDOM_FLAG = 0x02
/** UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_SERVER_FAULTS = (1 << 2) | (1 << 4) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 15)
const MAX_GRPC_CODE = 16

const HTTP_STATUS = Buffer.from('http.response.status_code')
const OLD_HTTP_STATUS = Buffer.from('http.status_code')
const GRPC_STATUS = Buffer.from('rpc.grpc.status_code')
const EXCEPTION = Buffer.from('exception')
/** By a key's length: may be one of these. Longer than 127: to be looked at. */
const KEY_LENGTHS = new Uint8Array(256).fill(1, 128)
for (const { length } of [HTTP_STATUS, OLD_HTTP_STATUS, GRPC_STATUS]) KEY_LENGTHS[length] = 1

/** A trace id has so many bytes, a span id half as many. */
const TRACE_ID_BYTES = 16
const SPAN_ID_BYTES = 8

/** What was read of the last span, beside its row. */
export class SpanReader {
  /** The trace id's bytes; 0 when there is none. `isValid`: 16 bytes, not all zero. */
  id0 = 0
  id1 = 0
  id2 = 0
  id3 = 0
  traceIdLength = 0
  nameFrom = 0
  nameTo = 0
  kind = 0
  stateFrom = 0
  stateTo = 0
  /** When it ended, as unsigned halves of nanoseconds. */
  endLow = 0
  endHigh = 0
  #flags = 0

  get isValid(): boolean {
    return (
      this.traceIdLength === TRACE_ID_BYTES && (this.id0 | this.id1 | this.id2 | this.id3) !== 0
    )
  }

  /** Empty or all zeros, as opposed to one of an odd length. */
  get isZero(): boolean {
    return (
      (this.traceIdLength === 0 || this.traceIdLength === TRACE_ID_BYTES) &&
      (this.id0 | this.id1 | this.id2 | this.id3) === 0
    )
  }

  // hot: bench/micro/assembly.ts
  /** Fills the row's columns from SPAN_LOW to DURATION_HIGH, and BITS without importance. `view` is of the same bytes. */
  read(
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
    words: Int32Array,
    at: number,
  ): void {
    this.#reset(words, at)
    let p = from
    while (p < to) {
      const tag = bytes[p]
      if (tag > 0x7f) p = this.#otherField(bytes, p, to)
      else if ((tag & 7) === 2) {
        let length = bytes[++p]
        if (length > 0x7f) {
          length = readVarint32(bytes, p)
          p = skipVarint(bytes, p)
        } else p++
        if (tag === 0x4a) {
          // Most keys are told by their length.
          const key = bytes[p + 1]
          if (bytes[p] !== 0x0a || KEY_LENGTHS[key] !== 0) this.#attribute(bytes, p, p + length)
        } else this.#delimited(tag, bytes, view, p, length, words, at)
        p += length
      } else if ((tag & 7) === 1) {
        if (tag === 0x39) {
          words[at + C.START_LOW] = view.getInt32(p + 1, true)
          words[at + C.START_HIGH] = view.getInt32(p + 5, true)
        } else if (tag === 0x41) {
          this.endLow = view.getInt32(p + 1, true)
          this.endHigh = view.getInt32(p + 5, true)
        }
        p += 9
      } else {
        if (tag === 0x30) this.kind = bytes[p + 1] & 0x7f
        p = skipValue(bytes, p + 1, tag & 7, to)
      }
    }
    this.#finish(words, at)
  }

  // hot: bench/micro/assembly.ts
  /** The same from what the kernel has read; `moved` is added to its offsets. */
  take(facts: Int32Array, f: number, moved: number, words: Int32Array, at: number): void {
    this.id0 = facts[f + F.FACT_TRACE_ID]
    this.id1 = facts[f + F.FACT_TRACE_ID + 1]
    this.id2 = facts[f + F.FACT_TRACE_ID + 2]
    this.id3 = facts[f + F.FACT_TRACE_ID + 3]
    this.traceIdLength = facts[f + F.FACT_TRACE_ID_LENGTH]
    words[at + C.SPAN_LOW] = facts[f + F.FACT_SPAN_ID]
    words[at + C.SPAN_HIGH] = facts[f + F.FACT_SPAN_ID + 1]
    words[at + C.PARENT_LOW] = facts[f + F.FACT_PARENT_ID]
    words[at + C.PARENT_HIGH] = facts[f + F.FACT_PARENT_ID + 1]
    words[at + C.START_LOW] = facts[f + F.FACT_START]
    words[at + C.START_HIGH] = facts[f + F.FACT_START + 1]
    this.endLow = facts[f + F.FACT_END]
    this.endHigh = facts[f + F.FACT_END + 1]
    this.#flags = facts[f + F.FACT_FLAGS]
    this.kind = facts[f + F.FACT_KIND]
    this.nameFrom = this.nameTo = this.stateFrom = this.stateTo = 0
    if (facts[f + F.FACT_NAME_TO] > 0) {
      this.nameFrom = facts[f + F.FACT_NAME_FROM] + moved
      this.nameTo = facts[f + F.FACT_NAME_TO] + moved
    }
    if (facts[f + F.FACT_STATE_TO] > 0) {
      this.stateFrom = facts[f + F.FACT_STATE_FROM] + moved
      this.stateTo = facts[f + F.FACT_STATE_TO] + moved
    }
    this.#finish(words, at)
  }

  #reset(words: Int32Array, at: number): void {
    this.id0 = this.id1 = this.id2 = this.id3 = 0
    this.traceIdLength = this.kind = 0
    this.nameFrom = this.nameTo = this.stateFrom = this.stateTo = 0
    this.#flags = this.endLow = this.endHigh = 0
    words[at + C.SPAN_LOW] = words[at + C.SPAN_HIGH] = 0
    words[at + C.PARENT_LOW] = words[at + C.PARENT_HIGH] = 0
    words[at + C.START_LOW] = words[at + C.START_HIGH] = 0
  }

  #delimited(
    tag: number,
    bytes: Uint8Array,
    view: DataView,
    p: number,
    length: number,
    words: Int32Array,
    at: number,
  ): void {
    if (tag === 0x0a) {
      this.traceIdLength = length
      if (length !== TRACE_ID_BYTES) return
      this.id0 = view.getInt32(p)
      this.id1 = view.getInt32(p + 4)
      this.id2 = view.getInt32(p + 8)
      this.id3 = view.getInt32(p + 12)
    } else if (tag === 0x12) {
      words[at + C.SPAN_LOW] = length === SPAN_ID_BYTES ? view.getInt32(p, true) : 0
      words[at + C.SPAN_HIGH] = length === SPAN_ID_BYTES ? view.getInt32(p + 4, true) : 0
    } else if (tag === 0x22) {
      words[at + C.PARENT_LOW] = length === SPAN_ID_BYTES ? view.getInt32(p, true) : 0
      words[at + C.PARENT_HIGH] = length === SPAN_ID_BYTES ? view.getInt32(p + 4, true) : 0
    } else if (tag === 0x2a) {
      this.nameFrom = p
      this.nameTo = p + length
    } else if (tag === 0x7a) {
      // An unset status is mostly sent empty.
      if (length > 0) this.#status(bytes, p, p + length)
    } else if (tag === 0x5a) this.#event(bytes, p, p + length)
    else if (tag === 0x6a) this.#flags |= SPAN_LINKED
    else if (tag === 0x1a) {
      this.stateFrom = p
      this.stateTo = p + length
    }
  }

  /** A field with a tag of several bytes; returns the offset after it. */
  #otherField(bytes: Uint8Array, p: number, to: number): number {
    const tag = readVarint32(bytes, p)
    const value = skipVarint(bytes, p)
    // fixed32 flags = 16
    if (tag === 0x85 && (bytes[value] & RANDOM_FLAG) !== 0) this.#flags |= C.ROW_RANDOM_ID
    return skipValue(bytes, value, tag & 7, to)
  }

  #status(bytes: Uint8Array, from: number, to: number): void {
    let code = -1
    for (let p = from; p < to; ) {
      const tag = readVarint32(bytes, p)
      p = skipVarint(bytes, p)
      if (tag === 0x18) code = readVarint32(bytes, p)
      p = skipValue(bytes, p, tag & 7, to)
    }
    if (code === STATUS_ERROR) this.#flags |= SPAN_ERROR
    else if (code >= 0) this.#flags &= ~SPAN_ERROR
  }

  #event(bytes: Uint8Array, from: number, to: number): void {
    let isException = false
    for (let p = from; p < to; ) {
      const tag = readVarint32(bytes, p)
      p = skipVarint(bytes, p)
      const end = skipValue(bytes, p, tag & 7, to)
      if (tag === 0x12) {
        isException =
          end - p === EXCEPTION.length + 1 && isText(bytes, p + 1, EXCEPTION.length, EXCEPTION)
      }
      p = end
    }
    if (isException) this.#flags |= SPAN_EXCEPTION
  }

  #attribute(bytes: Uint8Array, from: number, to: number): void {
    const key = bytes[from + 1]
    const at = from + 2 + key
    // As all write it: the key, then the value.
    const isUsual = at + 1 < to && bytes[from] === 0x0a && key < 0x80
    if (isUsual && bytes[at] === 0x12 && bytes[at + 1] < 0x80) {
      const kind = keyKind(bytes, from + 2, key)
      if (kind !== 0) this.#code(kind, bytes, at + 2, to)
    } else this.#oddAttribute(bytes, from, to)
  }

  /** Fields in any order. */
  #oddAttribute(bytes: Uint8Array, from: number, to: number): void {
    let kind = 0
    let value = to
    let valueEnd = to
    for (let p = from; p < to; ) {
      const tag = readVarint32(bytes, p)
      p = skipVarint(bytes, p)
      const end = skipValue(bytes, p, tag & 7, to)
      const content = (tag & 7) === 2 ? skipVarint(bytes, p) : p
      if (tag === 0x0a) kind = keyKind(bytes, content, end - content)
      else if (tag === 0x12) {
        value = content
        valueEnd = end
      }
      p = end
    }
    if (kind !== 0) this.#code(kind, bytes, value, valueEnd)
  }

  /** The value of a status attribute, a number or its digits. */
  #code(kind: number, bytes: Uint8Array, from: number, to: number): void {
    const tag = bytes[from]
    let code = -1
    if (from >= to) return
    if (tag === 0x18) code = readVarint32(bytes, from + 1)
    else if (tag === 0x0a) code = digits(bytes, from + 2, to)
    if (kind === KIND_GRPC) {
      const isFault = code >= 0 && code <= MAX_GRPC_CODE && ((GRPC_SERVER_FAULTS >> code) & 1) === 1
      if (isFault) this.#flags |= SPAN_SERVER_FAULT
    } else if (code >= 500 && code < 600) this.#flags |= SPAN_SERVER_FAULT
    else if (code >= 400 && code < 500) this.#flags |= SPAN_CLIENT_FAULT
  }

  #finish(words: Int32Array, at: number): void {
    const startLow = words[at + C.START_LOW] >>> 0
    const startHigh = words[at + C.START_HIGH] >>> 0
    const endLow = this.endLow >>> 0
    let high = (this.endHigh >>> 0) - startHigh
    if (endLow < startLow) high--
    // A clock that went back gives no time at all.
    words[at + C.DURATION_LOW] = high < 0 ? 0 : (endLow - startLow) | 0
    words[at + C.DURATION_HIGH] = high < 0 ? 0 : high | 0
    let bits = this.#flags
    if ((words[at + C.PARENT_LOW] | words[at + C.PARENT_HIGH]) === 0) {
      bits |= C.ROW_ROOT
    }
    if (this.stateTo > this.stateFrom) bits |= C.ROW_TRACE_STATE
    words[at + C.BITS] = bits
  }
}

const KIND_HTTP = 1
const KIND_GRPC = 2

function keyKind(bytes: Uint8Array, at: number, length: number): number {
  if (length === HTTP_STATUS.length) return isText(bytes, at, length, HTTP_STATUS) ? KIND_HTTP : 0
  if (length === OLD_HTTP_STATUS.length) {
    return isText(bytes, at, length, OLD_HTTP_STATUS) ? KIND_HTTP : 0
  }
  if (length !== GRPC_STATUS.length) return 0
  return isText(bytes, at, length, GRPC_STATUS) ? KIND_GRPC : 0
}

function isText(bytes: Uint8Array, at: number, length: number, text: Uint8Array): boolean {
  for (let i = length - 1; i >= 0; i--) if (bytes[at + i] !== text[i]) return false
  return true
}

/** -1 for what is no number of at most three digits. */
function digits(bytes: Uint8Array, from: number, to: number): number {
  if (to - from < 1 || to - from > 3) return -1
  let value = 0
  for (let p = from; p < to; p++) {
    const digit = bytes[p] ^ 0x30
    if (digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}
