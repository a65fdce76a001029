// The table-driven walk over the fields of any message, and beside it straight roads for the three messages that most bytes of
// a request are: Span, KeyValue and AnyValue. A straight road only ever accepts; whatever looks unusual goes to the table,
// which finds the same fault at the same place as the JavaScript twin.
import {
  addRow,
  DEPTH,
  fail,
  FIELD_ZERO,
  TRUNCATED,
  VARINT_OVERRUN,
  WIRE_TYPE,
} from './state'
import { ANY_VALUE, FIELD_TABLE, KEY_VALUE, MAX_DEPTH, SPAN } from './tables.generated'
import { checkUtf8, isAscii } from './text'
import { skipUnknown } from './unknown'
import { skipFixed, skipVarint, varintValue } from './varint'

const STRING: u32 = 1
const MESSAGE: u32 = 2
const PACKABLE: u32 = 32
// Wire type and content of an entry together.
const VARINT_SCALAR: u32 = 0 | (3 << 3)
const FIXED64_SCALAR: u32 = 1 | (3 << 3)
const TEXT: u32 = 2 | (STRING << 3)
const FREE_BYTES: u32 = 2

/** Checks all fields of one message. False after a fault. */
export function walk(message: i32, from: usize, end: usize, depth: i32): bool {
  const table = FIELD_TABLE + (<usize>message << 6)
  let p = from
  while (p < end) {
    const tag: u32 = load<u8>(p)
    // The entry's wire type and content in one comparison: known scalars and texts with one-byte tags and lengths.
    const entry: u32 = tag < 0x80 ? load<u16>(table + ((tag >> 3) << 1)) : 0
    if ((entry & 7) == (tag & 7)) {
      const content = entry & 31
      if (content == FIXED64_SCALAR) {
        if (end - p >= 9) { p += 9; continue }
      } else if (content == VARINT_SCALAR) {
        if (end - p >= 2 && load<u8>(p, 1) < 0x80) { p += 2; continue }
      } else if (content == TEXT || content == FREE_BYTES) {
        const length: u32 = load<u8>(p, 1)
        const stop = p + 2 + length
        if (fits(length, stop, end) && (content != TEXT || isAscii(p + 2, length))) { p = stop; continue }
      }
    }
    p = field(message, p, end, depth)
    if (!p) return false
  }
  return true
}

/** Checks the field at `tagAt` and returns the position behind it, or 0. */
function field(message: i32, tagAt: usize, end: usize, depth: i32): usize {
  let p = skipVarint(tagAt, end)
  if (!p) return 0
  const tag = varintValue(tagAt, p)
  if (tag < 8) return fail(FIELD_ZERO, tagAt)
  if (tag >= 256) {
    if (tag == u32.MAX_VALUE) return fail(VARINT_OVERRUN, tagAt)
    return skipUnknown(tag >> 3, tag & 7, tagAt, p, end, depth)
  }
  const entry: u32 = load<u16>(FIELD_TABLE + (((<u32>message << 5) + (tag >> 3)) << 1))
  const wireType = tag & 7
  if (entry == 0) return skipUnknown(tag >> 3, wireType, tagAt, p, end, depth)
  if (wireType != (entry & 7)) {
    if (wireType != 2 || !(entry & PACKABLE)) return fail(WIRE_TYPE, tagAt)
    return checkPacked(entry & 7, tagAt, p, end)
  }
  if (wireType == 2) return delimited(entry, tagAt, p, end, depth)
  if (wireType == 0) return skipVarint(p, end)
  return skipFixed(wireType == 1 ? 8 : 4, tagAt, p, end)
}

// @ts-ignore: decorator
@inline
function delimited(entry: u32, tagAt: usize, at: usize, end: usize, depth: i32): usize {
  const p = skipVarint(at, end)
  if (!p) return 0
  const length = varintValue(at, p)
  if (<usize>length > end - p) return fail(TRUNCATED, tagAt)
  const stop = p + <usize>length
  const content = (entry >> 3) & 3
  if (content == STRING) return isAscii(p, length) || checkUtf8(p, stop) ? stop : 0
  if (content != MESSAGE) return stop
  if (depth == MAX_DEPTH) return fail(DEPTH, tagAt)
  const level = <i32>((entry >> 6) & 7)
  if (level != 0 && !addRow(level - 1, tagAt, p, stop)) return 0
  const message = <i32>(entry >> 9)
  let valid: bool
  if (message == KEY_VALUE) valid = keyValue(p, stop, depth + 1)
  else if (message == SPAN) valid = span(p, stop, depth + 1)
  else valid = walk(message, p, stop, depth + 1)
  return valid ? stop : 0
}

function checkPacked(wireType: u32, tagAt: usize, at: usize, end: usize): usize {
  let p = skipVarint(at, end)
  if (!p) return 0
  const length = varintValue(at, p)
  if (<usize>length > end - p) return fail(TRUNCATED, tagAt)
  const stop = p + <usize>length
  if (wireType == 1) return length & 7 ? fail(TRUNCATED, tagAt) : stop
  if (wireType == 5) return length & 3 ? fail(TRUNCATED, tagAt) : stop
  while (p < stop) {
    p = skipVarint(p, stop)
    if (!p) return 0
  }
  return p
}

// A length below 0x80 that fits: the content ends at `stop`.
// @ts-ignore: decorator
@inline
function fits(length: u32, stop: usize, end: usize): bool {
  return length < 0x80 && stop <= end
}

/** Fields are tried in the order in which senders write them, so that branches are foretold. */
function span(from: usize, end: usize, depth: i32): bool {
  let p = from
  while (p < end) {
    let tag: u32 = load<u8>(p)
    let length: u32 = load<u8>(p, 1)
    let stop = p + 2 + length
    // trace_id 1, span_id 2, parent_span_id 4
    while (tag == 0x0a || tag == 0x12 || tag == 0x22) {
      if (!fits(length, stop, end)) break
      p = stop
      tag = load<u8>(p)
      length = load<u8>(p, 1)
      stop = p + 2 + length
    }
    // trace_state 3, name 5
    while ((tag == 0x2a || tag == 0x1a) && fits(length, stop, end) && isAscii(p + 2, length)) {
      p = stop
      tag = load<u8>(p)
      length = load<u8>(p, 1)
      stop = p + 2 + length
    }
    // kind 6
    if (tag == 0x30 && length < 0x80 && end - p >= 2) {
      p += 2
      tag = load<u8>(p)
    }
    // start 7, end 8
    while ((tag == 0x39 || tag == 0x41) && end - p >= 9) {
      p += 9
      tag = load<u8>(p)
    }
    // attributes 9
    while (tag == 0x4a) {
      length = load<u8>(p, 1)
      stop = p + 2 + length
      if (!fits(length, stop, end)) break
      if (!keyValue(p + 2, stop, depth + 1)) return false
      p = stop
      tag = load<u8>(p)
    }
    // status 15, empty; flags 16
    if (load<u16>(p) == 0x007a && end - p >= 2) p += 2
    if (load<u16>(p) == 0x0185 && end - p >= 6) p += 6
    if (p >= end) break
    p = field(SPAN, p, end, depth)
    if (!p) return false
  }
  return true
}

/** The usual shape, with one-byte lengths: `0a K key 12 V value`. */
function keyValue(from: usize, end: usize, depth: i32): bool {
  const key: u32 = load<u16>(from)
  const valueAt = from + 2 + (key >> 8)
  if ((key & 0x80ff) != 0x000a || valueAt + 2 > end) return walk(KEY_VALUE, from, end, depth)
  const value: u32 = load<u16>(valueAt)
  const stop = valueAt + 2 + (value >> 8)
  if ((value & 0x80ff) != 0x0012 || stop != end || depth == MAX_DEPTH) {
    return walk(KEY_VALUE, from, end, depth)
  }
  const kind: u32 = load<u16>(valueAt, 2)
  // Text that fills the value. Its tags and lengths are ASCII themselves, so one sweep tells both texts.
  if ((kind & 0x80ff) == 0x000a && valueAt + 4 + (kind >> 8) == end) {
    return isAscii(from, <u32>(end - from)) || walk(KEY_VALUE, from, end, depth)
  }
  if (!isAscii(from, <u32>(valueAt - from))) return walk(KEY_VALUE, from, end, depth)
  return walk(ANY_VALUE, valueAt + 2, end, depth + 1)
}
