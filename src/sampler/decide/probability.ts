/**
 * The 56 bits of consistent probability as two halves of 28, exact without bigints: what `threshold.ts` says, for the data path.
 */

const HALF_BITS = 28
/** One more than the greatest half. */
export const HALF = 1 << HALF_BITS
const MASK = HALF - 1
const SCALE = HALF * HALF
/** Hex digits of a half. */
const HALF_DIGITS = 7
const MAX_DIGITS = 2 * HALF_DIGITS
/** Bytes of a trace id, and those before its low 56 bits. */
const ID_BYTES = 16
const HIGH_ID_BYTES = 9
/** Relative step that keeps a threshold clear of the randomness it was computed from, whatever doubles round. */
const CLEAR = 1 - 2 ** -50

/** The last result of a function here that has two halves: to be read at once. */
export const result = { high: 0, low: 0 }

/** Low 56 bits of the trace id that starts at `at`, into `result`. */
export function randomnessOfId(bytes: Uint8Array, at: number): void {
  const low = at + HIGH_ID_BYTES
  result.high =
    (bytes[low] << 20) | (bytes[low + 1] << 12) | (bytes[low + 2] << 4) | (bytes[low + 3] >>> 4)
  result.low =
    ((bytes[low + 3] & 15) << 24) | (bytes[low + 4] << 16) | (bytes[low + 5] << 8) | bytes[low + 6]
}

/** Salted hash of the whole id at `at`, into `result`: for ids that are not random. Equal for equal salts in every collector. */
export function hashedRandomness(bytes: Uint8Array, at: number, salt: number): void {
  let a = salt | 0
  let b = ~salt
  for (let word = at; word < at + ID_BYTES; word += 4) {
    const value =
      (bytes[word] << 24) | (bytes[word + 1] << 16) | (bytes[word + 2] << 8) | bytes[word + 3]
    a = mix(a ^ value)
    b = mix(b + value + 0x9e3779b9)
  }
  result.high = mix(a ^ (b << 1)) & MASK
  result.low = mix(b ^ (a >>> 1)) & MASK
}

function mix(value: number): number {
  let v = value | 0
  v = Math.imul(v ^ (v >>> 16), 0x85ebca6b)
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35)
  return v ^ (v >>> 16)
}

/** How far randomness is from the top, as a share: in (0, 1], uniform. A trace is kept at probability p iff this is at most p. */
export function depth(high: number, low: number): number {
  // In this order nothing is rounded before the difference, which is exact where it is small.
  return ((HALF - high) * HALF - low) / SCALE
}

/**
 * Into `result`: a threshold whose probability is `probability` less a hair, so that randomness whose `depth` equals
 * `probability` falls below it. At 1 and above: 0, which keeps all; at 0 and below the greatest, which keeps one in 2^56.
 */
export function thresholdOf(probability: number): void {
  if (probability >= 1) {
    result.high = result.low = 0
    return
  }
  const kept = Math.max(1, Math.floor(probability * SCALE * CLEAR))
  const keptHigh = Math.floor(kept / HALF)
  const keptLow = kept - keptHigh * HALF
  result.low = (HALF - keptLow) & MASK
  result.high = HALF - keptHigh - (keptLow === 0 ? 0 : 1)
}

export function probabilityOf(high: number, low: number): number {
  return depth(high, low)
}

/** Whether randomness `r` is at least threshold `t`. */
export function keeps(rHigh: number, rLow: number, tHigh: number, tLow: number): boolean {
  return rHigh > tHigh || (rHigh === tHigh && rLow >= tLow)
}

/** Hex digits of `th`, trailing zeros left out, as ASCII at `at`; answers their number, at most 14. */
export function writeThreshold(high: number, low: number, out: Uint8Array, at: number): number {
  writeHalf(high, out, at)
  writeHalf(low, out, at + HALF_DIGITS)
  let digits = MAX_DIGITS
  while (digits > 1 && out[at + digits - 1] === 0x30) digits--
  return digits
}

function writeHalf(half: number, out: Uint8Array, at: number): void {
  for (let digit = 0; digit < HALF_DIGITS; digit++) {
    const nibble = (half >>> (4 * (HALF_DIGITS - 1 - digit))) & 15
    out[at + digit] = nibble < 10 ? 0x30 + nibble : 0x57 + nibble
  }
}

/** Reads the 1-14 hex digits of `th` into `result`; false for what is none. */
export function readThreshold(bytes: Uint8Array, start: number, end: number): boolean {
  const digits = end - start
  if (digits < 1 || digits > MAX_DIGITS) return false
  let high = 0
  let low = 0
  for (let digit = 0; digit < MAX_DIGITS; digit++) {
    const nibble = digit < digits ? nibbleOf(bytes[start + digit]) : 0
    if (nibble < 0) return false
    if (digit < HALF_DIGITS) high = (high << 4) | nibble
    else low = (low << 4) | nibble
  }
  result.high = high
  result.low = low
  return true
}

/** Reads the 14 hex digits of `rv` into `result`; false for what is none. */
export function readRandomness(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === MAX_DIGITS && readThreshold(bytes, start, end)
}

function nibbleOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
