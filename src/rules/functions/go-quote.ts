/** Quoted text as Go's strconv.Quote writes it. */

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
}

/** Letters, marks, numbers, punctuation, symbols and the plain space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

/** Lone surrogates from here on stand for single bytes that are no UTF-8. */
const INVALID_BYTE = 0xdc00

/** Text for `quoteGo`, in which bytes that are no UTF-8 can still be told. */
export function textOfBytes(bytes: Buffer): string {
  const text = bytes.toString()
  if (!text.includes('\ufffd')) return text
  let out = ''
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes[at])
    const character = bytes.toString('utf8', at, at + length)
    const isValid = length > 0 && Buffer.byteLength(character) === length
    const isWhole =
      isValid && bytes.compare(Buffer.from(character), 0, length, at, at + length) === 0
    out += isWhole ? character : String.fromCharCode(INVALID_BYTE + bytes[at])
    at += isWhole ? length : 1
  }
  return out
}

function sequenceLength(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4) return 0
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
}

export function isPrintable(character: string): boolean {
  return PRINTABLE.test(character)
}

export function quoteGo(text: string, quote: '"' | "'" = '"', isAscii = false): string {
  let out: string = quote
  for (const character of text) out += quoteCharacter(character, quote, isAscii)
  return out + quote
}

function quoteCharacter(character: string, quote: string, isAscii: boolean): string {
  if (character === quote) return `\\${quote}`
  const code = character.codePointAt(0) as number
  const isShown = isAscii ? code < 0x7f : true
  const escaped = ESCAPES[character]
  if (escaped !== undefined) return escaped
  if (isShown && isPrintable(character)) return character
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`
  if (code >= INVALID_BYTE && code <= INVALID_BYTE + 0xff) {
    return `\\x${(code - INVALID_BYTE).toString(16)}`
  }
  if (code >= 0xd800 && code <= 0xdfff) return isAscii ? '\\ufffd' : '\ufffd'
  return code > 0xffff
    ? `\\U${code.toString(16).padStart(8, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}

/** Whether it can stand between backquotes: one line, without backquotes and control characters but tabs. */
export function canBackquote(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) as number
    if (code === 0xfeff || code === 0x60 || code === 0x7f) return false
    if (code < 0x20 && code !== 9) return false
    if (code >= 0xd800 && code <= 0xdfff) return false
  }
  return true
}
