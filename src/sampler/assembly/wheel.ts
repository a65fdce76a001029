/**
 * When traces are due: a wheel of lists, one for each tick of its turn, linked through the records. What is due later than
 * one turn waits in its list for another.
 */
import * as R from './trace-record.ts'
import type { Traces } from './traces.ts'

/** Ticks of a turn, a power of two. */
const TICKS = 1024
/** The list of what is due at once. */
const NOW = TICKS
/** A double rounds what is not exact. */
const EPSILON = 1e-6

export class Wheel {
  readonly #traces: Traces
  readonly #tickMs: number
  readonly #first = new Int32Array(TICKS + 1).fill(-1)
  readonly #last = new Int32Array(TICKS + 1).fill(-1)
  /** All ticks before this one have been looked at. */
  #tick = Number.NaN

  constructor(traces: Traces, tickMs: number) {
    this.#traces = traces
    this.#tickMs = tickMs
  }

  /** Due at the first tick at which `dueMs` is over, or earlier if it was to be so. */
  schedule(handle: number, dueMs: number): void {
    const tick = Math.ceil(dueMs / this.#tickMs - EPSILON)
    const words = this.#traces.page(handle)
    const at = this.#traces.at(handle)
    if (words[at + R.WHEEL_LIST] >= 0) {
      if (words[at + R.WHEEL_LIST] === NOW || words[at + R.DUE] <= tick) return
      this.remove(handle)
    }
    words[at + R.DUE] = tick
    // A tick that has been looked at comes by again a whole turn later only.
    this.#append(handle, tick < this.#tick ? NOW : tick & (TICKS - 1))
  }

  scheduleNow(handle: number): void {
    const list = this.#traces.page(handle)[this.#traces.at(handle) + R.WHEEL_LIST]
    if (list === NOW) return
    if (list >= 0) this.remove(handle)
    this.#append(handle, NOW)
  }

  /** Nothing happens when it is in no list. */
  remove(handle: number): void {
    const words = this.#traces.page(handle)
    const at = this.#traces.at(handle)
    const list = words[at + R.WHEEL_LIST]
    if (list < 0) return
    const previous = words[at + R.WHEEL_PREVIOUS]
    const next = words[at + R.WHEEL_NEXT]
    if (previous < 0) this.#first[list] = next
    else this.#traces.page(previous)[this.#traces.at(previous) + R.WHEEL_NEXT] = next
    if (next < 0) this.#last[list] = previous
    else this.#traces.page(next)[this.#traces.at(next) + R.WHEEL_PREVIOUS] = previous
    words[at + R.WHEEL_LIST] = -1
  }

  /** Takes out what is due, earliest first, as far as `out` has room; says how many. */
  take(nowMs: number, out: Int32Array): number {
    const now = Math.floor(nowMs / this.#tickMs + EPSILON)
    let count = 0
    while (this.#first[NOW] >= 0 && count < out.length) {
      out[count] = this.#first[NOW]
      this.remove(out[count++])
    }
    if (Number.isNaN(this.#tick)) this.#tick = now - TICKS + 1
    // All lists are looked at in one turn.
    if (now - this.#tick >= TICKS) this.#tick = now - TICKS + 1
    for (; this.#tick <= now; this.#tick++) {
      count = this.#takeList(this.#tick & (TICKS - 1), now, out, count)
      if (count === out.length) break
    }
    return count
  }

  #takeList(list: number, now: number, out: Int32Array, taken: number): number {
    const traces = this.#traces
    let count = taken
    for (let handle = this.#first[list]; handle >= 0 && count < out.length; ) {
      const words = traces.page(handle)
      const at = traces.at(handle)
      const next = words[at + R.WHEEL_NEXT]
      if (words[at + R.DUE] <= now) {
        this.remove(handle)
        out[count++] = handle
      }
      handle = next
    }
    return count
  }

  #append(handle: number, list: number): void {
    const words = this.#traces.page(handle)
    const at = this.#traces.at(handle)
    const last = this.#last[list]
    words[at + R.WHEEL_LIST] = list
    words[at + R.WHEEL_PREVIOUS] = last
    words[at + R.WHEEL_NEXT] = -1
    if (last < 0) this.#first[list] = handle
    else this.#traces.page(last)[this.#traces.at(last) + R.WHEEL_NEXT] = handle
    this.#last[list] = handle
  }
}
