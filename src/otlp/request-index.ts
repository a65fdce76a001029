/**
 * What one validating pass over an OTLP export request learns: where every group and item begins and
 * ends. Positions only; no value is decoded.
 *
 * ```
 * traces, logs : ResourceX > ScopeX > item
 * metrics      : ResourceMetrics > ScopeMetrics > Metric > data (gauge, sum, ...) > point
 *
 *   tag len | content ............ |        one row = [ tag, start, end, parent ]
 *   ^tag      ^start               ^end     parent = row number in the level above, 0 at the top
 * ```
 */
import type { Signal } from './signal.ts'

/** Columns of one row. */
export const ROW = 4
export const TAG = 0
export const START = 1
export const END = 2
export const PARENT = 3

/** Most rows that one level may have; a request with more is refused as `too_many_items`. */
export const MAX_ROWS = 4_194_304

/** Deepest nesting of messages below the request that is accepted (AnyValue nests without bound otherwise). */
export const MAX_DEPTH = 100

export interface RequestIndex {
  readonly signal: Signal
  /**
   * Outermost level first; `levels[levels.length - 1]` are the items. Rows are in document order and the
   * children of one parent are consecutive... except where a sender interleaves groups, which protobuf allows.
   */
  readonly levels: readonly Int32Array[]
  /** Spans, log records or data points. */
  readonly items: number
}

/** Why a request is not valid OTLP; `offset` is the byte at which the fault was noticed. */
export interface WireFault {
  readonly fault:
    | 'truncated' // a length or fixed value runs past the end of its message
    | 'varint_overrun' // more than 10 bytes, or more than 64 bits
    | 'field_zero' // field number 0
    | 'wire_type' // a known field has another wire type, or wire type 6 or 7
    | 'group' // an unbalanced or too deep group (wire types 3 and 4)
    | 'depth' // messages nested deeper than MAX_DEPTH
    | 'utf8' // a string field is not valid UTF-8
    | 'too_many_items' // more than MAX_ROWS rows in one level
  readonly offset: number
}

export function isWireFault(x: RequestIndex | WireFault): x is WireFault {
  return 'fault' in x
}

/** Number of levels for a signal: 3, or 5 for metrics. */
export function levelCount(signal: Signal): number {
  return signal === 'metrics' ? 5 : 3
}
