/** Integers of any base, by the rules of Go's strconv.ParseInt. */
import { EvaluationError } from '../value.ts'

/** Digits beyond this many cannot fit, in base 2 either. */
const MAX_DIGITS = 64
const PREFIXES: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16 }

export function parseInt64Text(text: string, base: bigint): bigint {
  if (base < 0n) {
    throw new EvaluationError(
      `invalid base value: ${base} for ParseInt function, base cannot be negative`,
    )
  }
  if (base === 1n || base > 36n) throw fault(text, `invalid base ${base}`)
  const isNegative = text[0] === '-'
  const unsigned = isNegative || text[0] === '+' ? text.slice(1) : text
  const { digits, radix } =
    base === 0n ? readPrefix(unsigned) : { digits: unsigned, radix: Number(base) }
  const value = readDigits(digits, radix)
  if (value === null) throw fault(text, 'invalid syntax')
  const signed = isNegative ? -value : value
  if (signed !== BigInt.asIntN(64, signed)) throw fault(text, 'value out of range')
  return signed
}

function fault(text: string, reason: string): EvaluationError {
  return new EvaluationError(`parsing ${JSON.stringify(text.slice(0, 100))}: ${reason}`)
}

/** Base 0: underscores may stand between digits, and between the prefix and the first digit. */
function readPrefix(text: string): { digits: string; radix: number } {
  const radix = text[0] === '0' ? PREFIXES[text[1]?.toLowerCase()] : undefined
  const isOctal = radix === undefined && text[0] === '0' && text.length > 1
  const digits = radix !== undefined ? text.slice(2) : isOctal ? text.slice(1) : text
  const isSpaced = /^_?[0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*$/.test(digits)
  if (!isSpaced || (radix === undefined && !isOctal && digits[0] === '_')) {
    return { digits: '', radix: 10 }
  }
  return { digits: digits.replaceAll('_', ''), radix: radix ?? (isOctal ? 8 : 10) }
}

/** Null when there is no digit, or one that the base does not have. */
function readDigits(digits: string, radix: number): bigint | null {
  if (digits === '') return null
  let value = 0n
  let significant = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digitOf(digits.charCodeAt(i))
    if (digit >= radix) return null
    if (significant > 0 || digit > 0) significant++
    // What is too long stays out of range; the rest is still checked.
    if (significant <= MAX_DIGITS) value = value * BigInt(radix) + BigInt(digit)
  }
  return significant > MAX_DIGITS ? 2n ** 64n : value
}

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 0x20
  return lower >= 97 && lower <= 122 ? lower - 87 : Number.POSITIVE_INFINITY
}
