// What a holder of spans has to know of each: one walk over its bytes, into a row of numbers. The bytes have been validated.
// The twin is src/sampler/assembly/span-reader.ts, the layout of a row stands in ../span-facts.ts.
import { longVarint, passVarint } from './pass'
import { rowsOf } from './state'

const SPAN_LEVEL: i32 = 2
const ROW_BYTES: usize = 96

// Byte offsets of the columns.
const SPAN_ID: usize = 16
const PARENT_ID: usize = 24
const START: usize = 32
const END: usize = 40
const FLAGS: usize = 48
const KIND: usize = 52
const NAME_FROM: usize = 56
const NAME_TO: usize = 60
const STATE_FROM: usize = 64
const STATE_TO: usize = 68
const TRACE_ID_LENGTH: usize = 72

const ERROR: u32 = 1
const EXCEPTION: u32 = 2
const SERVER_FAULT: u32 = 4
const CLIENT_FAULT: u32 = 8
const LINKED: u32 = 32
const RANDOM_ID: u32 = 1 << 10

/** Of W3C trace flags. */
const RANDOM_FLAG: u32 = 2
const STATUS_ERROR: u32 = 2
/** UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_SERVER_FAULTS: u32 = (1 << 2) | (1 << 4) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 15)
const MAX_GRPC_CODE: u32 = 16
const NO_CODE: u32 = u32.MAX_VALUE

const NO_KEY: i32 = 0
const HTTP: i32 = 1
const GRPC: i32 = 2

// "http.response.status_code", "http.status_code", "rpc.grpc.status_code", "exception" in words of eight and four bytes.
const HTTP_RES: u64 = 0x7365722e70747468
const PONSE_ST: u64 = 0x74732e65736e6f70
const ATUS_COD: u64 = 0x646f635f73757461
const HTTP_STA: u64 = 0x6174732e70747468
const TUS_CODE: u64 = 0x65646f635f737574
const RPC_GRPC: u64 = 0x637072672e637072
const DOT_STATUS: u64 = 0x5f7375746174732e
const CODE: u32 = 0x65646f63
const EXCEPTIO: u64 = 0x6f69747065637865

let base: usize = 0
let row: usize = 0
let flags: u32 = 0

/** Rows of the spans `first` to `last` - 1 of the request that was run last, which begins at `at`. */
export function readSpans(first: i32, last: i32, at: usize, out: usize): void {
  base = at
  row = out
  const rows = rowsOf(SPAN_LEVEL)
  for (let i = first; i < last; i++) {
    const span = rows + (<usize>i << 4)
    read(at + load<u32>(span, 4), at + load<u32>(span, 8))
    row += ROW_BYTES
  }
}

function read(from: usize, end: usize): void {
  const zeros = i64x2(0, 0)
  for (let at: usize = 0; at < ROW_BYTES; at += 16) v128.store(row + at, zeros)
  flags = 0
  let p = from
  while (p < end) {
    const tag: u32 = load<u8>(p)
    if (tag > 0x7f) p = otherField(p)
    else if ((tag & 7) == 2) {
      let length: u32 = load<u8>(p, 1)
      p += 2
      if (length > 0x7f) {
        length = <u32>longVarint(p - 1)
        p = passVarint(p - 1)
      }
      if (tag == 0x4a) attribute(p, p + length)
      else delimited(tag, p, length)
      p += length
    } else if ((tag & 7) == 1) {
      if (tag == 0x39) store<u64>(row, load<u64>(p, 1), START)
      else if (tag == 0x41) store<u64>(row, load<u64>(p, 1), END)
      p += 9
    } else {
      if (tag == 0x30) store<u32>(row, load<u8>(p, 1) & 0x7f, KIND)
      p = (tag & 7) == 5 ? p + 5 : passVarint(p + 1)
    }
  }
  store<u32>(row, flags, FLAGS)
}

function delimited(tag: u32, p: usize, length: u32): void {
  if (tag == 0x0a) {
    store<u32>(row, length, TRACE_ID_LENGTH)
    if (length != 16) return
    store<u32>(row, bswap(load<u32>(p)))
    store<u32>(row, bswap(load<u32>(p, 4)), 4)
    store<u32>(row, bswap(load<u32>(p, 8)), 8)
    store<u32>(row, bswap(load<u32>(p, 12)), 12)
  } else if (tag == 0x12) store<u64>(row, length == 8 ? load<u64>(p) : 0, SPAN_ID)
  else if (tag == 0x22) store<u64>(row, length == 8 ? load<u64>(p) : 0, PARENT_ID)
  else if (tag == 0x2a) {
    store<u32>(row, <u32>(p - base), NAME_FROM)
    store<u32>(row, <u32>(p - base) + length, NAME_TO)
  } else if (tag == 0x7a) status(p, p + length)
  else if (tag == 0x5a) event(p, p + length)
  else if (tag == 0x6a) flags |= LINKED
  else if (tag == 0x1a) {
    store<u32>(row, <u32>(p - base), STATE_FROM)
    store<u32>(row, <u32>(p - base) + length, STATE_TO)
  }
}

/** A field with a tag of several bytes; returns the position behind it. */
function otherField(p: usize): usize {
  const tag = <u32>longVarint(p)
  const value = passVarint(p)
  // fixed32 flags = 16
  if (tag == 0x85 && (load<u8>(value) & RANDOM_FLAG) != 0) flags |= RANDOM_ID
  return passValue(tag & 7, value)
}

function passValue(wire: u32, p: usize): usize {
  if (wire == 2) return passVarint(p) + <u32>longVarint(p)
  if (wire == 1) return p + 8
  if (wire == 5) return p + 4
  return passVarint(p)
}

function status(from: usize, end: usize): void {
  for (let p = from; p < end; ) {
    const tag = <u32>longVarint(p)
    p = passVarint(p)
    // The last one counts.
    if (tag == 0x18) flags = <u32>longVarint(p) == STATUS_ERROR ? flags | ERROR : flags & ~ERROR
    p = passValue(tag & 7, p)
  }
}

function event(from: usize, end: usize): void {
  let isException = false
  for (let p = from; p < end; ) {
    const tag = <u32>longVarint(p)
    p = passVarint(p)
    const next = passValue(tag & 7, p)
    if (tag == 0x12) {
      isException = next - p == 10 && load<u64>(p, 1) == EXCEPTIO && load<u8>(p, 9) == 0x6e
    }
    p = next
  }
  if (isException) flags |= EXCEPTION
}

// @ts-ignore: decorator
@inline
function attribute(p: usize, end: usize): void {
  const key: u32 = load<u8>(p, 1)
  // Most keys are told by their length.
  if (load<u8>(p) == 0x0a && key != 25 && key != 16 && key != 20 && key < 0x80) return
  usualAttribute(p, end)
}

function usualAttribute(from: usize, end: usize): void {
  const key: u32 = load<u8>(from, 1)
  const at = from + 2 + key
  // As all write it: the key, then the value.
  if (at + 1 < end && load<u8>(from) == 0x0a && key < 0x80 && load<u8>(at) == 0x12 && load<u8>(at, 1) < 0x80) {
    const kind = keyKind(from + 2, key)
    if (kind != NO_KEY) code(kind, at + 2, end)
  } else oddAttribute(from, end)
}

/** Fields in any order. */
function oddAttribute(from: usize, end: usize): void {
  let kind = NO_KEY
  let value = end
  let valueEnd = end
  for (let p = from; p < end; ) {
    const tag = <u32>longVarint(p)
    p = passVarint(p)
    const next = passValue(tag & 7, p)
    const content = (tag & 7) == 2 ? passVarint(p) : p
    if (tag == 0x0a) kind = keyKind(content, <u32>(next - content))
    else if (tag == 0x12) {
      value = content
      valueEnd = next
    }
    p = next
  }
  if (kind != NO_KEY) code(kind, value, valueEnd)
}

function keyKind(p: usize, length: u32): i32 {
  if (length == 25) {
    const begins = load<u64>(p) == HTTP_RES && load<u64>(p, 8) == PONSE_ST
    return begins && load<u64>(p, 16) == ATUS_COD && load<u8>(p, 24) == 0x65 ? HTTP : NO_KEY
  }
  if (length == 16) return load<u64>(p) == HTTP_STA && load<u64>(p, 8) == TUS_CODE ? HTTP : NO_KEY
  if (length != 20 || load<u64>(p) != RPC_GRPC) return NO_KEY
  return load<u64>(p, 8) == DOT_STATUS && load<u32>(p, 16) == CODE ? GRPC : NO_KEY
}

/** The value of a status attribute, a number or its digits. */
function code(kind: i32, from: usize, end: usize): void {
  if (from >= end) return
  const tag: u32 = load<u8>(from)
  let value = NO_CODE
  if (tag == 0x18) value = <u32>longVarint(from + 1)
  else if (tag == 0x0a) value = digits(from + 2, end)
  if (kind == GRPC) {
    if (value <= MAX_GRPC_CODE && ((GRPC_SERVER_FAULTS >> value) & 1) == 1) flags |= SERVER_FAULT
  } else if (value >= 500 && value < 600) flags |= SERVER_FAULT
  else if (value >= 400 && value < 500) flags |= CLIENT_FAULT
}

/** NO_CODE for what is no number of at most three digits. */
function digits(from: usize, end: usize): u32 {
  if (end <= from || end - from > 3) return NO_CODE
  let value: u32 = 0
  for (let p = from; p < end; p++) {
    const digit: u32 = load<u8>(p) ^ 0x30
    if (digit > 9) return NO_CODE
    value = value * 10 + digit
  }
  return value
}
