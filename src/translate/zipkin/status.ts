/**
 * The status of a span out of its tags: by the names of the mapping specification, those that the Go collector and
 * OpenTelemetry's SDKs wrote before, and in format v1 also what OpenCensus and HTTP have for it.
 */
import { copyBytes } from '../../otlp/wire-writer.ts'
import type { AttributeSink } from './attribute-sink.ts'
import * as T from './tags.ts'

const STATUS_FIELD = 0x7a
const MESSAGE_FIELD = 0x12
const CODE_FIELD = 0x18

export const UNSET = 0
export const OK = 1
export const ERROR = 2

const CODES: ReadonlyMap<string, number> = new Map([
  ['OK', OK],
  ['Ok', OK],
  ['STATUS_CODE_OK', OK],
  ['ERROR', ERROR],
  ['Error', ERROR],
  ['STATUS_CODE_ERROR', ERROR],
])

const MAX_INT32 = 0x7fff_ffff

/** The status of the span that ends; the message is a text in `aside`. */
export class Status {
  code = UNSET
  /** Class of the text that is the message; 0 = none. */
  message = 0
  start = 0
  end = 0

  read(sink: AttributeSink): void {
    this.code = UNSET
    this.message = 0
    if (sink.isLegacy) this.#readLegacy(sink)
    else this.#read(sink)
    if (this.message === 0) return
    this.start = sink.starts[this.message]
    this.end = sink.ends[this.message]
    // What HTTP says of its status is an attribute as well.
    if (this.message !== T.HTTP_MESSAGE) sink.forget(this.message)
  }

  #read(sink: AttributeSink): void {
    const isGiven = sink.has(T.STATUS_CODE)
    if (isGiven) {
      this.code = CODES.get(sink.text(T.STATUS_CODE)) ?? UNSET
      sink.forget(T.STATUS_CODE)
      if (sink.has(T.STATUS_DESCRIPTION)) this.message = T.STATUS_DESCRIPTION
    }
    if (!sink.has(T.ERROR)) return
    const isError = this.code === ERROR
    this.code = ERROR
    // With the code beside it, the tag is the description; alone, whatever text it has, it is an attribute.
    if (sink.isText(T.ERROR, 'true')) sink.forget(T.ERROR)
    else if (isError && this.message === 0) this.message = T.ERROR
  }

  #readLegacy(sink: AttributeSink): void {
    const census = toInt32(sink.text(T.CENSUS_CODE))
    const own = toInt32(sink.text(T.STATUS_CODE))
    const http = toInt32(sink.text(T.HTTP_CODE)) ?? toInt32(sink.text(T.HTTP_RESPONSE_CODE))
    const censusMessage = firstOf(sink, T.OPENCENSUS_MESSAGE, T.CENSUS_MESSAGE)
    const ownMessage = firstOf(sink, T.STATUS_DESCRIPTION)
    const hasError = sink.has(T.ERROR)
    if (census !== undefined) {
      this.code = census === 0 ? OK : ERROR
      this.message = censusMessage
    } else if (own !== undefined) {
      this.code = own
      this.message = ownMessage
    } else if (hasError) {
      this.code = ERROR
      this.message = censusMessage === 0 ? ownMessage : censusMessage
    } else if (http !== undefined) {
      this.code = http >= 100 && http < 400 ? UNSET : ERROR
      this.message = firstOf(sink, T.HTTP_MESSAGE)
    }
    for (const key of [T.CENSUS_CODE, T.STATUS_CODE]) sink.forget(key)
    if (/^(true|false|)$/.test(sink.text(T.ERROR))) sink.forget(T.ERROR)
  }

  /** Writes the status field, if there is anything to say. */
  write(sink: AttributeSink): void {
    const length = this.message === 0 ? 0 : this.end - this.start
    if (this.code === UNSET && length === 0) return
    const { out, aside } = sink
    const status = out.open(STATUS_FIELD, 1)
    if (length > 0) {
      const message = out.open(MESSAGE_FIELD, 1)
      out.pos = copyBytes(out.bytes, message, aside.bytes, this.start, this.end)
      out.close(message, 1)
    }
    if (this.code !== UNSET) {
      out.tag(CODE_FIELD)
      out.varint64(this.code < 0 ? 0xffff_ffff : 0, this.code >>> 0)
    }
    out.close(status, 1)
  }
}

function firstOf(sink: AttributeSink, ...keys: readonly number[]): number {
  return keys.find(key => sink.has(key) && sink.ends[key] > sink.starts[key]) ?? 0
}

function toInt32(text: string): number | undefined {
  if (!/^[+-]?\d{1,19}$/.test(text)) return undefined
  const value = Number(text)
  return value >= -MAX_INT32 - 1 && value <= MAX_INT32 ? value : undefined
}
