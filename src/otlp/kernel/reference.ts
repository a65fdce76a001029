/**
 * The JavaScript twin of the kernel: the reference in property tests, and the fallback where WebAssembly SIMD is absent. Driven by
 * the table alone; same checks in the same order as `assembly/walk.ts`, so fault and offset agree on every input.
 *
 * Plain functions over module state: a run never waits, so runs never interleave, and positions stay in registers. A
 * position of 0 means that a fault was noted: no field ends at 0.
 */
import {
  END,
  levelCount,
  MAX_DEPTH,
  MAX_ROWS,
  PARENT,
  type RequestIndex,
  ROW,
  START,
  TAG,
  type WireFault,
} from '../request-index.ts'
import type { Signal } from '../signal.ts'
import {
  CONTENT_MESSAGE,
  CONTENT_SHIFT,
  CONTENT_STRING,
  FIELD_TABLE,
  FIELDS_PER_MESSAGE,
  LEVEL_SHIFT,
  MESSAGE_SHIFT,
  PACKABLE,
  ROOT_MESSAGE,
} from './field-tables.ts'

type Fault = WireFault['fault']

/** 2^32 - 1 as a signed number. It has wire type 7, so it is no tag that anything could follow. */
const OVERRUN = -1
const TOO_LONG = 0x7fff_ffff

/** Numbers of a level that a run begins with room for: 16 rows. */
const FIRST_ROOM = 64
const NOTHING = new DataView(new ArrayBuffer(0))
let view: DataView = NOTHING
/** Rows of each level, with room for more, and how many numbers of each count. */
let rows: Int32Array[] = []
const filled = [0, 0, 0, 0, 0]
let fault: Fault = 'truncated'
let faultOffset = 0

export function indexRequestReference(
  signal: Signal,
  request: Uint8Array,
): RequestIndex | WireFault {
  const count = levelCount(signal)
  rows = Array.from({ length: count }, () => new Int32Array(FIRST_ROOM))
  filled.fill(0)
  view = new DataView(request.buffer, request.byteOffset, request.length)
  const valid = walk(request, ROOT_MESSAGE[signal], 0, request.length, 0)
  const levels = valid ? rows.map((numbers, level) => numbers.slice(0, filled[level])) : []
  view = NOTHING
  rows = []
  if (!valid) return { fault, offset: faultOffset }
  return { signal, levels, items: levels[count - 1].length / ROW }
}

// hot: bench/micro/validate.ts
function walk(
  bytes: Uint8Array,
  message: number,
  from: number,
  end: number,
  depth: number,
): boolean {
  const table = message * FIELDS_PER_MESSAGE
  let p = from
  while (p < end) {
    const tagAt = p
    p = skipVarint(bytes, p, end)
    if (p === 0) return false
    const tag = tagValue(bytes, tagAt, p)
    if (tag === OVERRUN) return fail('varint_overrun', tagAt) > 0
    const field = tag >>> 3
    if (field === 0) return fail('field_zero', tagAt) > 0
    const wireType = tag & 7
    const entry = field < FIELDS_PER_MESSAGE ? FIELD_TABLE[table + field] : 0
    if (entry === 0) p = skipUnknown(bytes, field, wireType, tagAt, p, end, depth)
    else if (wireType !== (entry & 7)) p = checkPacked(bytes, entry, wireType, tagAt, p, end)
    else if (wireType === 2) p = delimited(bytes, entry, tagAt, p, end, depth)
    else if (wireType === 0) p = skipVarint(bytes, p, end)
    else p = skipFixed(wireType === 1 ? 8 : 4, tagAt, p, end)
    if (p === 0) return false
  }
  return true
}

function delimited(
  bytes: Uint8Array,
  entry: number,
  tagAt: number,
  at: number,
  end: number,
  depth: number,
): number {
  const p = skipVarint(bytes, at, end)
  if (p === 0) return 0
  const length = lengthValue(bytes, at, p)
  if (length > end - p) return fail('truncated', tagAt)
  const stop = p + length
  const content = (entry >> CONTENT_SHIFT) & 3
  if (content === CONTENT_STRING) return checkUtf8(bytes, p, stop) ? stop : 0
  if (content !== CONTENT_MESSAGE) return stop
  if (depth === MAX_DEPTH) return fail('depth', tagAt)
  const level = (entry >> LEVEL_SHIFT) & 7
  if (level > 0 && !addRow(level - 1, tagAt, p, stop)) return 0
  return walk(bytes, entry >> MESSAGE_SHIFT, p, stop, depth + 1) ? stop : 0
}

function addRow(level: number, tag: number, start: number, end: number): boolean {
  const at = filled[level]
  if (at === rows[level].length && !widen(level)) return fail('too_many_items', tag) > 0
  const numbers = rows[level]
  numbers[at + TAG] = tag
  numbers[at + START] = start
  numbers[at + END] = end
  numbers[at + PARENT] = level === 0 ? 0 : filled[level - 1] / ROW - 1
  filled[level] = at + ROW
  return true
}

function widen(level: number): boolean {
  const narrow = rows[level]
  if (narrow.length === MAX_ROWS * ROW) return false
  rows[level] = new Int32Array(Math.min(narrow.length * 4, MAX_ROWS * ROW))
  rows[level].set(narrow)
  return true
}

/** A known field with another wire type than its own: legal only for a packed list of scalars. */
function checkPacked(
  bytes: Uint8Array,
  entry: number,
  wireType: number,
  tagAt: number,
  at: number,
  end: number,
): number {
  if (wireType !== 2 || (entry & PACKABLE) === 0) return fail('wire_type', tagAt)
  let p = skipVarint(bytes, at, end)
  if (p === 0) return 0
  const length = lengthValue(bytes, at, p)
  if (length > end - p) return fail('truncated', tagAt)
  const stop = p + length
  const element = entry & 7
  if (element !== 0) {
    return length % (element === 1 ? 8 : 4) === 0 ? stop : fail('truncated', tagAt)
  }
  while (p < stop) {
    p = skipVarint(bytes, p, stop)
    if (p === 0) return 0
  }
  return p
}

function skipUnknown(
  bytes: Uint8Array,
  field: number,
  wireType: number,
  tagAt: number,
  at: number,
  end: number,
  depth: number,
): number {
  if (wireType === 0) return skipVarint(bytes, at, end)
  if (wireType === 1) return skipFixed(8, tagAt, at, end)
  if (wireType === 5) return skipFixed(4, tagAt, at, end)
  if (wireType === 3) return skipGroup(bytes, field, tagAt, at, end, depth)
  if (wireType !== 2) return fail(wireType === 4 ? 'group' : 'wire_type', tagAt)
  const p = skipVarint(bytes, at, end)
  if (p === 0) return 0
  const length = lengthValue(bytes, at, p)
  return length > end - p ? fail('truncated', tagAt) : p + length
}

/** Position behind the matching end tag. */
function skipGroup(
  bytes: Uint8Array,
  group: number,
  groupAt: number,
  at: number,
  end: number,
  depth: number,
): number {
  if (depth === MAX_DEPTH) return fail('depth', groupAt)
  let p = at
  while (p < end) {
    const tagAt = p
    p = skipVarint(bytes, p, end)
    if (p === 0) return 0
    const tag = tagValue(bytes, tagAt, p)
    if (tag === OVERRUN) return fail('varint_overrun', tagAt)
    const field = tag >>> 3
    if (field === 0) return fail('field_zero', tagAt)
    if ((tag & 7) === 4) return field === group ? p : fail('group', tagAt)
    p = skipUnknown(bytes, field, tag & 7, tagAt, p, end, depth + 1)
    if (p === 0) return 0
  }
  return fail('group', groupAt)
}

function skipFixed(size: number, tagAt: number, p: number, end: number): number {
  return end - p < size ? fail('truncated', tagAt) : p + size
}

function skipVarint(bytes: Uint8Array, at: number, end: number): number {
  return at < end && bytes[at] < 0x80 ? at + 1 : skipLongVarint(bytes, at, end)
}

function skipLongVarint(bytes: Uint8Array, at: number, end: number): number {
  for (let i = 0; i < 10; i++) {
    if (at + i >= end) return fail('truncated', at)
    const b = bytes[at + i]
    if (b < 0x80) return i === 9 && b > 1 ? fail('varint_overrun', at) : at + i + 1
  }
  return fail('varint_overrun', at)
}

/** A tag that `skipVarint` has passed, as a signed 32-bit number; OVERRUN when it does not fit in 32 bits. */
function tagValue(bytes: Uint8Array, at: number, behind: number): number {
  return behind - at === 1 ? bytes[at] : longValue(bytes, at, behind) | 0
}

/** A length that `skipVarint` has passed, or a number that is larger than any request. */
function lengthValue(bytes: Uint8Array, at: number, behind: number): number {
  if (behind - at === 1) return bytes[at]
  return Math.min(longValue(bytes, at, behind), TOO_LONG) | 0
}

/** Inexact above 2^53; all from 2^32 - 1 on is the same. */
function longValue(bytes: Uint8Array, at: number, behind: number): number {
  let value = 0
  for (let p = behind - 1; p >= at; p--) value = value * 128 + (bytes[p] & 0x7f)
  return Math.min(value, 0xffff_ffff)
}

/** RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
function checkUtf8(bytes: Uint8Array, from: number, end: number): boolean {
  let p = from
  while (p < end) {
    const b = bytes[p]
    if (b < 0x80) {
      p += end - p >= 8 && isAscii8(p) ? 8 : 1
      continue
    }
    const size = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2
    if (b < 0xc2 || b > 0xf4 || end - p < size) return fail('utf8', p) > 0
    const least = b === 0xe0 ? 0xa0 : b === 0xf0 ? 0x90 : 0x80
    const most = b === 0xed ? 0x9f : b === 0xf4 ? 0x8f : 0xbf
    if (bytes[p + 1] < least || bytes[p + 1] > most) return fail('utf8', p) > 0
    for (let i = 2; i < size; i++) {
      if ((bytes[p + i] & 0xc0) !== 0x80) return fail('utf8', p) > 0
    }
    p += size
  }
  return true
}

/** Whether the next 8 bytes are ASCII: two loads where a loop over bytes takes eight. */
function isAscii8(at: number): boolean {
  return ((view.getInt32(at, true) | view.getInt32(at + 4, true)) & 0x8080_8080) === 0
}

function fail(code: Fault, offset: number): number {
  fault = code
  faultOffset = offset
  return 0
}
