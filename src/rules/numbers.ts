/** Reads number and bytes tokens: int64 as the reference does, hex digits in pairs. */
import { SyntaxFault, type Token } from './lexer.ts'

export function parseInt64(token: Token): bigint {
  const value = BigInt(token.text.replace(/^\+/, ''))
  // The reference reads the digits before the sign, so the lowest int64 cannot be written either.
  if (value !== BigInt.asIntN(64, value) || value === -(2n ** 63n)) {
    throw new SyntaxFault(`${token.text} does not fit in 64 bits`, token.start, token.end)
  }
  return value
}

export function parseHex(token: Token): Uint8Array {
  const hex = token.text.slice(2)
  if (hex.length % 2 === 1)
    throw new SyntaxFault('bytes need an even number of hex digits', token.start, token.end)
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
