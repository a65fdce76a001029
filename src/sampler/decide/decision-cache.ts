/** What was decided about traces that are gone, so that late spans follow it: kept ones exactly, dropped ones as fingerprints. */
import { Fingerprints } from './fingerprints.ts'
import { KeptTable, placeOf, printOf } from './kept-table.ts'

export const CACHE_UNKNOWN = 0
export const CACHE_KEPT = 1
export const CACHE_DROPPED = 2

export interface CacheOptions {
  /** Kept traces remembered; the one not asked for longest goes first. */
  readonly kept: number
  /** Dropped traces in each of two tables, 2 bytes each; the older is emptied when the younger is full. 0: none are remembered. */
  readonly dropped: number
}

export const DEFAULT_CACHE: CacheOptions = { kept: 65_536, dropped: 4_194_304 }

/** Ids are four 32-bit words in the order of the bytes (big endian), tenants a number. */
export class DecisionCache {
  /** Of the last `find` that answered CACHE_KEPT. */
  thresholdHigh = 0
  thresholdLow = 0
  erase = 0
  probability = 1
  reason = 0
  score = 0

  readonly #kept: KeptTable
  readonly #remembersDropped: boolean
  #younger: Fingerprints
  #older: Fingerprints

  constructor(options: CacheOptions) {
    this.#kept = new KeptTable(options.kept)
    this.#remembersDropped = options.dropped > 0
    this.#younger = new Fingerprints(options.dropped)
    this.#older = new Fingerprints(options.dropped)
  }

  keep(
    a: number,
    b: number,
    c: number,
    d: number,
    tenant: number,
    thresholdHigh: number,
    thresholdLow: number,
    erase: number,
    probability: number,
    reason: number,
    score: number,
  ): void {
    const at = this.#kept.place(placeOf(a, b, c, d, tenant), a, b, c, d, tenant)
    this.#kept.thresholdHigh[at] = thresholdHigh
    this.#kept.thresholdLow[at] = thresholdLow
    this.#kept.erase[at] = erase
    this.#kept.probability[at] = probability
    this.#kept.reason[at] = reason
    this.#kept.score[at] = score
  }

  drop(a: number, b: number, c: number, d: number, tenant: number): void {
    if (!this.#remembersDropped) return
    const full = !this.#younger.add(placeOf(a, b, c, d, tenant), printOf(a, b, c, d, tenant))
    if (full) this.#rotate()
  }

  /** CACHE_*. A dropped trace is mistaken for another once in some thousands of questions; a kept one never. */
  find(a: number, b: number, c: number, d: number, tenant: number): number {
    const place = placeOf(a, b, c, d, tenant)
    const at = this.#kept.find(place, a, b, c, d, tenant)
    if (at >= 0) {
      this.thresholdHigh = this.#kept.thresholdHigh[at]
      this.thresholdLow = this.#kept.thresholdLow[at]
      this.erase = this.#kept.erase[at]
      this.probability = this.#kept.probability[at]
      this.reason = this.#kept.reason[at]
      this.score = this.#kept.score[at]
      return CACHE_KEPT
    }
    const print = printOf(a, b, c, d, tenant)
    if (this.#younger.has(place, print) || this.#older.has(place, print)) return CACHE_DROPPED
    return CACHE_UNKNOWN
  }

  /** Bytes of the tables. */
  get bytes(): number {
    return this.#kept.bytes + this.#younger.bytes + this.#older.bytes
  }

  #rotate(): void {
    const full = this.#younger
    this.#younger = this.#older
    this.#older = full
    this.#younger.clear()
    // Both tables have the same places: what the full one pushed out goes into the empty one.
    if (full.homelessMark !== 0) this.#younger.addMark(full.homelessBucket, full.homelessMark)
  }
}
