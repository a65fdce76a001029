/** Which scores a model gives, as a histogram that slowly forgets: thresholds, percentiles and drift are read from it. */

/** Bins are equally wide on the scale of log(s / (1 - s)), so that what matters, near 0 and near 1, is told apart. */
const BINS = 512
const EDGE = 14
const SCALE = BINS / (2 * EDGE)
/** At this weight all is halved. */
const MEMORY = 20_000
/** The population stability index looks at tenths of the reference. */
const TENTHS = 10
const LEAST_SHARE = 1e-4

export class ScoreHistogram {
  readonly #bins = new Float64Array(BINS)
  #total = 0
  /** Scores ever added. */
  seen = 0

  get total(): number {
    return this.#total
  }

  add(score: number, weight = 1): void {
    this.#bins[binOf(score)] += weight
    this.#total += weight
    this.seen++
    if (this.#total >= MEMORY) this.#halve()
  }

  #halve(): void {
    for (let i = 0; i < BINS; i++) this.#bins[i] /= 2
    this.#total /= 2
  }

  /** Share of the weight that lies above a score, half of its own bin included; 1 while there is nothing. */
  shareAbove(score: number): number {
    if (this.#total === 0) return 1
    const bin = binOf(score)
    let above = this.#bins[bin] / 2
    for (let i = bin + 1; i < BINS; i++) above += this.#bins[i]
    return above / this.#total
  }

  /** The least score which at most `share` of the weight lies above. */
  scoreAt(share: number): number {
    let above = 0
    for (let bin = BINS - 1; bin >= 0; bin--) {
      const next = above + this.#bins[bin]
      if (next > share * this.#total) {
        // Within a bin the weight is taken as spread evenly.
        const part = this.#bins[bin] === 0 ? 0 : (share * this.#total - above) / this.#bins[bin]
        return scoreOf(bin + 1 - part)
      }
      above = next
    }
    return 0
  }

  copy(): ScoreHistogram {
    const copy = new ScoreHistogram()
    copy.#bins.set(this.#bins)
    copy.#total = this.#total
    copy.seen = this.seen
    return copy
  }

  /** Population stability index against a reference: below 0.1 nothing moved, above 0.25 much did. */
  driftFrom(reference: ScoreHistogram): number {
    if (this.#total === 0 || reference.#total === 0) return 0
    let drift = 0
    let expected = 0
    let found = 0
    for (let bin = 0; bin < BINS; bin++) {
      expected += reference.#bins[bin] / reference.#total
      found += this.#bins[bin] / this.#total
      if (expected < 1 / TENTHS && bin < BINS - 1) continue
      const e = Math.max(expected, LEAST_SHARE)
      const f = Math.max(found, LEAST_SHARE)
      drift += (f - e) * Math.log(f / e)
      expected = 0
      found = 0
    }
    return drift
  }
}

function binOf(score: number): number {
  if (!(score > 0)) return 0
  if (score >= 1) return BINS - 1
  const bin = Math.floor((Math.log(score / (1 - score)) + EDGE) * SCALE)
  return bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin
}

function scoreOf(place: number): number {
  return 1 / (1 + Math.exp(EDGE - place / SCALE))
}
