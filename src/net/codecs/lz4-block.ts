/**
 * The inner loop of LZ4: one block into a buffer, every length checked against both ends.
 *
 * ```
 * sequence : token(1) [more literal length] literals offset(2) [more match length]
 *            token = literal length(4 bits) match length - 4 (4 bits); 15 goes on in bytes, until one below 255
 * ```
 */

export const DAMAGED = -1
/** The block holds more than fits before `limit`. */
export const TOO_LONG = -2

/** Writes from `at`, never at or beyond `limit`; references reach back to `history`. Returns the end, or a fault. */
export function inflateLz4Block(
  input: Uint8Array,
  output: Uint8Array,
  at: number,
  limit: number,
  history: number,
): number {
  let pos = 0
  let out = at
  while (pos < input.length) {
    const token = input[pos++]
    let literals = token >>> 4
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) {
        if (pos >= input.length) return DAMAGED
        more = input[pos++]
      }
    }
    if (pos + literals > input.length) return DAMAGED
    if (out + literals > limit) return TOO_LONG
    if (literals > 32) output.set(input.subarray(pos, pos + literals), out)
    else for (let i = 0; i < literals; i++) output[out + i] = input[pos + i]
    out += literals
    pos += literals
    if (pos === input.length) return out
    if (pos + 2 > input.length) return DAMAGED
    const offset = input[pos] | (input[pos + 1] << 8)
    pos += 2
    if (offset === 0 || out - offset < history) return DAMAGED
    let match = (token & 15) + 4
    if (match === 19) {
      for (let more = 255; more === 255; match += more) {
        if (pos >= input.length) return DAMAGED
        more = input[pos++]
      }
    }
    if (out + match > limit) return TOO_LONG
    if (offset >= match && match > 32) output.copyWithin(out, out - offset, out - offset + match)
    else for (let i = 0; i < match; i++) output[out + i] = output[out - offset + i]
    out += match
  }
  return out === at && input.length === 0 ? out : DAMAGED
}
