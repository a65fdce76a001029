/**
 * Numbers in JSON text, bare or in quotes, without losing a bit: 64-bit integers as two halves, doubles as JavaScript
 * reads them. Beside the cursor because the exact arithmetic is a subject of its own.
 */
import type { MessageWriter } from './message-writer.ts'
import { isDigit, MINUS, numberEnd, QUOTE, type TextReader } from './text-reader.ts'

const TWO_32 = 0x1_0000_0000
const POINT = 0x2e
const ZERO = 0x30

/** 10^0 to 10^22 are exact doubles. */
const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))

/** As many digits as a double holds exactly, whichever they are. */
const EXACT_DIGITS = 15

/** Digits of 2^64. */
const MOST_DIGITS = 20

const SPECIAL: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

export class NumberReader {
  /** The integer read last: sign and magnitude, halves unsigned. */
  negative = false
  high = 0
  low = 0
  /** The double read last. */
  double = 0

  readonly #text: TextReader
  /** Quoted numbers with escapes are unescaped into its free room. */
  readonly #out: MessageWriter

  constructor(text: TextReader, out: MessageWriter) {
    this.#text = text
    this.#out = out
  }

  // hot: bench/micro/json.ts
  /** Reads an integer below 2^64 in magnitude. Fractions and exponents are accepted where the value is integral. */
  readInteger(): boolean {
    const text = this.#text
    const bytes = text.bytes
    const quoted = bytes[text.pos] === QUOTE
    let pos = quoted ? text.pos + 1 : text.pos
    this.negative = bytes[pos] === MINUS
    if (this.negative) pos++
    const first = pos
    const limit = first + EXACT_DIGITS
    let head = 0
    while (isDigit(bytes[pos]) && pos < limit) head = head * 10 + (bytes[pos++] - ZERO)
    const middle = pos
    let tail = 0
    while (isDigit(bytes[pos]) && pos < middle + 5) tail = tail * 10 + (bytes[pos++] - ZERO)
    const after = bytes[pos]
    const zeroLed = bytes[first] === ZERO && pos > first + 1
    const clean = quoted ? after === QUOTE : !zeroLed && after !== POINT && (after | 0x20) !== 0x65
    if (!clean || pos === first || isDigit(after)) return this.#integerSlowly(quoted)
    this.#join(head, tail, pos - middle)
    if (this.high > 0xffff_ffff) return this.#outOfRange()
    text.pos = quoted ? pos + 1 : pos
    return true
  }

  /** `head * 10^digits + tail`, exact: head below 10^15, at most 5 digits. */
  #join(head: number, tail: number, digits: number): void {
    const low = head >>> 0
    const high = (head - low) / TWO_32
    if (digits === 0) {
      this.high = high
      this.low = low
      return
    }
    const scale = POWERS[digits]
    const sum = low * scale + tail
    this.low = sum >>> 0
    this.high = high * scale + (sum - this.low) / TWO_32
  }

  /** Everything that is not a plain run of digits: `1.0e3`, `"007"`, escapes in quotes, and what is no integer. */
  #integerSlowly(quoted: boolean): boolean {
    const token = this.#token(quoted)
    if (token === null) return false
    const [, sign, whole, fraction = '', exponent = '0'] =
      /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? []
    if (whole === undefined) return this.#text.fail('type', 'expected an integer')
    const digits = whole + fraction
    let start = 0
    let end = digits.length
    while (start < end && digits.charCodeAt(start) === ZERO) start++
    while (end > start && digits.charCodeAt(end - 1) === ZERO) end--
    const zeros = start === end ? 0 : Number(exponent) + (digits.length - end) - fraction.length
    if (zeros < 0) return this.#text.fail('value', 'expected an integer, without fraction')
    if (end - start + zeros > MOST_DIGITS) return this.#outOfRange()
    const value = BigInt(digits.slice(start, end) + '0'.repeat(zeros))
    this.negative = sign === '-'
    this.low = Number(BigInt.asUintN(32, value))
    this.high = Number(value >> 32n)
    return this.high <= 0xffff_ffff || this.#outOfRange()
  }

  #outOfRange(): false {
    return this.#text.fail('range', 'expected an integer of at most 64 bits')
  }

  // hot: bench/micro/json.ts
  /** Reads a double; quoted also NaN, Infinity and -Infinity. */
  readDouble(): boolean {
    const text = this.#text
    const bytes = text.bytes
    const quoted = bytes[text.pos] === QUOTE
    let pos = quoted ? text.pos + 1 : text.pos
    const negative = bytes[pos] === MINUS
    if (negative) pos++
    const first = pos
    const limit = first + EXACT_DIGITS + 1
    let value = 0
    while (isDigit(bytes[pos]) && pos < limit) value = value * 10 + (bytes[pos++] - ZERO)
    let end = pos
    if (bytes[pos] === POINT && pos > first) {
      const point = pos++
      while (isDigit(bytes[pos]) && pos < limit) value = value * 10 + (bytes[pos++] - ZERO)
      // One correctly rounded division of two exact numbers is correctly rounded itself.
      value /= POWERS[pos - point - 1]
      end = pos - point > 1 ? pos : first
    }
    const after = bytes[end]
    const zeroLed = bytes[first] === ZERO && isDigit(bytes[first + 1])
    const clean = quoted ? after === QUOTE : (after | 0x20) !== 0x65 && after !== POINT
    if (!clean || zeroLed || end === first || isDigit(after) || end === limit) {
      return this.#doubleSlowly(quoted)
    }
    this.double = negative ? -value : value
    text.pos = quoted ? end + 1 : end
    return true
  }

  #doubleSlowly(quoted: boolean): boolean {
    const token = this.#token(quoted)
    if (token === null) return false
    const special = quoted ? SPECIAL.get(token) : undefined
    if (special === undefined && !/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(token)) {
      return this.#text.fail('type', 'expected a number, "NaN", "Infinity" or "-Infinity"')
    }
    this.double = special ?? Number(token)
    if (special !== undefined || Number.isFinite(this.double)) return true
    return this.#text.fail('range', 'expected a number within the range of a double')
  }

  /** The characters of the number at the cursor, which moves behind it; null for a fault. */
  #token(quoted: boolean): string | null {
    const text = this.#text
    if (!quoted) {
      const end = numberEnd(text.bytes, text.pos)
      if (end < 0) {
        const isNumber = text.bytes[text.pos] === MINUS || isDigit(text.bytes[text.pos])
        text.fail(isNumber ? 'syntax' : 'type', 'expected a number')
        return null
      }
      const token = latin1(text.bytes, text.pos, end)
      text.pos = end
      return token
    }
    const out = this.#out
    const start = out.pos
    if (!text.string(out)) return null
    const token = latin1(out.bytes, start, out.pos)
    out.pos = start
    return token
  }
}

/** Bytes as characters: of ASCII itself, anything else becomes what no number contains. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}
