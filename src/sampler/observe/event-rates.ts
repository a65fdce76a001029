/**
 * How often something happens at a key, long ago and lately: an operation that always fails is no news, one that begins to is. The
 * same for traces of an entry that are not built as usual.
 */
import { COLD_BELOW, type KeyStore } from './key-store.ts'
import type { Round } from './round.ts'

/** Weight of one trace in the recent share. */
const QUICK = 0.1
/** A share below is taken as this, so that the first one ever is no endless shift. */
const LEAST_RATE = 0.01
const HALVE_AT = 20_000
/** Shift from which the long share does not learn, and for how long at most. */
const FREEZE_AT = 5
const FREEZE_MS = 10 * 60_000

export class EventRates {
  readonly #store: KeyStore

  constructor(store: KeyStore) {
    this.#store = store
  }

  /** -log10 of the share of traces in which it happens. */
  surprise(slot: number): number {
    const store = this.#store
    return -Math.log10((store.failed[slot] + 0.5) / (store.failedSeen[slot] + 1))
  }

  /** Standard deviations by which the recent share is above the long one. */
  shift(slot: number): number {
    const store = this.#store
    const seen = store.failedSeen[slot]
    if (seen < COLD_BELOW) return 0
    const rate = Math.max(LEAST_RATE, store.failed[slot] / seen)
    return (
      (store.failedQuick[slot] - rate) / Math.sqrt((rate * (1 - rate) * QUICK) / (2 - QUICK) + 1e-9)
    )
  }

  /** In shift, and not for so long that it is what is normal now: what is seen there teaches nothing. */
  frozen(slot: number, nowMs: number): boolean {
    const since = this.#store.failedAt[slot]
    return since !== 0 && nowMs - since < FREEZE_MS
  }

  learnAll(round: Round, nowMs: number): void {
    for (let at = 0; at < round.count; at++) this.learn(round.slot[at], round.failed[at], nowMs)
  }

  /** `happened`: 0 or 1, in one trace. */
  learn(slot: number, happened: number, nowMs: number): void {
    const store = this.#store
    const shift = this.shift(slot)
    store.failedQuick[slot] += QUICK * (happened - store.failedQuick[slot])
    if (shift > FREEZE_AT) {
      if (store.failedAt[slot] === 0) store.failedAt[slot] = nowMs
      if (this.frozen(slot, nowMs)) return
    } else if (store.failedAt[slot] !== 0) {
      store.failedAt[slot] = 0
    }
    store.failedSeen[slot]++
    store.failed[slot] += happened
    if (store.failedSeen[slot] >= HALVE_AT) {
      store.failedSeen[slot] *= 0.5
      store.failed[slot] *= 0.5
    }
  }
}
