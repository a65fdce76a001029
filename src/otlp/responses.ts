/**
 * The answers of the export services, in both encodings. They come from strangers when we are the client, so reading
 * them checks every length, unlike the readers of validated requests.
 *
 * ```
 * Export<Signal>ServiceResponse   1 partial_success: message
 * Export<Signal>PartialSuccess    1 rejected_<items>: int64   2 error_message: string
 * ```
 * https://opentelemetry.io/docs/specs/otlp/#partial-success
 */
import type { Signal } from './signal.ts'
import { asBuffer, BYTES, FIXED32, FIXED64, VARINT } from './wire-reader.ts'
import { Writer } from './wire-writer.ts'

export type ResponseFormat = 'proto' | 'json'

/** Something was not taken (`rejected` > 0), or a warning (`rejected` = 0). Never a reason to send again. */
export interface PartialSuccess {
  /** Spans, data points or log records. */
  readonly rejected: number
  readonly message: string
}

/** Why a response cannot be read. The request it answers has been taken all the same: the status said so. */
export interface ResponseFault {
  readonly fault: 'too_large' | 'malformed'
}

/** A larger response is not read; the same limit as of the whole body in the specification's advice. */
export const MAX_RESPONSE_BYTES = 4 * 1024 * 1024

/** Peers' messages end up in logs: characters kept of one. */
const MAX_MESSAGE_CHARS = 1024

const PARTIAL_SUCCESS = 1
const REJECTED = 1
const ERROR_MESSAGE = 2

const REJECTED_KEY: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
}

const REJECTED_SNAKE_KEY: Readonly<Record<Signal, string>> = {
  traces: 'rejected_spans',
  metrics: 'rejected_data_points',
  logs: 'rejected_log_records',
}

const MALFORMED: ResponseFault = { fault: 'malformed' }

/** Full success leaves `partial_success` unset, as the specification demands: no bytes, or `{}`. */
export function encodeExportResponse(
  signal: Signal,
  partial: PartialSuccess | null,
  format: ResponseFormat,
): Uint8Array {
  if (format === 'proto') return partial === null ? new Uint8Array(0) : encodeProto(partial)
  if (partial === null) return Buffer.from('{}')
  const partialSuccess = {
    [REJECTED_KEY[signal]]: String(partial.rejected),
    errorMessage: partial.message,
  }
  return Buffer.from(JSON.stringify({ partialSuccess }))
}

function encodeProto(partial: PartialSuccess): Uint8Array {
  const writer = new Writer().begin(PARTIAL_SUCCESS)
  if (partial.rejected !== 0) writer.varint64(REJECTED, BigInt(partial.rejected))
  if (partial.message !== '') writer.string(ERROR_MESSAGE, partial.message)
  return writer.end().finish()
}

/** What a response says beyond success; null for full success, `{"partialSuccess":null}` and an empty one. */
export function decodeExportResponse(
  signal: Signal,
  bytes: Uint8Array,
  format: ResponseFormat,
): PartialSuccess | null | ResponseFault {
  if (bytes.length > MAX_RESPONSE_BYTES) return { fault: 'too_large' }
  const partial = format === 'json' ? decodeJson(signal, bytes) : decodeProto(bytes)
  if (partial === null || 'fault' in partial) return partial
  return partial.rejected === 0 && partial.message === '' ? null : partial
}

export function isResponseFault(x: PartialSuccess | null | ResponseFault): x is ResponseFault {
  return x !== null && 'fault' in x
}

/** Small and bounded, so `JSON.parse` serves; a count beyond 2^53 need not be exact. */
function decodeJson(signal: Signal, bytes: Uint8Array): PartialSuccess | null | ResponseFault {
  if (bytes.length === 0) return null
  let response: unknown
  try {
    response = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return MALFORMED
  }
  if (!isObject(response)) return MALFORMED
  const partial = own(response, 'partialSuccess', 'partial_success')
  if (partial === null) return null
  if (!isObject(partial)) return MALFORMED
  const rejected = own(partial, REJECTED_KEY[signal], REJECTED_SNAKE_KEY[signal]) ?? 0
  const message = own(partial, 'errorMessage', 'error_message') ?? ''
  if (typeof message !== 'string') return MALFORMED
  const count = typeof rejected === 'string' ? Number(rejected) : rejected
  if (typeof count !== 'number' || !Number.isFinite(count)) return MALFORMED
  return partialSuccess(count, message)
}

function isObject(x: unknown): x is Record<string, unknown> {
  return typeof x === 'object' && x !== null && !Array.isArray(x)
}

/** The value of either key, null where neither is there. */
function own(object: Record<string, unknown>, key: string, snakeKey: string): unknown {
  if (Object.hasOwn(object, key)) return object[key]
  return Object.hasOwn(object, snakeKey) ? object[snakeKey] : null
}

/** Nothing can be rejected a negative number of times. */
function partialSuccess(rejected: number, message: string): PartialSuccess {
  return {
    rejected: Math.max(0, Math.trunc(rejected)),
    message: message.slice(0, MAX_MESSAGE_CHARS),
  }
}

function decodeProto(bytes: Uint8Array): PartialSuccess | ResponseFault {
  const outer = new CheckedCursor(bytes, 0, bytes.length)
  let rejected = 0
  let message = ''
  while (outer.next()) {
    if (outer.number !== PARTIAL_SUCCESS) continue
    if (outer.wire !== BYTES) return MALFORMED
    const inner = new CheckedCursor(bytes, outer.start, outer.end)
    while (inner.next()) {
      if (inner.number === REJECTED && inner.wire === VARINT) rejected = inner.value
      if (inner.number === ERROR_MESSAGE && inner.wire === BYTES) {
        message = asBuffer(bytes).toString('utf8', inner.start, inner.end)
      }
    }
    if (inner.broken) return MALFORMED
  }
  return outer.broken ? MALFORMED : partialSuccess(rejected, message)
}

/** Walks fields that nobody has validated. Groups count as broken: no response has ever had one. */
class CheckedCursor {
  number = 0
  wire = 0
  /** Content of a length-delimited field. */
  start = 0
  end: number
  /** Of a varint, as signed 64-bit number rounded to a double. */
  value = 0
  broken = false
  readonly #bytes: Uint8Array
  readonly #limit: number
  #pos: number

  constructor(bytes: Uint8Array, start: number, limit: number) {
    this.#bytes = bytes
    this.#pos = start
    this.#limit = limit
    this.end = start
  }

  /** False at the end and at the first broken field. */
  next(): boolean {
    if (this.#pos >= this.#limit) return false
    const tag = this.#varint()
    this.number = Math.floor(tag / 8)
    this.wire = tag % 8
    if (this.number < 1 || this.number > 0x1fff_ffff) return this.#break()
    if (this.wire === VARINT) this.value = this.#varint()
    else if (this.wire === FIXED64) this.#pos += 8
    else if (this.wire === FIXED32) this.#pos += 4
    else if (this.wire !== BYTES) return this.#break()
    else {
      const length = this.#varint()
      this.start = this.#pos
      this.end = this.#pos += length < 0 ? Number.POSITIVE_INFINITY : length
    }
    return this.#pos <= this.#limit || this.#break()
  }

  #varint(): number {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.#pos >= this.#limit) break
      const byte = this.#bytes[this.#pos++]
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, value))
    }
    this.#pos = Number.POSITIVE_INFINITY
    return 0
  }

  #break(): false {
    this.broken = true
    return false
  }
}
