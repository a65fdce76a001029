/**
 * The keys of one kind that one trace goes through: the greatest value at each, how surprising it is, and the shift of the key.
 * What stands here is overwritten by the next trace.
 */
import { COLD_BELOW, type KeyStore } from './key-store.ts'

/** Observations of one key that are learned from one trace: a loop does not outvote the other traces. */
const LEARN_A_TRACE = 16
/** A trace is unusual at a key where less than this share is as odd. */
export const UNUSUAL = 0.05
/** Weight of one trace in a key's recent share of unusual ones. */
const QUICK = 0.1
/** Standard deviation of that share while nothing is wrong. */
const QUICK_DEVIATION = Math.sqrt((UNUSUAL * (1 - UNUSUAL) * QUICK) / (2 - QUICK))
/** Shift from which a key stops to learn, */
const FREEZE_AT = 5
/** but not for longer: then it is what is normal now. */
const FREEZE_MS = 10 * 60_000
/** Shift that chance hardly ever makes, however many keys there are. */
export const SHIFTED_AT = 8
/** Neutral: half of what is seen is as odd. */
const COLD_SURPRISE = -Math.log10(0.5)
/** Surprise grows by this with each octave beyond what was ever seen, at most by BEYOND_MOST. */
const BEYOND = 0.25
const BEYOND_MOST = 1.5
const FAR_TAIL = 0.001

const FIRST_KEYS = 256
const FIRST_VALUES = 1024

export class Round {
  count = 0
  slot = new Int32Array(FIRST_KEYS)
  /** Greatest value, and how many there were. */
  value = new Float64Array(FIRST_KEYS)
  times = new Int32Array(FIRST_KEYS)
  surprise = new Float64Array(FIRST_KEYS)
  shift = new Float64Array(FIRST_KEYS)
  /** 1 where a span said that it failed. */
  failed = new Uint8Array(FIRST_KEYS)
  /** Keys with p < UNUSUAL; keys that cannot tell yet. */
  unusual = 0
  cold = 0
  /** Keys in shift beyond doubt. */
  shifted = 0

  #values = 0
  #valueAt = new Int32Array(FIRST_VALUES)
  #valueOf = new Float64Array(FIRST_VALUES)
  #stamp = 0
  readonly #store: KeyStore

  constructor(store: KeyStore) {
    this.#store = store
  }

  begin(): void {
    this.count = 0
    this.#values = 0
    this.#stamp = (this.#stamp + 1) | 0
  }

  /** Place of the key in this round. */
  put(slot: number, value: number): number {
    const store = this.#store
    let at = store.place[slot]
    if (store.stamp[slot] !== this.#stamp) {
      if (this.count === this.slot.length) this.#growKeys()
      at = this.count++
      store.stamp[slot] = this.#stamp
      store.place[slot] = at
      this.slot[at] = slot
      this.value[at] = value
      this.times[at] = 1
      this.failed[at] = 0
    } else {
      this.times[at]++
      if (value > this.value[at]) this.value[at] = value
    }
    if (this.times[at] > LEARN_A_TRACE) return at
    if (this.#values === this.#valueAt.length) this.#growValues()
    this.#valueAt[this.#values] = at
    this.#valueOf[this.#values++] = value
    return at
  }

  judge(): void {
    const store = this.#store
    this.unusual = 0
    this.cold = 0
    this.shifted = 0
    for (let at = 0; at < this.count; at++) {
      const slot = this.slot[at]
      if (store.seen[slot] < COLD_BELOW) {
        this.cold++
        this.surprise[at] = COLD_SURPRISE
        this.shift[at] = 0
        continue
      }
      const surprise = surpriseAt(store, slot, this.value[at], this.times[at])
      this.surprise[at] = surprise
      this.shift[at] = (store.quick[slot] - UNUSUAL) / QUICK_DEVIATION
      if (surprise > UNUSUAL_SURPRISE) this.unusual++
      if (this.shift[at] > SHIFTED_AT) this.shifted++
    }
  }

  /** What was judged becomes part of what is normal, except at keys in shift. */
  learn(nowMs: number): void {
    const store = this.#store
    for (let at = 0; at < this.count; at++) {
      const slot = this.slot[at]
      if (store.seen[slot] >= COLD_BELOW) {
        const odd = this.surprise[at] > UNUSUAL_SURPRISE ? 1 : 0
        store.quick[slot] += QUICK * (odd - store.quick[slot])
      }
      store.age(slot, nowMs)
      if (this.shift[at] > FREEZE_AT) {
        if (store.shiftedAt[slot] === 0) store.shiftedAt[slot] = nowMs
        if (nowMs - store.shiftedAt[slot] < FREEZE_MS) this.times[at] = -1
      } else if (store.shiftedAt[slot] !== 0) {
        store.shiftedAt[slot] = 0
      }
    }
    for (let i = 0; i < this.#values; i++) {
      const at = this.#valueAt[i]
      if (this.times[at] > 0) store.learn(this.slot[at], this.#valueOf[i])
    }
  }

  #growKeys(): void {
    const keys = this.slot.length * 2
    this.slot = wider(this.slot, new Int32Array(keys))
    this.value = wider(this.value, new Float64Array(keys))
    this.times = wider(this.times, new Int32Array(keys))
    this.surprise = wider(this.surprise, new Float64Array(keys))
    this.shift = wider(this.shift, new Float64Array(keys))
    this.failed = wider(this.failed, new Uint8Array(keys))
  }

  #growValues(): void {
    const values = this.#valueAt.length * 2
    this.#valueAt = wider(this.#valueAt, new Int32Array(values))
    this.#valueOf = wider(this.#valueOf, new Float64Array(values))
  }
}

export const UNUSUAL_SURPRISE = -Math.log10(UNUSUAL)

/** Surprise of `value`, the greatest of `times`, at a key; neutral where the key cannot tell yet. */
export function surpriseAt(store: KeyStore, slot: number, value: number, times: number): number {
  if (store.seen[slot] < COLD_BELOW) return COLD_SURPRISE
  const tail = store.tail(slot, value)
  const surprise = surpriseOf(tail, times)
  if (tail > FAR_TAIL) return surprise
  const beyond = BEYOND * store.octavesAbove(slot, value, FAR_TAIL)
  return surprise + Math.min(BEYOND_MOST, beyond)
}

/** -log10 of how often the greatest of `times` values is as odd as one that the share `tail` of values reaches. */
function surpriseOf(tail: number, times: number): number {
  if (times === 1) return -Math.log10(tail)
  return -Math.log10(-Math.expm1(times * Math.log1p(-tail)))
}

function wider<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
