/**
 * Times in halves of 64 bits, exact where a double is not: Thrift counts microseconds, protobuf seconds and nanoseconds,
 * OTLP nanoseconds.
 */

const TWO_32 = 0x1_0000_0000
/** Times beyond are no signed 64-bit nanoseconds: from 2262-04-11T23:47:16.854775808Z on. */
const HIGH_LIMIT = 0x8000_0000
const THOUSAND = 1000

/** A signed number `high * 2^32 + low`; `high` may pass 32 bits before it is judged. */
export class Nanos {
  high = 0
  low = 0

  clear(): void {
    this.high = 0
    this.low = 0
  }

  /** From microseconds: the signed high half and the unsigned low one. */
  setMicros(high: number, low: number): void {
    this.high = high
    this.low = low
    this.#times1000()
  }

  /** From seconds (halves as above) and nanoseconds of any sign. */
  setSeconds(high: number, low: number, nanos: number): void {
    this.high = high
    this.low = low
    this.#times1000()
    this.#times1000()
    this.#times1000()
    this.#plus(0, nanos)
  }

  setSum(one: Nanos, other: Nanos): void {
    this.high = one.high
    this.low = one.low
    this.#plus(other.high, other.low)
  }

  /** Before 1970: what Go's zero time and clocks that were never set give. */
  get isNegative(): boolean {
    return this.high < 0
  }

  get isTooLate(): boolean {
    return this.high >= HIGH_LIMIT
  }

  #times1000(): void {
    const product = this.low * THOUSAND
    this.low = product >>> 0
    this.high = this.high * THOUSAND + (product - this.low) / TWO_32
  }

  #plus(high: number, low: number): void {
    const sum = this.low + low
    this.low = sum >>> 0
    this.high += high + Math.floor(sum / TWO_32)
  }
}
