/**
 * The `tracestate` that a kept span leaves with. Spans of one trace mostly carry the same state and get the same threshold, so
 * the last result is kept.
 */
import { TraceState } from '../trace-state.ts'
import { sameBytes } from './hash.ts'
import { STAMP_ERASE, STAMP_THRESHOLD, type Stamp } from './stamp.ts'

const HALF_BITS = 28n
const HALF_DIGITS = 7
const NO_BYTES = new Uint8Array(0)

/** How much longer than the old state a new one can be: `ot=th:`, 14 digits, a separator. */
export const STATE_GROWTH = 24

export class StateWriter {
  #before: Uint8Array = NO_BYTES
  #mode = -1
  #high = 0
  #low = 0
  /** Null = as before. */
  #after: Uint8Array | null = null

  /** The state in place of the one that stands there; null = leave it. */
  rewrite(stamp: Stamp, bytes: Uint8Array, from: number, to: number): Uint8Array | null {
    const isKnown =
      stamp.mode === this.#mode &&
      stamp.thresholdHigh === this.#high &&
      stamp.thresholdLow === this.#low &&
      to - from === this.#before.length &&
      sameBytes(bytes, from, this.#before, 0, to - from)
    if (isKnown) return this.#after
    this.#before = bytes.slice(from, to)
    this.#mode = stamp.mode
    this.#high = stamp.thresholdHigh
    this.#low = stamp.thresholdLow
    const before = Buffer.from(this.#before).toString('utf8')
    const after = rewriteState(stamp, before)
    this.#after = after === before ? null : Buffer.from(after)
    return this.#after
  }
}

/** What cannot be read is discarded, as W3C wants it. */
function rewriteState(stamp: Stamp, before: string): string {
  if (before === '') return stamp.mode === STAMP_THRESHOLD ? `ot=th:${thresholdText(stamp)}` : ''
  const state = TraceState.parse(before) ?? TraceState.parse('')!
  if (stamp.mode === STAMP_ERASE) {
    if (state.threshold === null) return before
    state.clearThreshold()
  } else {
    const given = (BigInt(stamp.thresholdHigh) << HALF_BITS) | BigInt(stamp.thresholdLow)
    if (state.threshold !== null && state.threshold >= given) return before
    state.setThreshold(given)
  }
  return state.toString()
}

/** Trailing zeros left out. */
function thresholdText({ thresholdHigh, thresholdLow }: Stamp): string {
  const high = thresholdHigh.toString(16).padStart(HALF_DIGITS, '0')
  const low = thresholdLow.toString(16).padStart(HALF_DIGITS, '0')
  return (high + low).replace(/0+$/, '') || '0'
}
