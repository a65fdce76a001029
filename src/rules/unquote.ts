/** Turns a quoted string token into its text, with Go's escapes (strconv.Unquote): the reference reads strings so. */
import { SyntaxFault, type Token } from './lexer.ts'

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
}

/** Digits after `\x`, `\u`, `\U`. */
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

export function unquote(token: Token): string {
  const body = token.text.slice(1, -1)
  if (!body.includes('\\')) return body
  let out = ''
  let bytes: number[] = []
  const flush = (): void => {
    if (bytes.length > 0) out += Buffer.from(bytes).toString('utf8')
    bytes = []
  }
  for (let i = 0; i < body.length; ) {
    const read = readEscape(body, i, token)
    if (read.byte !== undefined) bytes.push(read.byte)
    else {
      flush()
      out += read.text
    }
    i += read.length
  }
  flush()
  return out
}

function readEscape(
  body: string,
  i: number,
  token: Token,
): { text?: string; byte?: number; length: number } {
  if (body[i] !== '\\') return { text: body[i], length: 1 }
  const letter = body[i + 1]
  if (letter in SIMPLE) return { text: SIMPLE[letter], length: 2 }
  const digits = HEX_DIGITS[letter]
  if (digits !== undefined) {
    const hex = body.slice(i + 2, i + 2 + digits)
    if (hex.length === digits && /^[0-9a-fA-F]+$/.test(hex)) {
      const code = Number.parseInt(hex, 16)
      if (letter === 'x') return { byte: code, length: 4 }
      if (code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) {
        return { text: String.fromCodePoint(code), length: 2 + digits }
      }
    }
  }
  const octal = /^[0-7]{3}/.exec(body.slice(i + 1))?.[0]
  if (octal !== undefined && Number.parseInt(octal, 8) <= 255) {
    return { byte: Number.parseInt(octal, 8), length: 4 }
  }
  throw new SyntaxFault(`invalid escape \\${letter ?? ''} in string`, token.start, token.end)
}
