/**
 * What a status is called on the wire: gRPC codes, HTTP statuses, delays. One place says how an outcome is answered, so
 * that both transports agree (OTLP specification, "Failures" and "OTLP/HTTP response").
 */
import type { BusyCause, Outcome, RefusalCode } from '../core/outcome.ts'

/** gRPC status codes. */
export const GRPC = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

export type GrpcCode = (typeof GRPC)[keyof typeof GRPC]

const CODE_NAMES = Object.keys(GRPC)

/** "UNAVAILABLE" for 14; "CODE_99" for what no one has defined. */
export function grpcCodeName(code: number): string {
  return CODE_NAMES[code] ?? `CODE_${code}`
}

export interface FieldViolation {
  /** Path of the field or, for undecodable bytes, where in the request the fault is. */
  readonly field: string
  readonly description: string
}

/** google.rpc.Status with the two kinds of details that OTLP uses, and a reason. */
export interface RpcStatus {
  readonly code: number
  readonly message: string
  /** RetryInfo; 0 means at once. */
  readonly retryDelayMs?: number
  /** BadRequest. */
  readonly violations?: readonly FieldViolation[]
  /** ErrorInfo: a short word for programs. */
  readonly reason?: string
  /** Status for HTTP where it does not follow from the code (413). */
  readonly http?: number
}

const REFUSAL_STATUS: Readonly<Record<RefusalCode, { code: GrpcCode; http?: number }>> = {
  bad_data: { code: GRPC.INVALID_ARGUMENT },
  too_large: { code: GRPC.RESOURCE_EXHAUSTED, http: 413 },
  unauthenticated: { code: GRPC.UNAUTHENTICATED },
  permission_denied: { code: GRPC.PERMISSION_DENIED },
  unimplemented: { code: GRPC.UNIMPLEMENTED },
  rejected: { code: GRPC.INTERNAL },
}

const BUSY_MESSAGE: Readonly<Record<BusyCause, string>> = {
  overloaded: 'the collector is overloaded, try again later',
  quota: 'this sender has used up its quota, try again later',
  disk_share: 'this tenant has its share of the disk in use, try again later',
  unavailable: 'the collector cannot take data now, try again later',
}

/** How to answer an outcome that is not `accepted`. */
export function statusOfOutcome(outcome: Exclude<Outcome, { kind: 'accepted' }>): RpcStatus {
  if (outcome.kind === 'busy') {
    const { cause, retryAfterMs: retryDelayMs } = outcome
    const message = BUSY_MESSAGE[cause]
    if (cause === 'disk_share') {
      return { code: GRPC.RESOURCE_EXHAUSTED, message, reason: cause, retryDelayMs }
    }
    const code = cause === 'quota' ? GRPC.RESOURCE_EXHAUSTED : GRPC.UNAVAILABLE
    return { code, message, retryDelayMs }
  }
  return { ...REFUSAL_STATUS[outcome.why], message: outcome.message }
}

/** As the Go collector maps them. */
export function httpStatusOf(status: RpcStatus): number {
  if (status.http !== undefined) return status.http
  switch (status.code) {
    case GRPC.OK:
      return 200
    case GRPC.CANCELLED:
    case GRPC.DEADLINE_EXCEEDED:
    case GRPC.ABORTED:
    case GRPC.OUT_OF_RANGE:
    case GRPC.UNAVAILABLE:
    case GRPC.DATA_LOSS:
      return 503
    case GRPC.RESOURCE_EXHAUSTED:
      return 429
    case GRPC.INVALID_ARGUMENT:
      return 400
    case GRPC.UNAUTHENTICATED:
      return 401
    case GRPC.PERMISSION_DENIED:
      return 403
    case GRPC.UNIMPLEMENTED:
      return 404
    default:
      return 500
  }
}

/**
 * Whether a client may send the same data again. RESOURCE_EXHAUSTED is in: the specification lets clients give up
 * there when the server names no delay, and then loses what a quota will let through a second later.
 */
export function isRetryableGrpc(code: number): boolean {
  switch (code) {
    case GRPC.CANCELLED:
    case GRPC.DEADLINE_EXCEEDED:
    case GRPC.RESOURCE_EXHAUSTED:
    case GRPC.ABORTED:
    case GRPC.OUT_OF_RANGE:
    case GRPC.UNAVAILABLE:
    case GRPC.DATA_LOSS:
      return true
    default:
      return false
  }
}

export function isRetryableHttp(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504
}

/** Whole seconds for a Retry-After header, rounded up. */
export function retryAfterSeconds(ms: number): number {
  return Math.ceil(ms / 1000)
}

/** Longest delay that is believed; what is beyond is a fault of the peer's. */
const MAX_RETRY_AFTER_MS = 24 * 3600_000

/** Milliseconds to wait by a Retry-After header, in seconds or an HTTP date; undefined if it is neither. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,12}$/.test(text)) return Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS)
  if (!/^[A-Z][a-z]{2}/.test(text)) return undefined
  const at = Date.parse(text)
  if (Number.isNaN(at)) return undefined
  return Math.min(Math.max(0, at - nowMs), MAX_RETRY_AFTER_MS)
}

const TIMEOUT_UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}

/** Milliseconds of a `grpc-timeout` header: at most 8 digits and a unit; undefined if it is not one. */
export function parseGrpcTimeout(text: string): number | undefined {
  const unit = TIMEOUT_UNIT_MS[text.slice(-1)]
  if (unit === undefined || !/^\d{1,8}[HMSmun]$/.test(text)) return undefined
  return Number(text.slice(0, -1)) * unit
}

/** The `grpc-timeout` header for a time: milliseconds while they fit 8 digits. */
export function formatGrpcTimeout(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms))
  return whole <= 99_999_999 ? `${whole}m` : `${Math.min(Math.ceil(whole / 1000), 99_999_999)}S`
}

const MESSAGE_PLAIN = /^[\x20-\x24\x26-\x7e]*$/

/** `grpc-message`: everything but printable ASCII, and the percent sign itself, as %XX of its UTF-8 bytes. */
export function encodeGrpcMessage(text: string): string {
  if (MESSAGE_PLAIN.test(text)) return text
  let out = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    out += plain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}

/** Never fails: what is not a valid escape stays as it is. */
export function decodeGrpcMessage(text: string): string {
  if (!text.includes('%')) return text
  const bytes = Buffer.from(text, 'utf8')
  const out = Buffer.alloc(bytes.length)
  let length = 0
  for (let i = 0; i < bytes.length; i++) {
    const value = bytes[i] === 0x25 ? Number.parseInt(hexPair(bytes, i + 1), 16) : Number.NaN
    if (Number.isNaN(value)) out[length++] = bytes[i]
    else {
      out[length++] = value
      i += 2
    }
  }
  return out.toString('utf8', 0, length)
}

function hexPair(bytes: Buffer, at: number): string {
  const pair = bytes.toString('latin1', at, at + 2)
  return /^[0-9a-fA-F]{2}$/.test(pair) ? pair : ''
}
