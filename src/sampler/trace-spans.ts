/**
 * One whole trace as numbers, side by side: all that scoring looks at. Filled from held bytes by the collector and from a
 * recording by the evaluation, so that both judge with the same code.
 */

/** Bits of `flags`. */
export const SPAN_ERROR = 1
/** Has an event named `exception`. */
export const SPAN_EXCEPTION = 2
/** HTTP status 5xx, or a gRPC status that says the server failed. */
export const SPAN_SERVER_FAULT = 4
/** HTTP status 4xx. */
export const SPAN_CLIENT_FAULT = 8
/** Names a parent that the trace does not hold. */
export const SPAN_ORPHAN = 16
/** Links to other traces. */
export const SPAN_LINKED = 32

/** Rows 0 to `count` - 1 are valid; the arrays are reused from trace to trace and may be longer. Order: any. */
export interface TraceSpans {
  readonly count: number
  /** Interned (tenant, service, span name, kind); dense from 0. */
  readonly operation: Int32Array
  /** Interned (tenant, service); dense from 0. */
  readonly service: Int32Array
  /** Row of the parent in this trace; -1: none, or not there. */
  readonly parent: Int32Array
  /** Microseconds since the trace's first start. */
  readonly start: Float64Array
  /** Microseconds, at least 0. */
  readonly duration: Float64Array
  readonly flags: Uint8Array
}
