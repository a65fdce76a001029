/**
 * Reads `th` and `rv` of the `ot` entry of a `tracestate` from its bytes, without text and without bigint: 56 bits in halves of
 * 28. Entries of others are passed over unchecked; `../trace-state.ts` is the exact reader, used where a state is written.
 */

const DIGITS = 14
const HALF_DIGITS = 7

const COMMA = 0x2c
const SEMICOLON = 0x3b
const COLON = 0x3a

export class OtReader {
  hasThreshold = false
  thresholdHigh = 0
  thresholdLow = 0
  hasRandomness = false
  randomnessHigh = 0
  randomnessLow = 0
  /** There is an `ot` whose `th` or `rv` cannot be read, or stands there more than once. */
  isBad = false
  #entries = 0
  #thresholds = 0
  #randomnesses = 0
  #high = 0
  #low = 0

  read(bytes: Uint8Array, from: number, to: number): void {
    this.hasThreshold = this.hasRandomness = this.isBad = false
    this.thresholdHigh = this.thresholdLow = this.randomnessHigh = this.randomnessLow = 0
    this.#entries = this.#thresholds = this.#randomnesses = 0
    for (let p = from; p < to; ) {
      let end = p
      while (end < to && bytes[end] !== COMMA) end++
      while (p < end && (bytes[p] === 0x20 || bytes[p] === 0x09)) p++
      const isOt = bytes[p] === 0x6f && bytes[p + 1] === 0x74 && bytes[p + 2] === 0x3d
      if (isOt && end - p > 3) {
        this.#entries++
        this.#members(bytes, p + 3, end)
      }
      p = end + 1
    }
    this.#settleDoubled()
  }

  /** As in the exact reader: of several, none is known. */
  #settleDoubled(): void {
    const most = this.#entries > 1 ? 0 : 1
    if (this.#thresholds > most) {
      this.hasThreshold = false
      this.thresholdHigh = this.thresholdLow = 0
      this.isBad = true
    }
    if (this.#randomnesses > most) {
      this.hasRandomness = false
      this.randomnessHigh = this.randomnessLow = 0
      this.isBad = true
    }
  }

  #members(bytes: Uint8Array, from: number, to: number): void {
    for (let p = from; p < to; ) {
      let end = p
      while (end < to && bytes[end] !== SEMICOLON) end++
      let last = end
      while (last > p && (bytes[last - 1] === 0x20 || bytes[last - 1] === 0x09)) last--
      if (bytes[p + 2] === COLON && end - p >= 3) {
        if (bytes[p] === 0x74 && bytes[p + 1] === 0x68) this.#threshold(bytes, p + 3, last)
        else if (bytes[p] === 0x72 && bytes[p + 1] === 0x76) this.#randomness(bytes, p + 3, last)
      }
      p = end + 1
    }
  }

  #threshold(bytes: Uint8Array, from: number, to: number): void {
    this.#thresholds++
    this.hasThreshold = to > from && this.#hex(bytes, from, to)
    if (!this.hasThreshold) this.isBad = true
    this.thresholdHigh = this.hasThreshold ? this.#high : 0
    this.thresholdLow = this.hasThreshold ? this.#low : 0
  }

  #randomness(bytes: Uint8Array, from: number, to: number): void {
    this.#randomnesses++
    this.hasRandomness = to - from === DIGITS && this.#hex(bytes, from, to)
    if (!this.hasRandomness) this.isBad = true
    this.randomnessHigh = this.hasRandomness ? this.#high : 0
    this.randomnessLow = this.hasRandomness ? this.#low : 0
  }

  /** Digits that are not there are zeros at the end. */
  #hex(bytes: Uint8Array, from: number, to: number): boolean {
    this.#high = this.#low = 0
    if (to - from > DIGITS) return false
    for (let i = 0; i < DIGITS; i++) {
      const digit = from + i < to ? hexDigit(bytes[from + i]) : 0
      if (digit < 0) return false
      if (i < HALF_DIGITS) this.#high = (this.#high << 4) | digit
      else this.#low = (this.#low << 4) | digit
    }
    return true
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
