// Fills the slots of rows: one walk over the fields of each row, driven by a table of what is wanted (../slot-table.ts has its
// layout, ../slots-reference.ts is the JavaScript twin). The bytes have been validated, so a length that does not fit is no
// fault to be told: the walk of that message ends there.
import { longVarint, passVarint } from './pass'
import { hashKey, hashText, sameBytes } from './hash'

// Operations of an action, bits 0-3; the slot or the offset of a node or key set stands from bit 4 on.
const OP_KEYS: u32 = 11
const OP_NODE: u32 = 12
const OP_ANY: u32 = 13
// Operations below are leaves: what kind of scalar or text stands there.
const TEXT: u32 = 1
const BYTES: u32 = 2
const BOOL: u32 = 3
const VARINT: u32 = 4
const INT32: u32 = 5
const UINT32: u32 = 6
const SINT32: u32 = 7
const FIXED64: u32 = 8
const DOUBLE: u32 = 9
const FIXED32: u32 = 10

// Types of a slot.
const T_TEXT: i32 = 1
const T_BOOL: i32 = 2
const T_INT: i32 = 3
const T_DOUBLE: i32 = 4
const T_ARRAY: i32 = 5
const T_MAP: i32 = 6
const T_BYTES: i32 = 7
const T_EMPTY: i32 = 8

// Byte offsets in the table.
const SLOTS: usize = 0
const INFOS: usize = 4

let table: usize = 0
let base: usize = 0
/** Slots of the row at hand. */
let row: usize = 0

/**
 * `rows` holds start, end and root node of each row; `at` is the address of the request's first byte, which may be before
 * all memory when only the bytes of these rows are here.
 */
export function scan(wanted: usize, rows: usize, count: i32, at: usize, out: usize): void {
  table = wanted
  base = at
  row = out
  const size = <usize>load<u32>(wanted, SLOTS) << 4
  memory.fill(out, 0, size * <usize>count)
  const last = rows + <usize>count * 12
  for (let r = rows; r < last; r += 12) {
    walk(table + load<u32>(r, 8), at + load<u32>(r), at + load<u32>(r, 4))
    row += size
  }
}

function walk(node: usize, from: usize, end: usize): void {
  let p = from
  while (p < end) {
    let tag: u32 = load<u8>(p)
    if (tag < 0x80) p++
    else {
      tag = <u32>longVarint(p)
      p = passVarint(p)
    }
    const action: u32 = tag < 256 ? load<u32>(node + ((tag >> 3) << 2)) : 0
    const wire = tag & 7
    if (wire == 2) {
      let length: u32 = load<u8>(p)
      if (length < 0x80) p++
      else {
        length = <u32>longVarint(p)
        p = passVarint(p)
      }
      if (<usize>length > end - p) return
      const stop = p + length
      if (action != 0) delimited(action, p, stop)
      p = stop
    } else if (wire == 0) {
      if (action != 0) varint(action, p)
      p = passVarint(p)
    } else if (wire == 1) {
      if (action != 0) fixed64(action, load<u64>(p))
      p += 8
    } else if (wire == 5) {
      if (action != 0 && (action & 15) == FIXED32) put(action >> 4, T_INT, load<u32>(p), 0)
      p += 4
    } else p = passGroup(p, wire, end)
  }
}

function delimited(action: u32, p: usize, stop: usize): void {
  const op = action & 15
  if (op == OP_KEYS) keyValue(table + (action >> 4), p, stop)
  else if (op == TEXT) putText(action >> 4, p, stop)
  else if (op == BYTES) putRange(action >> 4, T_BYTES, p, stop)
  else if (op == OP_NODE) walk(table + (action >> 4), p, stop)
  else if (op == OP_ANY) anyValue(action >> 4, p, stop)
}

function varint(action: u32, p: usize): void {
  const op = action & 15
  const value: u64 = load<u8>(p) < 0x80 ? load<u8>(p) : longVarint(p)
  const low = <u32>value
  if (op == VARINT) put(action >> 4, T_INT, low, <u32>(value >> 32))
  else if (op == INT32) put(action >> 4, T_INT, low, <u32>(<i32>low >> 31))
  else if (op == UINT32) put(action >> 4, T_INT, low, 0)
  else if (op == BOOL) put(action >> 4, T_BOOL, value != 0 ? 1 : 0, 0)
  else if (op == SINT32) {
    const signed = (low >> 1) ^ (0 - (low & 1))
    put(action >> 4, T_INT, signed, <u32>(<i32>signed >> 31))
  }
}

function fixed64(action: u32, value: u64): void {
  const op = action & 15
  if (op == FIXED64) put(action >> 4, T_INT, <u32>value, <u32>(value >> 32))
  else if (op == DOUBLE) put(action >> 4, T_DOUBLE, <u32>value, <u32>(value >> 32))
}

/** The usual shape is `0a K key 12 V value` to the very end; anything else goes the long way. */
// @ts-ignore: decorator
@inline
function keyValue(keys: usize, from: usize, end: usize): void {
  const keyLength: u32 = load<u8>(from, 1)
  const tagAt = from + 2 + keyLength
  if (load<u8>(from) == 0x0a && keyLength < 0x80 && tagAt + 2 <= end && load<u8>(tagAt) == 0x12) {
    let valueAt = tagAt + 1
    let length: u32 = load<u8>(valueAt)
    if (length < 0x80) valueAt++
    else {
      length = <u32>longVarint(valueAt)
      valueAt = passVarint(valueAt)
    }
    if (valueAt + length == end) {
      // One look at the lengths tells most keys that nobody wants.
      if (!(load<u64>(keys) & ((<u64>1) << (keyLength < 63 ? keyLength : 63)))) return
      const slot = findKey(keys, from + 2, keyLength)
      if (slot >= 0 && load<i32>(row + (<usize>slot << 4)) == 0) {
        // Text that fills the value, which most values are.
        const text = valueAt + 2 + load<u8>(valueAt, 1)
        if (load<u8>(valueAt) == 0x0a && text == end && length < 0x80) putText(slot, valueAt + 2, end)
        else anyValue(slot, valueAt, end)
      }
      return
    }
  }
  oddKeyValue(keys, from, end)
}

/** Fields in any order and number: the last key and the last value count. */
function oddKeyValue(keys: usize, from: usize, end: usize): void {
  let key = from
  let keyLength: u32 = 0
  let value = from
  let valueEnd = from
  let p = from
  while (p < end) {
    const tag = <u32>longVarint(p)
    p = passVarint(p)
    const wire = tag & 7
    if (wire == 2) {
      const length = <u32>longVarint(p)
      p = passVarint(p)
      if (<usize>length > end - p) return
      if (tag == 0x0a) {
        key = p
        keyLength = length
      } else if (tag == 0x12) {
        value = p
        valueEnd = p + length
      }
      p += length
    } else p = passValue(p, wire, end)
  }
  const slot = findKey(keys, key, keyLength)
  if (slot >= 0 && load<i32>(row + (<usize>slot << 4)) == 0) anyValue(slot, value, valueEnd)
}

/**
 * Slot of a key, or -1. Key set: lengths that occur, as 64 bits (63 and more share one); mask of the buckets; buckets of
 * hash, offset of the text, length, slot + 1 (0 = free).
 */
function findKey(keys: usize, at: usize, length: u32): i32 {
  return find(keys + 8, at, length, hashKey(at, length)) - 1
}

/** Value of the entry of a text, or 0. */
// @ts-ignore: decorator
@inline
function find(buckets: usize, at: usize, length: u32, hash: u32): i32 {
  const mask = load<u32>(buckets)
  let i = hash & mask
  let bucket = buckets + 4 + (<usize>i << 4)
  while (load<i32>(bucket, 12) != 0) {
    if (
      load<u32>(bucket) == hash &&
      load<u32>(bucket, 8) == length &&
      sameBytes(at, table + load<u32>(bucket, 4), length)
    ) {
      return load<i32>(bucket, 12)
    }
    i = (i + 1) & mask
    bucket = buckets + 4 + (<usize>i << 4)
  }
  return 0
}

/** Of several members of the oneof the last one counts, and what comes twice is merged. */
function anyValue(slot: i32, from: usize, end: usize): void {
  if (load<i32>(row + (<usize>slot << 4)) == 0) put(slot, T_EMPTY, 0, 0)
  let p = from
  while (p < end) {
    let tag: u32 = load<u8>(p)
    if (tag < 0x80) p++
    else {
      tag = <u32>longVarint(p)
      p = passVarint(p)
    }
    const wire = tag & 7
    if (wire == 2) {
      let length: u32 = load<u8>(p)
      if (length < 0x80) p++
      else {
        length = <u32>longVarint(p)
        p = passVarint(p)
      }
      if (<usize>length > end - p) return
      const stop = p + length
      if (tag == 0x0a) putText(slot, p, stop)
      else if (tag == 0x2a) putRange(slot, T_ARRAY, p, stop)
      else if (tag == 0x32) putRange(slot, T_MAP, p, stop)
      else if (tag == 0x3a) putRange(slot, T_BYTES, p, stop)
      p = stop
      continue
    }
    if (tag == 0x18) {
      const value = longVarint(p)
      put(slot, T_INT, <u32>value, <u32>(value >> 32))
    } else if (tag == 0x10) put(slot, T_BOOL, longVarint(p) != 0 ? 1 : 0, 0)
    else if (tag == 0x21) put(slot, T_DOUBLE, load<u32>(p), load<u32>(p, 4))
    else if (tag == 0x40) put(slot, T_EMPTY, 0, 0)
    p = passValue(p, wire, end)
  }
}

// @ts-ignore: decorator
@inline
function put(slot: i32, type: i32, a: u32, b: u32): void {
  const at = row + (<usize>slot << 4)
  store<i32>(at, type)
  store<u32>(at, a, 4)
  store<u32>(at, b, 8)
  store<u32>(at, 0, 12)
}

function putRange(slot: i32, type: i32, from: usize, end: usize): void {
  put(slot, type, <u32>(from - base), <u32>(end - from))
}

/**
 * Texts that are to be told apart show from bit 8 on which of the slot's literals they are. Literals: lengths that occur, mask,
 * buckets, as with keys.
 */
function putText(slot: i32, from: usize, end: usize): void {
  const length = <u32>(end - from)
  const at = row + (<usize>slot << 4)
  const info = load<u32>(table + INFOS + (<usize>slot << 2))
  const literals = table + (info & ~3)
  let type = T_TEXT
  let hash: u32 = 0
  if (info & 1) hash = hashText(from, length)
  if (info > 1 && (load<u64>(literals) & ((<u64>1) << (length < 63 ? length : 63)))) {
    type |= find(literals + 8, from, length, info & 1 ? hash : hashText(from, length)) << 8
  }
  store<i32>(at, type)
  store<u32>(at, <u32>(from - base), 4)
  store<u32>(at, length, 8)
  store<u32>(at, hash, 12)
}

function passValue(p: usize, wire: u32, end: usize): usize {
  if (wire == 0) return passVarint(p)
  if (wire == 1) return p + 8
  if (wire == 5) return p + 4
  return passGroup(p, wire, end)
}

/** Behind the end of a group whose start tag has just been read. Balanced, as the validator has seen. */
function passGroup(at: usize, opening: u32, end: usize): usize {
  if (opening != 3) return at
  let p = at
  let depth = 1
  while (depth > 0 && p < end) {
    const wire = <u32>longVarint(p) & 7
    p = passVarint(p)
    if (wire == 3) depth++
    else if (wire == 4) depth--
    else if (wire == 2) {
      const length = <u32>longVarint(p)
      p = passVarint(p)
      if (<usize>length > end - p) return end
      p += length
    } else p = passValue(p, wire, end)
  }
  return p
}
