/**
 * The `tracestate` that a kept span leaves with. Spans of one trace mostly carry the same state and get the same threshold, so
 * the last result is kept.
 */
import { parseThreshold } from '../threshold.ts'
import { TraceState } from '../trace-state.ts'
import { sameBytes } from './hash.ts'
import { STAMP_ERASE, STAMP_THRESHOLD, type Stamp } from './stamp.ts'

const HALF_BITS = 28n
const HALF_DIGITS = 7
const NO_BYTES = new Uint8Array(0)
const OT = 'ot='
const MAX_OT_LENGTH = 256
/** W3C has room for 32 entries; one of them is `ot`. */
const MAX_OTHERS = 31
const ENTRY = /^[a-z0-9][a-z0-9_\-*/@]*=[ -+\--<>-~]*$/
/** In one `ot` or several, put one behind the other. */
const THRESHOLDS = /[=;]th:([^;,]*)/g

/** How much longer than the old state a new one can be: `ot=th:`, 14 digits, a separator. */
export const STATE_GROWTH = 24

export class StateWriter {
  /** States that could not be read as a whole when a threshold was to be written, each time one came. */
  unreadable = 0
  #isUnreadable = false
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
    if (isKnown) {
      if (this.#isUnreadable) this.unreadable++
      return this.#after
    }
    this.#before = bytes.slice(from, to)
    this.#mode = stamp.mode
    this.#high = stamp.thresholdHigh
    this.#low = stamp.thresholdLow
    // Byte by byte, so that no state gets longer than its threshold makes it.
    const before = Buffer.from(this.#before).toString('latin1')
    const state = TraceState.parse(before)
    this.#isUnreadable = state === undefined && stamp.mode === STAMP_THRESHOLD
    if (this.#isUnreadable) this.unreadable++
    const after = rewriteState(stamp, state, before)
    this.#after = after === before ? null : Buffer.from(after, 'latin1')
    return this.#after
  }
}

function rewriteState(stamp: Stamp, state: TraceState | undefined, before: string): string {
  if (before === '') return stamp.mode === STAMP_THRESHOLD ? `ot=th:${thresholdText(stamp)}` : ''
  return state === undefined ? salvage(stamp, before) : stampState(stamp, state, before)
}

/** `text` is what the state says now. */
function stampState(stamp: Stamp, state: TraceState, text: string): string {
  if (stamp.mode === STAMP_ERASE) {
    if (state.threshold === null && !state.isDoubled) return text
    state.clearThreshold()
    return state.toString()
  }
  const given = (BigInt(stamp.thresholdHigh) << HALF_BITS) | BigInt(stamp.thresholdLow)
  if (state.threshold !== null && state.threshold >= given) {
    return state.isDoubled ? state.toString() : text
  }
  state.setThreshold(given)
  const stamped = state.toString()
  if (otLength(stamped) <= MAX_OT_LENGTH) return stamped
  // Nobody would read it: an unknown probability is better than none of what else it says.
  state.clearThreshold()
  return state.toString()
}

/** Of a state that cannot be read as a whole: single entries that can be read stay, `ot` as far as it can. */
function salvage(stamp: Stamp, before: string): string {
  const entries = before.split(',').map(entry => entry.replace(/^[ \t]+|[ \t]+$/g, ''))
  const others = entries.filter(entry => ENTRY.test(entry) && !entry.startsWith(OT))
  const ot = entries.filter(entry => entry.startsWith(OT)).join(',')
  const state = TraceState.parse(ot) ?? thresholdOf(ot)
  const stamped = stampState(stamp, state, state.toString())
  return [stamped, ...others.slice(0, MAX_OTHERS)].filter(entry => entry !== '').join(',')
}

/** A threshold beside what cannot be read must not be lowered either. */
function thresholdOf(ot: string): TraceState {
  const state = TraceState.parse('')!
  const texts = [...ot.matchAll(THRESHOLDS)].map(match => match[1].trim())
  if (texts.length === 0) return state
  const threshold = texts.length === 1 ? parseThreshold(texts[0]) : undefined
  if (threshold === undefined) state.loseThreshold()
  else state.setThreshold(threshold)
  return state
}

/** The value of `ot`, which stands first. */
function otLength(state: string): number {
  const end = state.indexOf(',')
  return (end < 0 ? state.length : end) - OT.length
}

/** Trailing zeros left out. */
function thresholdText({ thresholdHigh, thresholdLow }: Stamp): string {
  const high = thresholdHigh.toString(16).padStart(HALF_DIGITS, '0')
  const low = thresholdLow.toString(16).padStart(HALF_DIGITS, '0')
  return (high + low).replace(/0+$/, '') || '0'
}
