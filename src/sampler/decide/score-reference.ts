/**
 * How surprising a score is against traffic that was not in shift: a ring of such scores, sorted now and then. Ranks instead of
 * values, so that any model fits, whatever its scale.
 */
import { shareFrom } from './score-sample.ts'

/** Scores remembered. */
const SIZE = 4_096
/** The ring should reach back this far however dense traffic is. */
const HORIZON_MS = 1_800_000
/** Scores taken per ms by a ring that is full. */
const PER_MS = SIZE / HORIZON_MS
/** Below so many the score says nothing. */
const WARM = 100
/** With all traffic in shift for so long, the shift is what is normal now. */
const ALL_SHIFTED_MS = 900_000
const SORT_EVERY_MS = 5_000
/** While the ring grows, it is sorted anew once it has grown by this factor. */
const SORT_AT_GROWTH = 1.1
/** The tail above this share, or above so many scores, is continued as an exponential. */
const TAIL_SHARE = 0.01
const MIN_TAIL = 8
/** -ln of a probability that no score passes: doubles end near e^-700. */
const MAX_LOG = 600
/** The tail of equal scores has at least this scale, relative and absolute. */
const LEAST_SCALE = 1e-6
const LEAST_ABSOLUTE_SCALE = 1e-9
/** Numbers of a snapshot before the ring: used, next, last time, time of the last unshifted. */
const HEAD = 4
export const REFERENCE_NUMBERS = HEAD + SIZE

export class ScoreReference {
  readonly #ring = new Float64Array(SIZE)
  #sorted = new Float64Array(0)
  #used = 0
  #next = 0
  #allowance = 0
  #lastMs = -1
  #sortedAtMs = -1
  #unshiftedAtMs = -1
  #tailStart = 0
  #tailScale = 1
  #tailLog = 0

  get warm(): boolean {
    return this.#sorted.length > 0
  }

  /** Opens a tick: how many scores it may teach, and the order of those learned before. */
  advance(nowMs: number, maySort: boolean): void {
    if (this.#lastMs < 0) this.#lastMs = this.#unshiftedAtMs = nowMs
    const grown = Math.max(1, this.#allowance) + (nowMs - this.#lastMs) * PER_MS
    this.#allowance = Math.min(SIZE, grown)
    this.#lastMs = nowMs
    if (this.#used < WARM || (this.warm && !maySort)) return
    const due = nowMs - this.#sortedAtMs >= SORT_EVERY_MS
    if (due || this.#used >= this.#sorted.length * SORT_AT_GROWTH) this.#sort(nowMs)
  }

  /** To be called in an order that has nothing to do with the score. */
  learn(score: number, shifted: boolean): void {
    if (!Number.isFinite(score)) return
    if (!shifted) this.#unshiftedAtMs = this.#lastMs
    else if (this.#lastMs - this.#unshiftedAtMs < ALL_SHIFTED_MS) return
    if (this.#used === SIZE) {
      if (this.#allowance < 1) return
      this.#allowance--
    } else {
      this.#used++
    }
    this.#ring[this.#next] = score
    this.#next = (this.#next + 1) % SIZE
  }

  /** -ln of the share of unshifted traffic with at least this score: 0 for the least, growing without end. */
  surprise(score: number): number {
    if (this.#sorted.length === 0) return 0
    if (score >= this.#tailStart) {
      return Math.min(MAX_LOG, this.#tailLog + (score - this.#tailStart) / this.#tailScale)
    }
    return 0 - Math.log(shareFrom(this.#sorted, score))
  }

  /**
   * -ln of the share of unshifted traffic with at least this score, as far as that was seen. `surprise` says more of the
   * commonest score where nearly all are equal: it is all that there is to choose from, but no anomaly.
   */
  seenSurprise(score: number): number {
    const share = shareFrom(this.#sorted, score)
    return share === 0 ? Number.POSITIVE_INFINITY : 0 - Math.log(share)
  }

  /** The score at which `surprise` passes `log`. */
  scoreAt(log: number): number {
    const count = this.#sorted.length
    if (count === 0) return Number.NEGATIVE_INFINITY
    if (log >= this.#tailLog) return this.#tailStart + (log - this.#tailLog) * this.#tailScale
    return this.#sorted[Math.min(count - 1, Math.floor(count * (1 - Math.exp(-log))))]
  }

  forget(): void {
    this.#used = this.#next = 0
    this.#sorted = new Float64Array(0)
  }

  write(out: Float64Array, at: number): void {
    out[at] = this.#used
    out[at + 1] = this.#next
    out[at + 2] = this.#lastMs
    out[at + 3] = this.#unshiftedAtMs
    out.set(this.#ring, at + HEAD)
  }

  read(from: Float64Array, at: number): void {
    this.#used = from[at]
    this.#next = from[at + 1]
    this.#lastMs = from[at + 2]
    this.#unshiftedAtMs = from[at + 3]
    this.#ring.set(from.subarray(at + HEAD, at + REFERENCE_NUMBERS))
    if (this.#used >= WARM) this.#sort(this.#lastMs)
  }

  #sort(nowMs: number): void {
    const count = this.#used
    if (this.#sorted.length !== count) this.#sorted = new Float64Array(count)
    this.#sorted.set(this.#ring.subarray(0, count))
    this.#sorted.sort()
    this.#sortedAtMs = nowMs
    const tail = Math.max(MIN_TAIL, Math.round(count * TAIL_SHARE))
    this.#tailStart = this.#sorted[count - tail]
    this.#tailLog = -Math.log(tail / count)
    let excess = 0
    for (let at = count - tail; at < count; at++) excess += this.#sorted[at] - this.#tailStart
    const least = Math.max(LEAST_ABSOLUTE_SCALE, Math.abs(this.#tailStart) * LEAST_SCALE)
    this.#tailScale = Math.max(excess / tail, least)
  }
}
