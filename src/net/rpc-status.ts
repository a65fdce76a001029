/**
 * google.rpc.Status as bytes and as JSON, with RetryInfo, BadRequest and ErrorInfo among its details; protobufjs's plain reader
 * and writer suffice for five small messages. Off the hot path: only answers that say no carry one.
 *
 * ```
 * Status    { 1: code int32, 2: message, 3: details Any* }     Any       { 1: type_url, 2: value }
 * RetryInfo { 1: Duration { 1: seconds int64, 2: nanos int32 } }
 * BadRequest{ 1: FieldViolation* { 1: field, 2: description } }
 * ErrorInfo { 1: reason, 2: domain }
 * ```
 */
import protobuf from 'protobufjs/minimal.js'
import type { FieldViolation, RpcStatus } from './status.ts'

const { Reader, Writer } = protobuf

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest'
const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo'
/** Whose reasons they are. */
const DOMAIN = 'millrace'
const LENGTH_DELIMITED = 2

export function encodeStatus(status: RpcStatus): Uint8Array {
  const writer = Writer.create()
  if (status.code !== 0) writer.uint32(8).int32(status.code)
  if (status.message !== '') writer.uint32(18).string(status.message)
  if (status.retryDelayMs !== undefined) {
    writeAny(writer, RETRY_INFO, encodeRetryInfo(status.retryDelayMs))
  }
  if (status.violations !== undefined) {
    writeAny(writer, BAD_REQUEST, encodeBadRequest(status.violations))
  }
  if (status.reason !== undefined) {
    writeAny(writer, ERROR_INFO, encodeErrorInfo(status.reason))
  }
  return writer.finish()
}

function encodeErrorInfo(reason: string): Uint8Array {
  return Writer.create().uint32(10).string(reason).uint32(18).string(DOMAIN).finish()
}

function writeAny(writer: protobuf.Writer, type: string, value: Uint8Array): void {
  writer.uint32(26).fork().uint32(10).string(type).uint32(18).bytes(value).ldelim()
}

function encodeRetryInfo(ms: number): Uint8Array {
  const seconds = Math.floor(ms / 1000)
  const nanos = Math.round((ms - seconds * 1000) * 1e6)
  const writer = Writer.create().uint32(10).fork()
  if (seconds !== 0) writer.uint32(8).int64(seconds)
  if (nanos !== 0) writer.uint32(16).int32(nanos)
  return writer.ldelim().finish()
}

function encodeBadRequest(violations: readonly FieldViolation[]): Uint8Array {
  const writer = Writer.create()
  for (const { field, description } of violations) {
    writer.uint32(10).fork().uint32(10).string(field).uint32(18).string(description).ldelim()
  }
  return writer.finish()
}

/** Undefined if the bytes are no Status. Details of other types are passed over. */
export function decodeStatus(bytes: Uint8Array): RpcStatus | undefined {
  try {
    return readStatus(bytes)
  } catch {
    return undefined
  }
}

/** Calls `visit` with each field; it reads the field or answers false to have it skipped. */
function readFields(
  bytes: Uint8Array,
  visit: (field: number, reader: protobuf.Reader, delimited: boolean) => boolean,
): void {
  const reader = Reader.create(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (!visit(tag >>> 3, reader, (tag & 7) === LENGTH_DELIMITED)) reader.skipType(tag & 7)
  }
}

function readStatus(bytes: Uint8Array): RpcStatus {
  let code = 0
  let message = ''
  let details: Details = {}
  readFields(bytes, (field, reader, delimited) => {
    if (field === 1 && !delimited) code = reader.int32()
    else if (field === 2 && delimited) message = reader.string()
    else if (field === 3 && delimited) details = { ...details, ...readAny(reader.bytes()) }
    else return false
    return true
  })
  return { code, message, ...details }
}

type Details = Pick<RpcStatus, 'retryDelayMs' | 'violations' | 'reason'>

function readAny(bytes: Uint8Array): Details {
  let type = ''
  let value: Uint8Array = new Uint8Array(0)
  readFields(bytes, (field, reader, delimited) => {
    if (field === 1 && delimited) type = reader.string()
    else if (field === 2 && delimited) value = reader.bytes()
    else return false
    return true
  })
  if (type.endsWith('/google.rpc.RetryInfo')) return { retryDelayMs: readRetryInfo(value) }
  if (type.endsWith('/google.rpc.BadRequest')) return { violations: readBadRequest(value) }
  if (type.endsWith('/google.rpc.ErrorInfo')) return { reason: readReason(value) }
  return {}
}

function readReason(bytes: Uint8Array): string {
  let reason = ''
  readFields(bytes, (field, reader, delimited) => {
    if (field !== 1 || !delimited) return false
    reason = reader.string()
    return true
  })
  return reason
}

function readRetryInfo(bytes: Uint8Array): number {
  let ms = 0
  readFields(bytes, (field, reader, delimited) => {
    if (field !== 1 || !delimited) return false
    ms = readDuration(reader.bytes())
    return true
  })
  return ms
}

function readDuration(bytes: Uint8Array): number {
  let ms = 0
  readFields(bytes, (field, reader, delimited) => {
    if (field === 1 && !delimited) ms += Number(reader.int64()) * 1000
    else if (field === 2 && !delimited) ms += reader.int32() / 1e6
    else return false
    return true
  })
  return Math.max(0, ms)
}

function readBadRequest(bytes: Uint8Array): FieldViolation[] {
  const violations: FieldViolation[] = []
  readFields(bytes, (field, reader, delimited) => {
    if (field !== 1 || !delimited) return false
    const violation = { field: '', description: '' }
    readFields(reader.bytes(), (inner, part, text) => {
      if (inner === 1 && text) violation.field = part.string()
      else if (inner === 2 && text) violation.description = part.string()
      else return false
      return true
    })
    violations.push(violation)
    return true
  })
  return violations
}

/** protojson of the same message. */
export function encodeStatusJson(status: RpcStatus): string {
  const details: object[] = []
  if (status.retryDelayMs !== undefined) {
    details.push({ '@type': RETRY_INFO, retryDelay: `${status.retryDelayMs / 1000}s` })
  }
  if (status.violations !== undefined) {
    details.push({ '@type': BAD_REQUEST, fieldViolations: status.violations })
  }
  if (status.reason !== undefined) {
    details.push({ '@type': ERROR_INFO, reason: status.reason, domain: DOMAIN })
  }
  return JSON.stringify({
    ...(status.code !== 0 && { code: status.code }),
    message: status.message,
    ...(details.length > 0 && { details }),
  })
}

/** Undefined if the text is no Status. */
export function decodeStatusJson(text: string): RpcStatus | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { code, message, details } = value as Record<string, unknown>
  const parts = Array.isArray(details) ? details.map(readDetailJson) : []
  return {
    code: typeof code === 'number' ? code : 0,
    message: typeof message === 'string' ? message : '',
    ...Object.assign({}, ...parts),
  }
}

function readDetailJson(detail: unknown): Details {
  if (typeof detail !== 'object' || detail === null) return {}
  const { '@type': type, retryDelay, fieldViolations, reason } = detail as Record<string, unknown>
  if (type === RETRY_INFO && typeof retryDelay === 'string' && /^\d+(\.\d+)?s$/.test(retryDelay)) {
    // Nanoseconds are the unit of the wire; rounding to them undoes binary fractions.
    return { retryDelayMs: Math.round(Number(retryDelay.slice(0, -1)) * 1e9) / 1e6 }
  }
  if (type === BAD_REQUEST && Array.isArray(fieldViolations)) {
    const violations = fieldViolations.map(v => ({
      field: String(v?.field ?? ''),
      description: String(v?.description ?? ''),
    }))
    return { violations }
  }
  if (type === ERROR_INFO && typeof reason === 'string') return { reason }
  return {}
}

/** Value of the `grpc-status-details-bin` trailer: base64 without padding, as most peers write it. */
export function encodeStatusDetails(status: RpcStatus): string {
  return Buffer.from(encodeStatus(status)).toString('base64').replace(/=+$/, '')
}

/** Padding is optional; undefined if it is not a Status. */
export function decodeStatusDetails(header: string): RpcStatus | undefined {
  return decodeStatus(Buffer.from(header, 'base64'))
}
