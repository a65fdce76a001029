/** Reads number and bytes tokens: int64 as the reference does, hex digits in pairs. */
import { SyntaxFault, type Token } from './lexer.ts'

export function parseInt64(token: Token): bigint {
  const [, sign, digits] = /^([-+]?)(\d+)$/.exec(token.text) ?? []
  // As Go's ParseInt with base 0: a leading zero means octal.
  const isOctal = /^0\d/.test(digits)
  if (isOctal && /[89]/.test(digits)) {
    throw new SyntaxFault(`${token.text} is not an octal number`, token.start, token.end)
  }
  const value = BigInt(isOctal ? `0o${digits}` : digits)
  // The reference reads the digits before the sign, so the lowest int64 cannot be written either.
  if (value >= 2n ** 63n) {
    throw new SyntaxFault(`${token.text} does not fit in 64 bits`, token.start, token.end)
  }
  return sign === '-' ? -value : value
}

export function parseFloatToken(token: Token): number {
  const value = Number(token.text)
  if (Number.isFinite(value)) return value
  throw new SyntaxFault(`${token.text} does not fit in 64 bits`, token.start, token.end)
}

export function parseHex(token: Token): Uint8Array {
  const hex = token.text.slice(2)
  if (hex.length % 2 === 1)
    throw new SyntaxFault('bytes need an even number of hex digits', token.start, token.end)
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
