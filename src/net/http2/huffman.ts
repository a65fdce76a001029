/** Decodes the Huffman code of header compression (RFC 7541 §5.2, Appendix B). */

/**
 * Bits of the code of each symbol from 0 to 255, then of the end-of-string symbol. The code is canonical: codes of one
 * length count up in the order of their symbols, so the lengths alone define it.
 */
// biome-ignore format: a table
const CODE_BITS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
]
const END_OF_STRING = 256
const MAX_BITS = 30

/** By length: the first code, and where its symbols begin in `SYMBOLS`. */
const FIRST_CODE = new Int32Array(MAX_BITS + 2)
const FIRST_SYMBOL = new Int32Array(MAX_BITS + 2)
const COUNT = new Int32Array(MAX_BITS + 2)
const SYMBOLS = new Int32Array(CODE_BITS.length)
buildTables()

function buildTables(): void {
  for (const bits of CODE_BITS) COUNT[bits]++
  let code = 0
  let at = 0
  for (let bits = 1; bits <= MAX_BITS; bits++) {
    FIRST_CODE[bits] = code
    FIRST_SYMBOL[bits] = at
    for (let symbol = 0; symbol < CODE_BITS.length; symbol++) {
      if (CODE_BITS[symbol] === bits) SYMBOLS[at++] = symbol
    }
    code = (code + COUNT[bits]) << 1
  }
}

/** Each byte of the text becomes one character. Undefined for what no encoder may write: a wrong end or its symbol. */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number): string | undefined {
  const out = Buffer.allocUnsafe(Math.ceil(((to - from) * 8) / 5))
  let length = 0
  let code = 0
  let bits = 0
  for (let at = from; at < to; at++) {
    const byte = bytes[at]
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >>> bit) & 1)
      bits++
      const offset = code - FIRST_CODE[bits]
      if (offset < COUNT[bits] && offset >= 0) {
        const symbol = SYMBOLS[FIRST_SYMBOL[bits] + offset]
        if (symbol === END_OF_STRING) return undefined
        out[length++] = symbol
        code = 0
        bits = 0
      } else if (bits === MAX_BITS) return undefined
    }
  }
  // What is left over is padding: fewer than eight bits, all ones.
  if (bits > 7 || code !== (1 << bits) - 1) return undefined
  return out.toString('latin1', 0, length)
}
