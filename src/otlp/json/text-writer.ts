/** A growing buffer of JSON text: strings, numbers and ids go in from protobuf bytes without becoming JavaScript strings. */
import { writeBase64, writeHex } from './binary-text.ts'
import type { FieldPlan } from './plan.ts'
import { needsEscape } from './words.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const BACKSLASH = 0x5c
const ZERO = 0x30

/** Between requests a buffer of this size is kept; a larger one goes back to the heap. */
const KEPT_BYTES = 4 * 1024 * 1024
const FIRST_BYTES = 64 * 1024

/** Room that every step may count on without asking: a number with its quotes, a key, a bracket. */
const SLACK = 128

const BILLION = 1_000_000_000

/** 1 for bytes that JSON strings hold as they are; what is not ASCII passes through. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
)

/** Escapes of two characters; other controls are written as \u00XX. */
const SHORT_ESCAPE = new Uint8Array(256)
for (const [byte, letter] of ['""', '\\\\', '\bb', '\ff', '\nn', '\rr', '\tt']) {
  SHORT_ESCAPE[byte.charCodeAt(0)] = letter.charCodeAt(0)
}

const UNICODE_ESCAPE = Buffer.from('\\u00')

export class TextWriter {
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES)
  /** The same bytes, written four at a time. */
  view = new DataView(this.bytes.buffer)
  pos = 0

  /** The text so far as its own exact copy; the writer is empty afterwards. */
  take(): Uint8Array {
    const text = this.bytes.slice(0, this.pos)
    this.pos = 0
    if (this.bytes.length > KEPT_BYTES) this.#use(new Uint8Array(FIRST_BYTES))
    return text
  }

  /** Before each step: room for `length` bytes and the usual slack. */
  reserve(length: number): void {
    const needed = this.pos + length + SLACK
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    const bytes = new Uint8Array(grown.buffer, grown.byteOffset, grown.length)
    bytes.set(this.bytes.subarray(0, this.pos))
    this.#use(bytes)
  }

  #use(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  byte(byte: number): void {
    this.bytes[this.pos++] = byte
  }

  /** Up to SLACK bytes of ASCII. */
  raw(ascii: Uint8Array): void {
    const bytes = this.bytes
    const pos = this.pos
    for (let i = 0; i < ascii.length; i++) bytes[pos + i] = ascii[i]
    this.pos = pos + ascii.length
  }

  /** `"name":` */
  key(field: FieldPlan): void {
    const words = field.prefix
    const view = this.view
    const pos = this.pos
    for (let i = 0; i < words.length; i++) view.setInt32(pos + 4 * i, words[i], true)
    this.pos = pos + field.prefixLength
  }

  /** Ends a list or object: the comma that every member leaves behind gives way to the bracket. */
  close(bracket: number): void {
    if (this.bytes[this.pos - 1] === COMMA) this.pos--
    this.bytes[this.pos++] = bracket
  }

  // hot: bench/micro/json.ts
  /** A string in quotes from its UTF-8; `view` is of the same bytes as `from`. */
  string(from: Uint8Array, view: DataView, start: number, end: number): void {
    this.reserve(end - start)
    let toView = this.view
    let at = this.pos
    toView.setUint8(at++, QUOTE)
    const lastWord = end - 4
    for (let pos = start; pos < end; ) {
      if (pos <= lastWord) {
        const word = view.getInt32(pos, true)
        if (!needsEscape(word)) {
          toView.setInt32(at, word, true)
          at += 4
          pos += 4
          continue
        }
      }
      const byte = from[pos++]
      if (PLAIN[byte] === 1) {
        toView.setUint8(at++, byte)
        continue
      }
      this.pos = at
      this.#escape(byte, end - pos)
      toView = this.view
      at = this.pos
    }
    toView.setUint8(at++, QUOTE)
    this.pos = at
  }

  /** `rest`: bytes of the string after this one, for which there must still be room afterwards. */
  #escape(byte: number, rest: number): void {
    this.reserve(rest + 6)
    const letter = SHORT_ESCAPE[byte]
    if (letter !== 0) {
      this.byte(BACKSLASH)
      this.byte(letter)
      return
    }
    this.raw(UNICODE_ESCAPE)
    HEX_SCRATCH[0] = byte
    this.pos = writeHex(this.bytes, this.pos, HEX_SCRATCH, 0, 1)
  }

  hex(from: Uint8Array, start: number, end: number): void {
    this.reserve(2 * (end - start))
    this.byte(QUOTE)
    this.pos = writeHex(this.bytes, this.pos, from, start, end)
    this.byte(QUOTE)
  }

  base64(from: Uint8Array, start: number, end: number): void {
    this.reserve(2 * (end - start))
    this.byte(QUOTE)
    this.pos = writeBase64(this.bytes, this.pos, from, start, end)
    this.byte(QUOTE)
  }

  /** A number of 32 bits, of either sign. */
  integer(value: number): void {
    if (value < 0) {
      this.byte(MINUS)
      value = -value
    }
    if (value < BILLION) this.#digits(value)
    else {
      this.#digits(Math.floor(value / BILLION))
      this.#nineDigits(value % BILLION)
    }
  }

  // hot: bench/micro/json.ts
  /** A 64-bit number in quotes from its halves, both unsigned. */
  integer64(high: number, low: number, signed: boolean): void {
    this.byte(QUOTE)
    if (signed && high > 0x7fff_ffff) {
      this.byte(MINUS)
      low = -low >>> 0
      high = (low === 0 ? -high : ~high) >>> 0
    }
    if (high === 0) this.integer(low)
    else this.#divide(high, low)
    this.byte(QUOTE)
  }

  /** Long division by 10^9 in steps of 16 bits, each exact in a double. */
  #divide(high: number, low: number): void {
    let quotient = Math.floor(high / BILLION)
    let rest = (high % BILLION) * 0x10000 + (low >>> 16)
    quotient = quotient * 0x10000 + Math.floor(rest / BILLION)
    rest = (rest % BILLION) * 0x10000 + (low & 0xffff)
    quotient = quotient * 0x10000 + Math.floor(rest / BILLION)
    this.integer(quotient)
    this.#nineDigits(rest % BILLION)
  }

  /** Below 10^9, without leading zeros. */
  #digits(value: number): void {
    let length = 1
    for (let power = 10; power <= value; power *= 10) length++
    const end = this.pos + length
    for (let pos = end - 1; pos >= this.pos; pos--) {
      const rest = (value / 10) | 0
      this.bytes[pos] = ZERO + value - rest * 10
      value = rest
    }
    this.pos = end
  }

  #nineDigits(value: number): void {
    const end = this.pos + 9
    for (let pos = end - 1; pos >= this.pos; pos--) {
      const rest = (value / 10) | 0
      this.bytes[pos] = ZERO + value - rest * 10
      value = rest
    }
    this.pos = end
  }

  /** The shortest text that reads back as the same double; what JSON has no number for stands in quotes. */
  double(value: number): void {
    const text = Object.is(value, -0) ? '-0' : String(value)
    const quoted = !Number.isFinite(value)
    if (quoted) this.byte(QUOTE)
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i))
    if (quoted) this.byte(QUOTE)
  }
}

const HEX_SCRATCH = new Uint8Array(1)
