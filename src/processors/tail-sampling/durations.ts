/**
 * How long a trace took up to each of its spans in order of arrival: a latency with an upper bound holds once the trace was
 * within the bounds, whatever comes later, as the reference has it.
 */

import type { Conditions } from './conditions.ts'
import { TIMES } from './level-tests.ts'

const NANOS = 1_000_000
const FIRST_CAPACITY = 1024

export class Durations {
  readonly isEmpty: boolean
  readonly #words: Int32Array
  readonly #masks: Int32Array
  readonly #mins: Float64Array
  readonly #maxes: Float64Array
  /** By trace: earliest start and latest end, see `TIMES`. */
  #times = new Float64Array(0)

  constructor({ plain }: Conditions) {
    const bounds = plain.flatMap((condition, bit) =>
      condition.kind === 'took' ? [{ ...condition, bit }] : [],
    )
    this.isEmpty = bounds.length === 0
    this.#words = Int32Array.from(bounds, ({ bit }) => bit >>> 5)
    this.#masks = Int32Array.from(bounds, ({ bit }) => 1 << (bit & 31))
    this.#mins = Float64Array.from(bounds, ({ min }) => min)
    this.#maxes = Float64Array.from(bounds, ({ max }) => max)
  }

  /** A trace of this number has begun. */
  begin(trace: number): void {
    if (this.isEmpty) return
    const end = (trace + 1) * TIMES
    if (this.#times.length < end) {
      const times = new Float64Array(Math.max(FIRST_CAPACITY, 2 * end))
      times.set(this.#times)
      this.#times = times
    }
    this.#times.fill(0, trace * TIMES, end)
  }

  // hot: bench/micro/tail-sampling.ts
  /** Adds the span at `item` of `times`, and sets the bits that hold now from `at` on. */
  add(trace: number, times: Float64Array, item: number, bits: Uint32Array, at: number): void {
    if (this.isEmpty) return
    const own = this.#times
    const t = trace * TIMES
    const from = item * TIMES
    if (isZero(own, t) || isBefore(times, from, own, t)) copy(times, from, own, t)
    if (isZero(own, t + 2) || isBefore(own, t + 2, times, from + 2)) {
      copy(times, from + 2, own, t + 2)
    }
    const nanos = own[t + 3] - own[t + 1]
    const ms = Math.trunc(own[t + 2] - own[t] + nanos / NANOS)
    for (let i = 0; i < this.#words.length; i++) {
      if (ms > this.#mins[i] && ms <= this.#maxes[i]) bits[at + this.#words[i]] |= this.#masks[i]
    }
  }
}

function isZero(times: Float64Array, at: number): boolean {
  return times[at] === 0 && times[at + 1] === 0
}

function isBefore(a: Float64Array, atA: number, b: Float64Array, atB: number): boolean {
  return a[atA] < b[atB] || (a[atA] === b[atB] && a[atA + 1] < b[atB + 1])
}

function copy(from: Float64Array, at: number, to: Float64Array, toAt: number): void {
  to[toAt] = from[at]
  to[toAt + 1] = from[at + 1]
}
