/**
 * A hard limit of units per second that holds over every window of ten seconds: a log of what left in steps of ten milliseconds,
 * and a bucket in front of it so that the window is not spent in its first second.
 */

import type { Ceiling } from './options.ts'

const WINDOW_MS = 10_000
const STEP_MS = 10
/** One step more than the window: what left within the step that the window cuts still counts. */
const STEPS = WINDOW_MS / STEP_MS + 1
/** What a quiet time saves for the next moment; ticks should not be farther apart. */
const BUCKET_SECONDS = 1
/** Share of the limit that flows into the bucket: with the bucket full, a window comes out at the limit and no moment is left bare. */
const REFILL = 0.9
const MS = 1_000

export class WindowCeiling {
  readonly #perSecond: number
  readonly #left = new Float64Array(STEPS)
  #step = -1
  #sum = 0
  #tokens: number
  #lastMs = -1

  /** 0: no limit. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond > 0 ? perSecond : Number.POSITIVE_INFINITY
    this.#tokens = this.#perSecond * BUCKET_SECONDS
  }

  /** Units that may leave now. */
  room(nowMs: number): number {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return this.#perSecond
    this.#advance(nowMs)
    const window = (this.#perSecond * WINDOW_MS) / MS - this.#sum
    return Math.max(0, Math.min(this.#tokens, window))
  }

  /** Follows a `room` at the same time. */
  take(units: number): void {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return
    this.#left[this.#step % STEPS] += units
    this.#sum += units
    this.#tokens -= units
  }

  #advance(nowMs: number): void {
    const step = Math.floor(nowMs / STEP_MS)
    if (this.#lastMs < 0) {
      this.#step = step
      this.#lastMs = nowMs
      return
    }
    if (nowMs > this.#lastMs) {
      const grown = this.#tokens + ((nowMs - this.#lastMs) * this.#perSecond * REFILL) / MS
      this.#tokens = Math.min(this.#perSecond * BUCKET_SECONDS, grown)
      this.#lastMs = nowMs
    }
    const turns = Math.min(STEPS, step - this.#step)
    if (turns <= 0) return
    for (let turn = 1; turn <= turns; turn++) this.#left[(step - turns + turn) % STEPS] = 0
    this.#step = step
    this.#sum = 0
    for (let at = 0; at < STEPS; at++) this.#sum += this.#left[at]
  }
}

/** Both limits that something may have. */
export class CeilingPair {
  readonly #spans: WindowCeiling
  readonly #bytes: WindowCeiling
  /** As of the last `look`. */
  spanRoom = Number.POSITIVE_INFINITY
  byteRoom = Number.POSITIVE_INFINITY

  constructor({ spansPerSecond, bytesPerSecond }: Ceiling) {
    this.#spans = new WindowCeiling(spansPerSecond)
    this.#bytes = new WindowCeiling(bytesPerSecond)
  }

  /** There is no limit. */
  get isOpen(): boolean {
    const { spanRoom, byteRoom } = this
    return spanRoom === Number.POSITIVE_INFINITY && byteRoom === Number.POSITIVE_INFINITY
  }

  look(nowMs: number): void {
    this.spanRoom = this.#spans.room(nowMs)
    this.byteRoom = this.#bytes.room(nowMs)
  }

  fits(spans: number, bytes: number): boolean {
    return spans <= this.spanRoom && bytes <= this.byteRoom
  }

  /** Follows a `look` at the same time. */
  take(spans: number, bytes: number): void {
    this.#spans.take(spans)
    this.#bytes.take(bytes)
  }
}
