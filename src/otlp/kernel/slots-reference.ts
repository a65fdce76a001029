/**
 * The JavaScript twin of the slot scanner: the reference of its property tests, the fallback where WebAssembly is absent, and
 * the way for rows that are too large to be copied into the kernel. Same steps in the same order as `assembly/slots.ts`.
 *
 * Plain functions over module state, as a scan never waits.
 */
import { FIXED32, FIXED64, BYTES as LENGTH, skipValue, skipVarint, VARINT } from '../wire-reader.ts'
import {
  ARRAY,
  BOOL,
  BUCKET,
  BYTES,
  DOUBLE,
  EMPTY,
  hashKey,
  hashText,
  INFO_HASH,
  INT,
  LITERAL_SHIFT,
  MAP,
  OP_ANY,
  OP_BITS,
  OP_BOOL,
  OP_BYTES,
  OP_DOUBLE,
  OP_FIXED32,
  OP_FIXED64,
  OP_INT32,
  OP_KEYS,
  OP_NODE,
  OP_SINT32,
  OP_TEXT,
  OP_UINT32,
  OP_VARINT,
  ROW_WORDS,
  SLOT,
  TEXT,
} from './slot-layout.ts'
import type { SlotTable } from './slot-table.ts'

const OP_MASK = (1 << OP_BITS) - 1
const NOTHING = new Uint8Array(0)
const NO_WORDS = new Int32Array(0)

let bytes: Uint8Array = NOTHING
let table: Uint8Array = NOTHING
let words: Int32Array = NO_WORDS
let out: Int32Array = NO_WORDS
/** First word of the row at hand. */
let row = 0
/** Halves of the varint or fixed64 that was read last. */
let low = 0
let high = 0

/** `rows` holds start, end and root node of each row; `slots` receives their slots. */
export function scanReference(
  wanted: SlotTable,
  request: Uint8Array,
  rows: Int32Array,
  slots: Int32Array,
): void {
  bytes = request
  table = wanted.bytes
  words = wanted.words
  out = slots
  row = 0
  const size = wanted.slots * SLOT
  out.fill(0, 0, size * (rows.length / ROW_WORDS))
  for (let r = 0; r < rows.length; r += ROW_WORDS) {
    walk(rows[r + 2], rows[r], rows[r + 1])
    row += size
  }
  bytes = NOTHING
  table = NOTHING
  words = NO_WORDS
  out = NO_WORDS
}

// hot: bench/micro/predicates.ts
function walk(node: number, from: number, end: number): void {
  let p = from
  while (p < end) {
    const tag = readVarint(p)
    p = skipVarint(bytes, p)
    const action = tag >>> 0 < 256 ? words[(node >>> 2) + (tag >>> 3)] : 0
    const wire = tag & 7
    if (wire === LENGTH) {
      const length = readVarint(p) >>> 0
      p = skipVarint(bytes, p)
      if (length > end - p) return
      if (action !== 0) delimited(action, p, p + length)
      p += length
    } else {
      if (action !== 0) scalar(action, wire, p)
      p = skipValue(bytes, p, wire, end)
    }
  }
}

function delimited(action: number, p: number, stop: number): void {
  const op = action & OP_MASK
  const rest = action >>> OP_BITS
  if (op === OP_KEYS) keyValue(rest, p, stop)
  else if (op === OP_TEXT) putText(rest, p, stop)
  else if (op === OP_BYTES) put(rest, BYTES, p, stop - p)
  else if (op === OP_NODE) walk(rest, p, stop)
  else if (op === OP_ANY) anyValue(rest, p, stop)
}

function scalar(action: number, wire: number, p: number): void {
  const op = action & OP_MASK
  const slot = action >>> OP_BITS
  if (wire === VARINT) {
    readVarint(p)
    if (op === OP_VARINT) put(slot, INT, low, high)
    else if (op === OP_INT32) put(slot, INT, low, low >> 31)
    else if (op === OP_UINT32) put(slot, INT, low, 0)
    else if (op === OP_BOOL) put(slot, BOOL, low !== 0 || high !== 0 ? 1 : 0, 0)
    else if (op === OP_SINT32) {
      const signed = (low >>> 1) ^ -(low & 1)
      put(slot, INT, signed, signed >> 31)
    }
  } else if (wire === FIXED64) {
    if (op === OP_FIXED64) put(slot, INT, word32(p), word32(p + 4))
    else if (op === OP_DOUBLE) put(slot, DOUBLE, word32(p), word32(p + 4))
  } else if (wire === FIXED32 && op === OP_FIXED32) put(slot, INT, word32(p), 0)
}

/** The last key and the last value count. */
function keyValue(keys: number, from: number, end: number): void {
  let key = from
  let keyLength = 0
  let value = from
  let valueEnd = from
  let p = from
  while (p < end) {
    const tag = readVarint(p)
    p = skipVarint(bytes, p)
    if ((tag & 7) !== LENGTH) {
      p = skipValue(bytes, p, tag & 7, end)
      continue
    }
    const length = readVarint(p) >>> 0
    p = skipVarint(bytes, p)
    if (length > end - p) return
    if (tag === 0x0a) {
      key = p
      keyLength = length
    } else if (tag === 0x12) {
      value = p
      valueEnd = p + length
    }
    p += length
  }
  const slot = findKey(keys, key, keyLength)
  if (slot >= 0 && out[row + slot * SLOT] === 0) anyValue(slot, value, valueEnd)
}

/** Slot of a key, or -1. */
function findKey(keys: number, at: number, length: number): number {
  if (!mayBeIn(keys, length)) return -1
  return find(keys + 8, at, length, hashKey(bytes, at, length)) - 1
}

/** Whether a text set holds any text of this length. */
function mayBeIn(texts: number, length: number): boolean {
  const bit = Math.min(length, 63)
  return (words[(texts >>> 2) + (bit >>> 5)] & (1 << (bit & 31))) !== 0
}

/** Value of the entry of a text, or 0. */
function find(buckets: number, at: number, length: number, hash: number): number {
  const first = (buckets >>> 2) + 1
  const mask = words[first - 1]
  for (let i = hash & mask; ; i = (i + 1) & mask) {
    const bucket = first + i * BUCKET
    const value = words[bucket + 3]
    if (value === 0) return 0
    const same = words[bucket] === hash && words[bucket + 2] === length
    if (same && sameBytes(at, words[bucket + 1], length)) return value
  }
}

function sameBytes(at: number, text: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[at + i] !== table[text + i]) return false
  return true
}

/** Of several members of the oneof the last one counts, and what comes twice is merged. */
function anyValue(slot: number, from: number, end: number): void {
  if (out[row + slot * SLOT] === 0) put(slot, EMPTY, 0, 0)
  let p = from
  while (p < end) {
    const tag = readVarint(p)
    p = skipVarint(bytes, p)
    const wire = tag & 7
    if (wire === LENGTH) {
      const length = readVarint(p) >>> 0
      p = skipVarint(bytes, p)
      if (length > end - p) return
      if (tag === 0x0a) putText(slot, p, p + length)
      else if (tag === 0x2a) put(slot, ARRAY, p, length)
      else if (tag === 0x32) put(slot, MAP, p, length)
      else if (tag === 0x3a) put(slot, BYTES, p, length)
      p += length
      continue
    }
    if (tag === 0x18 || tag === 0x10) {
      readVarint(p)
      if (tag === 0x18) put(slot, INT, low, high)
      else put(slot, BOOL, low !== 0 || high !== 0 ? 1 : 0, 0)
    } else if (tag === 0x21) put(slot, DOUBLE, word32(p), word32(p + 4))
    else if (tag === 0x40) put(slot, EMPTY, 0, 0)
    p = skipValue(bytes, p, wire, end)
  }
}

function put(slot: number, type: number, a: number, b: number): void {
  const at = row + slot * SLOT
  out[at] = type
  out[at + 1] = a
  out[at + 2] = b
  out[at + 3] = 0
}

function putText(slot: number, from: number, end: number): void {
  const info = words[1 + slot]
  put(slot, TEXT, from, end - from)
  if (info === 0) return
  const at = row + slot * SLOT
  const length = end - from
  const literals = info & ~INFO_HASH
  if ((info & INFO_HASH) !== 0) out[at + 3] = hashText(bytes, from, length)
  if (literals === 0 || !mayBeIn(literals, length)) return
  out[at] |= find(literals + 8, from, length, hashText(bytes, from, length)) << LITERAL_SHIFT
}

/** Reads into `low` and `high`; returns the low half. */
function readVarint(at: number): number {
  low = bytes[at]
  high = 0
  if (low < 0x80) return low
  low &= 0x7f
  for (let shift = 7, p = at + 1; shift < 70; shift += 7, p++) {
    const part = bytes[p] & 0x7f
    if (shift < 32) low |= part << shift
    if (shift === 28) high = part >>> 4
    else if (shift > 28) high |= part << (shift - 32)
    if (!(bytes[p] > 0x7f)) break
  }
  return low
}

function word32(at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
}
