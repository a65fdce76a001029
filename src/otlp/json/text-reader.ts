/**
 * A cursor over JSON text in UTF-8: white space, literals and strings. Nothing becomes a JavaScript string; strings are
 * unescaped straight into the message being written. Faults are kept here
 * and told by `false`, so that nothing throws.
 *
 * The text is known to end in `}` or `]` before it is read (see `start`), which is no digit, letter or part of a key:
 * only white space and strings have to look for the end.
 */
import type { JsonFault } from './fault.ts'
import type { MessageWriter } from './message-writer.ts'
import { hasSpecial } from './words.ts'

export const QUOTE = 0x22
export const COMMA = 0x2c
export const MINUS = 0x2d
const COLON = 0x3a
export const OPEN_LIST = 0x5b
export const BACKSLASH = 0x5c
export const CLOSE_LIST = 0x5d
export const OPEN_OBJECT = 0x7b
export const CLOSE_OBJECT = 0x7d
const LOWER_U = 0x75

const MAX_TEXT = 0x7fff_ffff

const NO_BYTES = new Uint8Array(0)
const NO_VIEW = new DataView(NO_BYTES.buffer)

/** 1 for bytes that stand for themselves in a string: ASCII without controls, quote and backslash. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
)

/** What the letter after a backslash stands for; 0 where JSON has no such escape. */
const ESCAPED = new Uint8Array(256)
for (const [letter, meaning] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  ESCAPED[letter.charCodeAt(0)] = meaning.charCodeAt(0)
}

/** Value of a hexadecimal digit; 255 for every other byte. */
export const HEX = new Uint8Array(256).fill(255)
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  HEX[digit.charCodeAt(0)] = value
  HEX[digit.toUpperCase().charCodeAt(0)] = value
}

const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const NULL = Buffer.from('null')

export class TextReader {
  bytes: Uint8Array = NO_BYTES
  /** The same bytes, read four at a time. */
  view: DataView = NO_VIEW
  pos = 0
  end = 0
  fault: JsonFault | null = null

  /** Begins to read; false when the text cannot be a JSON object, or a list where `open` is its bracket. */
  start(text: Uint8Array, open = OPEN_OBJECT): boolean {
    // One kind of array for the compiler, whatever the caller has.
    this.bytes = new Uint8Array(text.buffer, text.byteOffset, text.length)
    this.view = new DataView(text.buffer, text.byteOffset, text.length)
    this.pos = 0
    this.end = text.length
    this.fault = null
    if (text.length > MAX_TEXT) return this.fail('too_large', 'expected a text below 2 GiB')
    if (text[0] === 0xef || text[0] >= 0xfe || text[0] === 0 || text[1] === 0) {
      const begin = String.fromCharCode(open)
      return this.fail(
        'syntax',
        `expected UTF-8 without a byte order mark, beginning with "${begin}"`,
      )
    }
    if (this.next() !== open) {
      return this.fail(
        'syntax',
        open === OPEN_OBJECT
          ? 'expected an object, beginning with "{"'
          : 'expected a list, beginning with "["',
      )
    }
    let last = this.end - 1
    while (isSpace(text[last])) last--
    // Closing brackets stand two after their partners in ASCII.
    if (text[last] === open + 2) return true
    this.pos = last + 1
    const end = String.fromCharCode(open + 2)
    return this.fail('syntax', `expected "${end}" as the last character of the text`)
  }

  /** Lets go of the text. */
  release(): void {
    this.bytes = NO_BYTES
    this.view = NO_VIEW
  }

  /** Keeps the first fault; always false, for `return`. */
  fail(fault: JsonFault['fault'], message: string): false {
    this.fault ??= { fault, offset: this.pos, message }
    return false
  }

  // hot: bench/micro/json.ts
  /** Skips white space and answers the byte that comes then; 0 at the end. */
  next(): number {
    const bytes = this.bytes
    let pos = this.pos
    while (pos < this.end) {
      const byte = bytes[pos]
      if (byte > 0x20) {
        this.pos = pos
        return byte
      }
      if (!isSpace(byte)) break
      pos++
    }
    this.pos = pos
    return 0
  }

  /** Steps over the colon after a key and answers the first byte of the value; 0 when there is none. */
  value(): number {
    if (this.next() !== COLON) {
      this.fail('syntax', 'expected ":" after a key')
      return 0
    }
    this.pos++
    return this.next()
  }

  null(): boolean {
    return this.#literal(NULL) || this.fail('syntax', 'expected a JSON value')
  }

  /** 1 for true, 0 for false, -1 for a fault. */
  bool(): number {
    if (this.#literal(TRUE)) return 1
    if (this.#literal(FALSE)) return 0
    this.fail('type', 'expected true or false')
    return -1
  }

  /** Steps over true or false, if that is what stands here. */
  isBool(): boolean {
    return this.#literal(TRUE) || this.#literal(FALSE)
  }

  #literal(word: Uint8Array): boolean {
    for (let i = 0; i < word.length; i++) if (this.bytes[this.pos + i] !== word[i]) return false
    this.pos += word.length
    return true
  }

  // hot: bench/micro/json.ts
  /** Appends the content of the string at the cursor to `out`, which has room for the rest of the text. */
  string(out: MessageWriter): boolean {
    const { bytes, view, end } = this
    const to = out.bytes
    const toView = out.view
    const lastWord = end - 4
    let pos = this.pos + 1
    let at = out.pos
    while (pos < end) {
      if (pos <= lastWord) {
        const word = view.getInt32(pos, true)
        if (!hasSpecial(word)) {
          toView.setInt32(at, word, true)
          at += 4
          pos += 4
          continue
        }
      }
      const byte = bytes[pos]
      if (PLAIN[byte] === 1) {
        to[at++] = byte
        pos++
        continue
      }
      if (byte === QUOTE) {
        this.pos = pos + 1
        out.pos = at
        return true
      }
      this.pos = pos
      out.pos = at
      if (byte < 0x20) return this.fail('syntax', 'expected control characters to be escaped')
      if (!(byte === BACKSLASH ? this.#escape(out) : this.#beyondAscii(out))) return false
      pos = this.pos
      at = out.pos
    }
    this.pos = end
    return this.fail('syntax', 'expected a closing quote')
  }

  #escape(out: MessageWriter): boolean {
    const letter = this.bytes[this.pos + 1]
    const plain = ESCAPED[letter]
    if (plain !== 0 && this.pos + 1 < this.end) {
      out.bytes[out.pos++] = plain
      this.pos += 2
      return true
    }
    if (letter !== LOWER_U) return this.fail('syntax', 'expected one of "\\/bfnrtu after "\\"')
    const unit = this.#codeUnit(this.pos)
    if (unit < 0) return this.fail('syntax', 'expected four hexadecimal digits after "\\u"')
    this.pos += 6
    if (unit < 0xd800 || unit > 0xdfff) appendUtf8(out, unit)
    else this.#surrogate(out, unit)
    return true
  }

  /** The second half of a pair, or U+FFFD for a half alone, as Go and `TextEncoder` do. */
  #surrogate(out: MessageWriter, first: number): void {
    const second = first < 0xdc00 ? this.#codeUnit(this.pos) : -1
    if (second >= 0xdc00 && second <= 0xdfff) {
      this.pos += 6
      appendUtf8(out, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    } else appendUtf8(out, 0xfffd)
  }

  /** The code unit that is written as `\uXXXX` at `pos`, or -1. */
  #codeUnit(pos: number): number {
    const bytes = this.bytes
    if (pos + 6 > this.end || bytes[pos] !== BACKSLASH || bytes[pos + 1] !== LOWER_U) return -1
    let unit = 0
    for (let i = pos + 2; i < pos + 6; i++) {
      const digit = HEX[bytes[i]]
      if (digit > 15) return -1
      unit = (unit << 4) | digit
    }
    return unit
  }

  /**
   * Copies one character of two to four bytes (RFC 3629). The second byte's bounds rule out overlong forms,
   * surrogates and what lies beyond U+10FFFF.
   */
  #beyondAscii(out: MessageWriter): boolean {
    const { bytes, pos } = this
    const lead = bytes[pos]
    const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    if (lead < 0xc2 || lead > 0xf4 || pos + length > this.end) return this.#notUtf8()
    const second = bytes[pos + 1]
    const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < least || second > most) return this.#notUtf8()
    for (let i = 2; i < length; i++) if ((bytes[pos + i] & 0xc0) !== 0x80) return this.#notUtf8()
    for (let i = 0; i < length; i++) out.bytes[out.pos + i] = bytes[pos + i]
    out.pos += length
    this.pos = pos + length
    return true
  }

  #notUtf8(): false {
    return this.fail('utf8', 'expected valid UTF-8')
  }
}

/**
 * Offset after the JSON number at `pos`, -1 when there is none. Ends at any byte that no number contains, so the
 * caller sees to it that there is one.
 *
 * ```
 * number = [-] (0 | 1-9 digits) [. digits] [(e|E) [+|-] digits]
 * ```
 */
export function numberEnd(bytes: Uint8Array, pos: number): number {
  if (bytes[pos] === MINUS) pos++
  let end = digitsEnd(bytes, pos)
  if (end === pos || (bytes[pos] === 0x30 && end > pos + 1)) return -1
  if (bytes[end] === 0x2e) {
    pos = end + 1
    end = digitsEnd(bytes, pos)
    if (end === pos) return -1
  }
  if ((bytes[end] | 0x20) === 0x65) {
    pos = end + 1
    if (bytes[pos] === 0x2b || bytes[pos] === MINUS) pos++
    end = digitsEnd(bytes, pos)
    if (end === pos) return -1
  }
  return end
}

function digitsEnd(bytes: Uint8Array, pos: number): number {
  while (isDigit(bytes[pos])) pos++
  return pos
}

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function appendUtf8(out: MessageWriter, code: number): void {
  const bytes = out.bytes
  if (code < 0x80) bytes[out.pos++] = code
  else if (code < 0x800) {
    bytes[out.pos++] = 0xc0 | (code >> 6)
    bytes[out.pos++] = 0x80 | (code & 0x3f)
  } else {
    if (code < 0x10000) bytes[out.pos++] = 0xe0 | (code >> 12)
    else {
      bytes[out.pos++] = 0xf0 | (code >> 18)
      bytes[out.pos++] = 0x80 | ((code >> 12) & 0x3f)
    }
    bytes[out.pos++] = 0x80 | ((code >> 6) & 0x3f)
    bytes[out.pos++] = 0x80 | (code & 0x3f)
  }
}
