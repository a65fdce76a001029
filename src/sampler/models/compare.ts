/**
 * Models side by side on the same traffic. In shadow every challenger scores the same vectors as the model in charge; as arms
 * each decides for its own traces. Only counters are kept, and a test that may be read at any moment says who is better.
 */
import type { SamplerArmView, SamplerVerdict } from '../../core/sampler-control.ts'
import type { Model } from './model.ts'
import { ScoreHistogram } from './score-histogram.ts'
import { compareMeans, PairedTest, RunningMean } from './sequential.ts'

/** Bits of what is known of a trace without asking a model. */
/** Has an error, breaks an objective, was called useful, or is a made-up fault. */
export const FACT_SYMPTOMATIC = 1
/** Through quiet keys and without any sign: flagging it is a false alarm. */
export const FACT_CLEAN = 2
/** Through a key in shift: thresholds are not learned from it. */
export const FACT_SHIFTED = 4

export interface ComparisonLimits {
  /** Share of unshifted traffic that each model may flag; the thresholds follow from it. */
  readonly flagShare: number
  /** Chance of calling a model better or worse that is not. */
  readonly alpha: number
  /** Of clean traces flagged; a challenger over it, and over the model in charge, is not promoted. */
  readonly cleanFlagged: number
  /** Population stability index above which a challenger's scores have not settled. */
  readonly drift: number
}

export const COMPARISON_LIMITS: ComparisonLimits = {
  ...{ flagShare: 0.045, alpha: 0.05, cleanFlagged: 0.05, drift: 0.25 },
}
/** Scores before a model's threshold says anything. */
const WARM_UP = 500
/** Thresholds are read from the histogram again after this many traces. */
const REFRESH = 256
/** Scores of a tick at once. */
const CHUNK = 1024

export interface ShadowView {
  readonly arms: readonly SamplerArmView[]
  readonly verdicts: readonly SamplerVerdict[]
  /** By model, the one in charge included. */
  readonly drift: readonly number[]
  /** Of flagged traces, with the model in charge: shared / flagged by either. */
  readonly agreement: readonly number[]
  readonly cleanFlagged: readonly number[]
}

export class Shadow {
  readonly #limits: ComparisonLimits
  readonly #tracks: readonly Track[]
  readonly #now: () => number

  /** The first model is the one in charge. `now` is in milliseconds and never goes back. */
  constructor(
    models: readonly Model[],
    limits: Partial<ComparisonLimits> = {},
    now: () => number = () => performance.now(),
  ) {
    this.#limits = { ...COMPARISON_LIMITS, ...limits }
    // With several challengers each test may err less often.
    const alpha = this.#limits.alpha / Math.max(1, models.length - 1)
    this.#tracks = models.map(model => new Track(model, { ...this.#limits, alpha }))
    this.#now = now
  }

  /**
   * Scores `count` rows of `width` by every model. The scores of the one in charge may be handed in, since it has scored
   * them already.
   */
  judge(
    vectors: Float32Array,
    width: number,
    count: number,
    facts: Uint8Array,
    inCharge: Float32Array | null = null,
  ): void {
    for (let from = 0; from < count; from += CHUNK) {
      const rows = Math.min(CHUNK, count - from)
      const part = vectors.subarray(from * width, (from + rows) * width)
      const given = inCharge?.subarray(from, from + rows) ?? null
      for (const [i, track] of this.#tracks.entries()) {
        track.score(part, rows, i === 0 ? given : null, this.#now)
      }
      for (let row = 0; row < rows; row++) this.#judgeRow(row, facts[from + row])
    }
  }

  #judgeRow(row: number, facts: number): void {
    const champion = this.#tracks[0]
    const flagged = champion.judge(row, facts)
    for (let i = 1; i < this.#tracks.length; i++) {
      const track = this.#tracks[i]
      const alike = track.judge(row, facts)
      if (!champion.warm || !track.warm) continue
      if (alike || flagged) track.either++
      if (alike && flagged) track.both++
      if ((facts & FACT_SYMPTOMATIC) !== 0) track.test.add(alike, flagged)
    }
  }

  view(): ShadowView {
    const [champion, ...challengers] = this.#tracks
    return {
      arms: this.#tracks.map((track, i) => track.view(i === 0 ? 'live' : 'shadow')),
      verdicts: challengers.map(track => ({
        challenger: track.model.name,
        outcome: track.test.verdict,
        difference: track.test.difference,
        ...track.test.bounds(),
      })),
      drift: this.#tracks.map(track => track.drift),
      agreement: this.#tracks.map(track =>
        track === champion ? 1 : track.either === 0 ? 1 : track.both / track.either,
      ),
      cleanFlagged: this.#tracks.map(track => track.cleanFlagged),
    }
  }

  /** Name of the challenger that keeps more of what matters, within the guardrails; null while there is none. */
  promotable(): string | null {
    const [champion, ...challengers] = this.#tracks
    const limit = Math.max(this.#limits.cleanFlagged, champion.cleanFlagged)
    let best: Track | null = null
    for (const track of challengers) {
      if (track.test.verdict !== 'better' || track.cleanFlagged > limit) continue
      if (track.drift > this.#limits.drift) continue
      if (best === null || track.test.difference > best.test.difference) best = track
    }
    return best?.model.name ?? null
  }
}

/** One model: its scores of this chunk, its threshold, its counters. */
class Track {
  readonly model: Model
  readonly test: PairedTest
  readonly #flagShare: number
  readonly #scores = new Float32Array(CHUNK)
  readonly #histogram = new ScoreHistogram()
  #reference: ScoreHistogram | null = null
  #threshold = 1
  #untilRefresh = 0
  both = 0
  either = 0
  #traces = 0
  #flagged = 0
  #symptomatic = 0
  #symptomaticFlagged = 0
  #clean = 0
  #cleanFlagged = 0
  #scored = 0
  #scoringMs = 0

  constructor(model: Model, limits: ComparisonLimits) {
    this.model = model
    this.test = new PairedTest(limits.alpha)
    this.#flagShare = limits.flagShare
  }

  get warm(): boolean {
    return this.#reference !== null
  }

  get drift(): number {
    return this.#reference === null ? 0 : this.#histogram.driftFrom(this.#reference)
  }

  get cleanFlagged(): number {
    return this.#clean === 0 ? 0 : this.#cleanFlagged / this.#clean
  }

  score(vectors: Float32Array, rows: number, given: Float32Array | null, now: () => number): void {
    if (given !== null) {
      this.#scores.set(given)
      return
    }
    const from = now()
    this.model.score(vectors, rows, this.#scores)
    this.#scoringMs += now() - from
    this.#scored += rows
  }

  /** Whether it would flag the row; learns the threshold from it afterwards. */
  judge(row: number, facts: number): boolean {
    const score = this.#scores[row]
    const flagged = this.warm && score > this.#threshold
    if ((facts & FACT_SHIFTED) === 0) this.#histogram.add(score)
    if (--this.#untilRefresh <= 0) this.#refresh()
    if (!this.warm) return false
    this.#traces++
    if (flagged) this.#flagged++
    if ((facts & FACT_SYMPTOMATIC) !== 0) {
      this.#symptomatic++
      if (flagged) this.#symptomaticFlagged++
    } else if ((facts & FACT_CLEAN) !== 0) {
      this.#clean++
      if (flagged) this.#cleanFlagged++
    }
    return flagged
  }

  #refresh(): void {
    this.#untilRefresh = REFRESH
    this.#threshold = this.#histogram.scoreAt(this.#flagShare)
    if (this.#reference === null && this.#histogram.seen >= WARM_UP) {
      this.#reference = this.#histogram.copy()
    }
  }

  view(role: 'live' | 'shadow'): SamplerArmView {
    return {
      model: this.model.name,
      version: this.model.version,
      role,
      traces: this.#traces,
      kept: this.#flagged,
      symptomatic: this.#symptomatic,
      symptomaticKept: this.#symptomaticFlagged,
      flagged: this.#cleanFlagged,
      scoreMicros: this.#scored === 0 ? 0 : (this.#scoringMs * 1000) / this.#scored,
    }
  }
}

/** Models that each decide for their own traces. The first is the one that the others are held against. */
export class Split {
  readonly #alpha: number
  readonly #models: readonly Model[]
  readonly #tallies: readonly Tally[]

  constructor(models: readonly Model[], limits: Partial<ComparisonLimits> = {}) {
    this.#alpha = limits.alpha ?? COMPARISON_LIMITS.alpha
    this.#models = models
    this.#tallies = models.map(() => new Tally())
  }

  /** A trace decided by an arm; `flagged`: kept for being anomalous. */
  record(arm: number, facts: number, kept: boolean, flagged: boolean): void {
    const tally = this.#tallies[arm]
    tally.traces++
    if (kept) tally.kept++
    if ((facts & FACT_SYMPTOMATIC) !== 0) tally.coverage.add(kept ? 1 : 0)
    else if (flagged && (facts & FACT_CLEAN) !== 0) tally.flagged++
    if (kept && (facts & FACT_SYMPTOMATIC) !== 0) tally.symptomaticKept++
  }

  addScoringTime(arm: number, rows: number, ms: number): void {
    const tally = this.#tallies[arm]
    tally.scored += rows
    tally.scoringMs += ms
  }

  arms(): readonly SamplerArmView[] {
    return this.#tallies.map((tally, i) => ({
      model: this.#models[i].name,
      version: this.#models[i].version,
      role: i === 0 ? ('live' as const) : ('arm' as const),
      traces: tally.traces,
      kept: tally.kept,
      symptomatic: tally.coverage.count,
      symptomaticKept: tally.symptomaticKept,
      flagged: tally.flagged,
      scoreMicros: tally.scored === 0 ? 0 : (tally.scoringMs * 1000) / tally.scored,
    }))
  }

  verdicts(): readonly SamplerVerdict[] {
    const [champion, ...challengers] = this.#tallies
    // With several challengers each test may err less often.
    const alpha = this.#alpha / Math.max(1, challengers.length)
    return challengers.map((tally, i) => {
      const { verdict, ...bounds } = compareMeans(tally.coverage, champion.coverage, alpha)
      return { challenger: this.#models[i + 1].name, outcome: verdict, ...bounds }
    })
  }
}

class Tally {
  traces = 0
  kept = 0
  flagged = 0
  symptomaticKept = 0
  scored = 0
  scoringMs = 0
  readonly coverage = new RunningMean()
}
