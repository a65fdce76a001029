/** The values that OTTL computes with, and how they are told apart. Values are immutable: an editor makes a changed copy. */

/**
 * | OTTL | here |
 * |---|---|
 * | nil | null |
 * | int64 | bigint within int64 |
 * | float64 | number |
 * | bytes | Uint8Array |
 * | trace id, span id, profile id | TraceId, SpanId, ProfileId: never equal to bytes, and without order |
 * | pcommon.Map | Map, in order of insertion |
 * | pcommon.Slice, []any | array |
 * | time.Time, time.Duration | Time, Duration |
 * | any other pdata message or slice (events, links, data points, ...) | OtlpMessage, OtlpList |
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | ValueMap
  | readonly Value[]
  | Time
  | Duration
  | OtlpMessage
  | OtlpList

export type ValueMap = ReadonlyMap<string, Value>

/** Zero bytes stand for an id that is not set. Most functions of bytes do not take ids: check for `Id` first. */
export abstract class Id extends Uint8Array {}
/** 16 bytes. */
export class TraceId extends Id {}
/** 8 bytes. */
export class SpanId extends Id {}
/** 16 bytes. */
export class ProfileId extends Id {}

export class Time {
  /** Nanoseconds since 1970; may be negative or beyond int64 (years 1 to 9999). */
  readonly unixNano: bigint
  /** IANA name or `±hh:mm`; matters only for printing and for calendar parts. */
  readonly zone: string

  constructor(unixNano: bigint, zone = 'UTC') {
    this.unixNano = unixNano
    this.zone = zone
  }
}

export class Duration {
  readonly nanos: bigint

  constructor(nanos: bigint) {
    this.nanos = nanos
  }
}

/** One encoded message of `otlp/schema.ts`. */
export class OtlpMessage {
  readonly type: string
  readonly bytes: Uint8Array

  constructor(type: string, bytes: Uint8Array) {
    this.type = type
    this.bytes = bytes
  }
}

/** A repeated field's messages. */
export class OtlpList {
  readonly type: string
  readonly items: readonly Uint8Array[]

  constructor(type: string, items: readonly Uint8Array[]) {
    this.type = type
    this.items = items
  }
}

export function isMap(value: Value): value is ValueMap {
  return value instanceof Map
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

/** For messages: what OTTL calls the type of a value. */
export function typeName(value: Value): string {
  if (value === null) return 'nil'
  if (typeof value === 'bigint') return 'int64'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  if (value instanceof TraceId) return 'pcommon.TraceID'
  if (value instanceof SpanId) return 'pcommon.SpanID'
  if (value instanceof ProfileId) return 'pprofile.ProfileID'
  if (value instanceof Uint8Array) return '[]byte'
  if (value instanceof Map) return 'map'
  if (value instanceof Time) return 'time'
  if (value instanceof Duration) return 'duration'
  if (value instanceof OtlpMessage || value instanceof OtlpList) return value.type
  return 'list'
}

/** Messages quote values, which may be long. */
const MAX_MESSAGE = 1_000

/** An expression failed on one item; what happens next is the set's error_mode. */
export class EvaluationError extends Error {
  constructor(message: string) {
    // There may be one for each item, and taking a stack costs more than the evaluation itself.
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)} …` : message)
    Error.stackTraceLimit = limit
    this.name = 'EvaluationError'
  }
}
