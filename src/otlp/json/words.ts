/**
 * Four bytes of text at a time, as one 32-bit integer in little-endian order: keys are compared and strings searched a
 * word at a step, which is where JSON spends its time. `DataView` reads words at any offset at the price of one byte.
 */

/** Texts that are compared or written whole: their words, the last one filled up with zeros. */
export function toWords(text: Uint8Array): Int32Array {
  const words = new Int32Array(Math.ceil(text.length / 4))
  for (let i = 0; i < text.length; i++) words[i >> 2] |= text[i] << ((i & 3) * 8)
  return words
}

/** The bits of the last word that belong to a text of this length. */
export function lastWordMask(length: number): number {
  const rest = length % 4
  return rest === 0 ? -1 : (1 << (rest * 8)) - 1
}

// Subtracting borrows from the top bit of a byte exactly where the byte is too small; a borrow can only run on from a
// byte that is itself marked, so a word without a mark has none.

/** Whether any byte is a control, a quote or a backslash: what must not stand in a JSON string as it is. */
export function needsEscape(word: number): boolean {
  const quote = word ^ 0x22222222
  const slash = word ^ 0x5c5c5c5c
  const marks =
    ((quote - 0x01010101) & ~quote) |
    ((slash - 0x01010101) & ~slash) |
    ((word - 0x20202020) & ~word)
  return (marks & 0x80808080) !== 0
}

/** The same, or any byte beyond ASCII. */
export function hasSpecial(word: number): boolean {
  const quote = word ^ 0x22222222
  const slash = word ^ 0x5c5c5c5c
  const marks = (quote - 0x01010101) | (slash - 0x01010101) | (word - 0x20202020) | word
  return (marks & 0x80808080) !== 0
}
