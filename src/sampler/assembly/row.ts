/**
 * One span in the index: a row of words at the end of the slab in which its bytes stand.
 *
 * ```
 * row number = slab << ROW_BITS | row in the slab      word 0..14 = columns below
 * ```
 */

/** Columns. Ids are the eight bytes as they come, low word first; nanoseconds likewise. */
export const NEXT = 0
/** Where the span's field begins in the slab, tag and length included. */
export const OFFSET = 1
/** Of the whole field; 0 = the span is gone. */
export const LENGTH = 2
/** From the field's begin to the span's content. */
export const PREFIX = 3
export const ENVELOPE = 4
export const SPAN_LOW = 5
export const SPAN_HIGH = 6
export const PARENT_LOW = 7
export const PARENT_HIGH = 8
export const START_LOW = 9
export const START_HIGH = 10
export const DURATION_LOW = 11
export const DURATION_HIGH = 12
export const OPERATION = 13
/** Handle of the trace. */
export const TRACE = 14
/** Flags in the low half, importance in the high half. */
export const BITS = 15
export const ROW_WORDS = 16
export const ROW_BYTES = ROW_WORDS * 4

/** Beside the `SPAN_...` flags in BITS. */
export const ROW_ROOT = 1 << 8
export const ROW_TRACE_STATE = 1 << 9
export const ROW_RANDOM_ID = 1 << 10
export const SPAN_FLAGS = 0xff
export const IMPORTANCE_SHIFT = 16

export const ROW_BITS = 14
export const ROW_MASK = (1 << ROW_BITS) - 1

/** A double from halves of an unsigned 64-bit number; exact below 2^53. */
export function toDouble(low: number, high: number): number {
  return (high >>> 0) * 0x1_0000_0000 + (low >>> 0)
}
