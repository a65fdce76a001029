/**
 * How many spans a span stands for that sampling has let through, read from the threshold in its `tracestate`.
 * Neighbours mostly share a trace state, so the last one is remembered as bytes and nothing is decoded for the same again.
 */
import { readString } from '../otlp/wire-reader.ts'
import { NEVER } from './threshold.ts'
import { TraceState } from './trace-state.ts'

/** Longer ones are not valid, and would only be kept as something to compare with. */
const MAX_BYTES = 1024

export class AdjustedCounts {
  /** The last span told a threshold. */
  isAdjusted = false
  #count = 1
  #state = new Uint8Array(64)
  #length = 0
  readonly #random: () => number

  /** `random` is in [0, 1): it decides where a count is no whole number, so that sums are right on average. */
  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** Of the span whose trace state stands at `start` to `end`: a whole number, 1 without a threshold. */
  of(bytes: Uint8Array, start: number, end: number): number {
    if (start === end) {
      this.isAdjusted = false
      return 1
    }
    if (!this.#isLast(bytes, start, end)) this.#read(bytes, start, end)
    this.isAdjusted = this.#count > 0
    if (!this.isAdjusted) return 1
    const whole = Math.floor(this.#count)
    return whole === this.#count || this.#random() >= this.#count - whole ? whole : whole + 1
  }

  #isLast(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start
    if (length !== this.#length) return false
    const state = this.#state
    for (let i = 0; i < length; i++) if (bytes[start + i] !== state[i]) return false
    return true
  }

  #read(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.#count = 0
    if (length > MAX_BYTES) {
      this.#length = 0
      return
    }
    if (length > this.#state.length) this.#state = new Uint8Array(MAX_BYTES)
    for (let i = 0; i < length; i++) this.#state[i] = bytes[start + i]
    this.#length = length
    const threshold = TraceState.parse(readString(bytes, start, end))?.threshold ?? null
    if (threshold !== null && threshold < NEVER) {
      this.#count = Number(NEVER) / Number(NEVER - threshold)
    }
  }
}
