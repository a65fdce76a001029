/**
 * Span names that hold ids, such as `GET /users/4711`, would each be an operation of its own. Numbers, UUIDs and long hex
 * strings that fill a segment of a name are left out of it.
 */

const DIGITS = Buffer.from('{n}')
const ID = Buffer.from('{id}')
/** Shorter hex strings are rather words or versions. */
const MIN_HEX = 8
const UUID_LENGTH = 36

/** By byte: ends a segment; is a decimal digit; is a hex digit. */
const CLASS = new Uint8Array(256)
const DELIMITER = 1
const DIGIT = 2
const HEX = 4
for (const c of ' /?&=:,;()[]|') CLASS[c.charCodeAt(0)] |= DELIMITER
for (const c of '0123456789') CLASS[c.charCodeAt(0)] |= DIGIT | HEX
for (const c of 'abcdefABCDEF') CLASS[c.charCodeAt(0)] |= HEX

/**
 * Writes the name to `out`, which has room for twice its length, and returns the length there; -1 when no segment is an id, so
 * that the name stands as it is.
 */
export function templateName(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  let length = 0
  let isChanged = false
  let segment = from
  for (let p = from; p <= to; p++) {
    if (p < to && (CLASS[bytes[p]] & DELIMITER) === 0) continue
    const stands = placeholder(bytes, segment, p)
    if (stands === null) for (let i = segment; i < p; i++) out[length++] = bytes[i]
    else {
      isChanged = true
      for (let i = 0; i < stands.length; i++) out[length++] = stands[i]
    }
    if (p < to) out[length++] = bytes[p]
    segment = p + 1
  }
  return isChanged ? length : -1
}

/** What stands for this segment, if it is an id. */
function placeholder(bytes: Uint8Array, from: number, to: number): Uint8Array | null {
  const length = to - from
  if (length === 0) return null
  let digits = 0
  let others = 0
  for (let p = from; p < to; p++) {
    const kind = CLASS[bytes[p]]
    if ((kind & DIGIT) !== 0) digits++
    else if ((kind & HEX) === 0) others++
  }
  if (digits === length) return DIGITS
  if (digits === 0) return null
  if (others === 0) return length >= MIN_HEX ? ID : null
  return length === UUID_LENGTH && others === 4 && isUuid(bytes, from) ? ID : null
}

function isUuid(bytes: Uint8Array, from: number): boolean {
  const dash = 0x2d
  return (
    bytes[from + 8] === dash &&
    bytes[from + 13] === dash &&
    bytes[from + 18] === dash &&
    bytes[from + 23] === dash
  )
}
