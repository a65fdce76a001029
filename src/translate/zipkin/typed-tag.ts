/** Tags are strings; what looks like a number or a boolean may become one (`parse_string_tags`). */
import type { MessageWriter } from '../../otlp/json/message-writer.ts'
import { latin1 } from '../../otlp/json/number-reader.ts'

const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const BOOL_FIELD = 0x10
const INT_FIELD = 0x18
const DOUBLE_FIELD = 0x21

/** Longest text of a number that is looked at; a longer one stays text. */
const MAX_NUMBER = 64
/** Whole numbers of so many digits are exact doubles. */
const EXACT_DIGITS = 15

export const TEXT = 0
/** A number or boolean where it is written as one: digits, digits with a point, true, false. */
export const GUESSED = 1
/** A double in the way JavaScript writes it. */
export const DOUBLE = 2

/**
 * Writes `from[start..end)` as the content of an AnyValue of another type than string; false when it is none, and
 * nothing is written then. An integer beyond 64 bits stays text.
 */
export function writeTyped(
  out: MessageWriter,
  from: Uint8Array,
  start: number,
  end: number,
  kind: number,
): boolean {
  const length = end - start
  if (length === 0 || length > MAX_NUMBER) return false
  if (kind === DOUBLE) return writeDouble(out, Number(latin1(from, start, end)))
  const first = from[start]
  if (first === 0x74 || first === 0x66) return writeBool(out, latin1(from, start, end))
  const digits = first === MINUS ? start + 1 : start
  let pos = digits
  while (pos < end && isDigit(from[pos])) pos++
  if (pos === digits) return false
  if (pos === end) return writeInteger(out, from, start, digits, end)
  if (from[pos++] !== POINT || pos === end) return false
  while (pos < end && isDigit(from[pos])) pos++
  return pos === end && writeDouble(out, Number(latin1(from, start, end)))
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}

function writeBool(out: MessageWriter, text: string): boolean {
  if (text !== 'true' && text !== 'false') return false
  out.tag(BOOL_FIELD)
  out.varint(text === 'true' ? 1 : 0)
  return true
}

function writeDouble(out: MessageWriter, value: number): boolean {
  out.tag(DOUBLE_FIELD)
  out.double(value)
  return true
}

function writeInteger(
  out: MessageWriter,
  from: Uint8Array,
  start: number,
  digits: number,
  end: number,
): boolean {
  if (end - digits > EXACT_DIGITS) {
    const value = BigInt(latin1(from, start, end))
    if (BigInt.asIntN(64, value) !== value) return false
    out.tag(INT_FIELD)
    out.varint64(Number(BigInt.asUintN(64, value) >> 32n), Number(BigInt.asUintN(32, value)))
    return true
  }
  let value = 0
  for (let pos = digits; pos < end; pos++) value = value * 10 + from[pos] - ZERO
  writeInt(out, digits > start ? -value : value)
  return true
}

/** An integer field of AnyValue, exact below 2^53. */
export function writeInt(out: MessageWriter, value: number): void {
  out.tag(INT_FIELD)
  out.varint64(Math.floor(value / 0x1_0000_0000) >>> 0, value >>> 0)
}
