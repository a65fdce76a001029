/**
 * The numbers that the slot scanner, its twin and the readers of slots agree on. `assembly/slots.ts` repeats them.
 *
 * ```
 * slot = 4 words:  type | which literal << 8,  a,  b,  hash
 *   text, bytes, array, map:  a = offset in the request, b = length
 *   bool: a = 0 or 1          int, double: a = low 32 bits, b = high 32 bits
 * ```
 */

/** Words of a slot. */
export const SLOT = 4
export const SLOT_TYPE = 0
export const SLOT_A = 1
export const SLOT_B = 2
export const SLOT_HASH = 3

/** A row for the scanner: start, end, offset of its root node. */
export const ROW_WORDS = 3

/** Types, in the low byte of a slot's first word; the literal's number (1 = the first, 0 = none) stands above it. */
export const ABSENT = 0
export const TEXT = 1
export const BOOL = 2
export const INT = 3
export const DOUBLE = 4
/** Offset and length are of the last such member's content; what protobuf would merge is to be read in the general way. */
export const ARRAY = 5
export const MAP = 6
export const BYTES = 7
/** A value that is there and holds nothing. */
export const EMPTY = 8
export const TYPE_MASK = 0xff
export const LITERAL_SHIFT = 8

/** Operations in the low 4 bits of an action. The leaves come first; above stands the slot, or the offset of what follows. */
export const OP_TEXT = 1
export const OP_BYTES = 2
export const OP_BOOL = 3
export const OP_VARINT = 4
export const OP_INT32 = 5
export const OP_UINT32 = 6
export const OP_SINT32 = 7
export const OP_FIXED64 = 8
export const OP_DOUBLE = 9
export const OP_FIXED32 = 10
export const OP_KEYS = 11
export const OP_NODE = 12
export const OP_ANY = 13
export const OP_BITS = 4

/** Actions of a node: one a field number. */
export const NODE_FIELDS = 32
/** Words of a bucket: hash, offset of the text, length, value (0 = free). */
export const BUCKET = 4
/** In a slot's info, beside the offset of its literals: its text's hash is wanted. */
export const INFO_HASH = 1

/** Beyond so many bytes only the first and the last half of them count. */
const HASHED = 32
const STEP = 0x9e3779b2

/** The same number as `assembly/hash.ts`, signed. Not against attackers: equal hashes are followed by a comparison. */
export function hashText(bytes: Uint8Array, at: number, length: number): number {
  let h = Math.imul(length, 0x9e3779b1)
  let c = 0x85ebca6b
  if (length < 4) {
    let word = length > 0 ? bytes[at] : 0
    if (length > 1) word |= bytes[at + 1] << 8
    if (length > 2) word |= bytes[at + 2] << 16
    h += Math.imul(word, c)
  } else {
    const last = at + length - 4
    let p = at
    if (length > HASHED) {
      for (const half = at + HASHED / 2; p < half; p += 4) {
        h = (h + Math.imul(word32(bytes, p), c)) | 0
        c = (c + STEP) | 0
      }
      p = last - 12
    }
    for (; p < last; p += 4) {
      h = (h + Math.imul(word32(bytes, p), c)) | 0
      c = (c + STEP) | 0
    }
    h += Math.imul(word32(bytes, last), c)
  }
  h = Math.imul(h ^ ((h | 0) >>> 15), 0x2c1b3c6d)
  return h ^ (h >>> 13)
}

/** As `assembly/hash.ts` has it for keys. */
export function hashKey(bytes: Uint8Array, at: number, length: number): number {
  if (length < 4) return hashText(bytes, at, length)
  const first = Math.imul(word32(bytes, at), 0x85ebca6b)
  const last = Math.imul(word32(bytes, at + length - 4), STEP)
  const h = (first + last + Math.imul(length, 0x9e3779b1)) | 0
  return h ^ (h >>> 15)
}

function word32(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
}
