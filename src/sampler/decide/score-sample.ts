/** An even sample of the scores of all traffic of a period, shifted or not: what the budget has to go round for. */

const SIZE = 4_096
const SORT_EVERY_MS = 5_000
/** Numbers of a snapshot before the scores: used, seen, first time, turn. */
const HEAD = 4
export const SAMPLE_NUMBERS = HEAD + SIZE

export class ScoreSample {
  readonly #periodMs: number
  readonly #scores = new Float64Array(SIZE)
  #sorted = new Float64Array(0)
  #used = 0
  #seen = 0
  #firstMs = -1
  #sortedAtMs = -1
  /** Share of the next scores that enter: such that the sample stays even over the period. */
  #entry = 1
  #turn = 1

  constructor(periodMs: number) {
    this.#periodMs = periodMs
  }

  /** How much of the period the sample stands for. */
  spanMs(nowMs: number): number {
    return this.#firstMs < 0 ? 0 : Math.min(this.#periodMs, nowMs - this.#firstMs)
  }

  advance(nowMs: number, maySort: boolean): void {
    if (this.#firstMs < 0) this.#firstMs = nowMs
    const elapsed = nowMs - this.#firstMs
    const inPeriod = elapsed > this.#periodMs ? this.#periodMs / elapsed : 1
    this.#entry = Math.min(1, SIZE / Math.max(1, this.#seen * inPeriod))
    if (!maySort || nowMs - this.#sortedAtMs < SORT_EVERY_MS || this.#used === 0) return
    if (this.#sorted.length !== this.#used) this.#sorted = new Float64Array(this.#used)
    this.#sorted.set(this.#scores.subarray(0, this.#used))
    this.#sorted.sort()
    this.#sortedAtMs = nowMs
  }

  learn(score: number): void {
    if (!Number.isFinite(score)) return
    this.#seen++
    if (this.#used < SIZE) {
      this.#scores[this.#used++] = score
    } else if (this.#draw() < this.#entry) {
      this.#scores[Math.floor(this.#draw() * SIZE)] = score
    }
  }

  /** Share of the traffic with at least this score. */
  share(score: number): number {
    return shareFrom(this.#sorted, score)
  }

  forget(): void {
    this.#used = this.#seen = 0
    this.#firstMs = this.#sortedAtMs = -1
    this.#sorted = new Float64Array(0)
  }

  write(out: Float64Array, at: number): void {
    out[at] = this.#used
    out[at + 1] = this.#seen
    out[at + 2] = this.#firstMs
    out[at + 3] = this.#turn
    out.set(this.#scores, at + HEAD)
  }

  read(from: Float64Array, at: number): void {
    this.forget()
    this.#used = from[at]
    this.#seen = from[at + 1]
    this.#firstMs = from[at + 2]
    this.#turn = from[at + 3]
    this.#scores.set(from.subarray(at + HEAD, at + SAMPLE_NUMBERS))
  }

  /** Not random, but without relation to scores; replays repeat. */
  #draw(): number {
    this.#turn = (Math.imul(this.#turn, 1_664_525) + 1_013_904_223) >>> 0
    return this.#turn / 2 ** 32
  }
}

/** Share of `sorted` that is at least `score`; 0 of nothing. */
export function shareFrom(sorted: Float64Array, score: number): number {
  const count = sorted.length
  if (count === 0) return 0
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle] < score) low = middle + 1
    else high = middle
  }
  return (count - low) / count
}
