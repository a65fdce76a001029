/** Bytes written as text in JSON: ids in hexadecimal, everything else in base64. Both directions, without JavaScript strings. */
import type { MessageWriter } from './message-writer.ts'
import { BACKSLASH, HEX, QUOTE, type TextReader } from './text-reader.ts'

const DIGITS = Buffer.from('0123456789abcdef')
const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const PAD = 0x3d

/** Value of a base64 digit of either alphabet (RFC 4648 §4, §5); 255 for every other byte. */
const BASE64 = new Uint8Array(256).fill(255)
for (const [value, digit] of ALPHABET.entries()) BASE64[digit] = value
BASE64['-'.charCodeAt(0)] = 62
BASE64['_'.charCodeAt(0)] = 63

// hot: bench/micro/json.ts
/** Appends the bytes of the id at the cursor, hexadecimal in either case. */
export function readId(text: TextReader, out: MessageWriter): boolean {
  const bytes = text.bytes
  const start = text.pos + 1
  let pos = start
  let at = out.pos
  for (;;) {
    const high = HEX[bytes[pos]]
    if (high > 15) break
    const low = HEX[bytes[pos + 1]]
    if (low > 15) return failId(text, pos + 1)
    out.bytes[at++] = (high << 4) | low
    pos += 2
  }
  if (bytes[pos] === BACKSLASH) return readEscapedId(text, out)
  if (bytes[pos] !== QUOTE) return failId(text, pos)
  out.pos = at
  text.pos = pos + 1
  return true
}

function failId(text: TextReader, pos: number): false {
  if (text.bytes[pos] === BACKSLASH) {
    return text.fail('value', 'expected an id in hexadecimal without escapes')
  }
  text.pos = pos
  return text.fail('value', 'expected an id in hexadecimal with an even number of digits')
}

function readEscapedId(text: TextReader, out: MessageWriter): boolean {
  const from = text.pos
  const start = out.pos
  if (!text.string(out)) return false
  const { bytes, pos: end } = out
  let at = start
  for (let pos = start; pos < end; pos += 2) {
    const high = HEX[bytes[pos]]
    const low = pos + 1 < end ? HEX[bytes[pos + 1]] : 255
    if (high > 15 || low > 15) {
      text.pos = from
      return text.fail('value', 'expected an id in hexadecimal with an even number of digits')
    }
    bytes[at++] = (high << 4) | low
  }
  out.pos = at
  return true
}

/** Appends the bytes of the base64 text at the cursor: either alphabet, with or without padding. */
export function readBase64(text: TextReader, out: MessageWriter): boolean {
  const from = text.pos
  const start = out.pos
  if (!text.string(out)) return false
  const bytes = out.bytes
  let end = out.pos
  // Padding fills up to four digits, so it is only right at the end of a full group.
  if ((end - start) % 4 === 0) {
    for (let pads = 0; pads < 2 && end > start && bytes[end - 1] === PAD; pads++) end--
  }
  let fine = (end - start) % 4 !== 1
  let bits = 0
  let held = 0
  let at = start
  for (let pos = start; pos < end && fine; pos++) {
    const digit = BASE64[bytes[pos]]
    fine = digit < 64
    held = ((held << 6) | digit) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = held >>> bits
  }
  out.pos = at
  if (fine) return true
  text.pos = from
  return text.fail('value', 'expected base64')
}

// hot: bench/micro/json.ts
/** Writes `from[start..end)` in lower-case hexadecimal and answers the offset after it. */
export function writeHex(
  to: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  end: number,
): number {
  for (let pos = start; pos < end; pos++) {
    const byte = from[pos]
    to[at++] = DIGITS[byte >> 4]
    to[at++] = DIGITS[byte & 15]
  }
  return at
}

/** Writes `from[start..end)` in base64 with padding and answers the offset after it. */
export function writeBase64(
  to: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  end: number,
): number {
  for (let pos = start; pos < end; pos += 3) {
    const left = end - pos
    const group =
      (from[pos] << 16) | (left > 1 ? from[pos + 1] << 8 : 0) | (left > 2 ? from[pos + 2] : 0)
    to[at++] = ALPHABET[group >> 18]
    to[at++] = ALPHABET[(group >> 12) & 63]
    to[at++] = left > 1 ? ALPHABET[(group >> 6) & 63] : PAD
    to[at++] = left > 2 ? ALPHABET[group & 63] : PAD
  }
  return at
}
