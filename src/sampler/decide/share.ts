/**
 * One budget and what spends it: how much a score, a class or an error weighs now, given how the balance stands.
 *
 * The score counts by its rank in what the period is expected to hold: all that was seen, and for a while
 * ahead, traffic as it is when nothing is in shift. So an incident hardly moves the bar while it is young, and traffic that is in
 * trouble all day competes with itself. Debt is paid back by what is not in shift first.
 */
import { BOOK_NUMBERS, BudgetBook } from './budget-book.ts'
import type { Budget, DeciderOptions, Unit } from './options.ts'
import {
  REASON_ANOMALY,
  REASON_BASELINE,
  REASON_ERROR,
  REASON_NONE,
  REASON_RARE,
  REASON_RULE,
  TRAIT_ERROR,
  TRAIT_KEEP,
  TRAIT_NEVER,
  TRAIT_SHIFTED,
} from './options.ts'
import { REFERENCE_NUMBERS, ScoreReference } from './score-reference.ts'
import { SAMPLE_NUMBERS, ScoreSample } from './score-sample.ts'

/** The weight grows with this power of the rank: a bar at the rank y keeps y for sure and y / (power - 1) below it by chance. */
const STEEPNESS = 4
const SURE_SHARE = (STEEPNESS - 1) / STEEPNESS
/** Weights stay numbers. */
const MAX_EXPONENT = 60
/** What a user's wish weighs: it goes before all but the ceiling. */
const WISH_WEIGHT = Math.exp(MAX_EXPONENT + 2)
/** What a class asks for without condition. */
const SURE_WEIGHT = Math.exp(MAX_EXPONENT / 2)
/** What an error weighs while its lane lasts: like a score clearly above the bar. */
const ERROR_WEIGHT = Math.exp(2 * STEEPNESS)
/** Quiet traffic of so long is added to what was seen: an incident shorter than this moves the bar little. */
const PRIOR_MS = 7_200_000
/** Debt, and what lacks of the reserve, should be paid by traffic that is not in shift within this time. */
const PAY_BACK_MS = 300_000
/** It still gets this share of the budget for its own tail then. */
const LEAST_QUIET = 0.02
/** What is saved beyond the reserve should be spent within this time, on what stands out most among traffic however quiet. */
const SPEND_SAVED_MS = 120_000
/** Debt beyond this share of the credit raises the bar for traffic in shift too, by at most so much (natural logarithm). */
const DEEP_DEBT = 0.5
const DEEP_RISE = 2
/** At least so much of what a tick earns may be spent, whatever the debt. */
const LEAST_ROOM = 0.25
/** Until so many traces or so much time the score decides nothing. */
const COLD_TRACES = 2_000
const COLD_MS = 60_000
/** Errors may be ahead of their lane by so much of the credit, classes of what it is when nothing is owed; by so many units at least. */
const ERRORS_AHEAD = 0.5
const CLASSES_AHEAD = 0.02
const LEAST_CLASSES_AHEAD = 12
/** At first they may be ahead by what their lane gets in this time, then by as much again as it has got: all classes are new then. */
const CLASSES_START_MS = 600_000
/** What classes leave of their lane is found out over so much traffic, and goes to the uniform lane. */
const CLASS_SMOOTHING_MS = 1_800_000
/** Smaller than any share in use, so that logarithms stay finite. */
const TINY = 1e-12
const STATE_NUMBERS = 5
export const SHARE_NUMBERS = STATE_NUMBERS + BOOK_NUMBERS + REFERENCE_NUMBERS + SAMPLE_NUMBERS

export class Share {
  /** Answers of `weigh`. */
  weight = 0
  /** Probability that no shortage of budget takes away: what the lanes of classes and of all traffic grant. */
  least = 0
  lane = REASON_NONE
  /** Units that the open tick may spend beside those that users want kept. */
  room = 0
  /** What it may spend even when these took all of it. */
  leastRoom = 0
  readonly #book: BudgetBook
  readonly #quiet = new ScoreReference()
  readonly #all: ScoreSample
  readonly #unit: Unit
  readonly #ratio: number
  readonly #uniformShare: number
  readonly #flaggedLog: number
  readonly #anomalyShare: number
  readonly #diversityShare: number
  /** Surprise from which on traffic in shift, other traffic, and whatever traffic while savings last is kept for sure. */
  #shiftedLog = 0
  #quietLog = 0
  #savingsLog = 0
  /** Share of quiet traffic in what is expected. */
  #prior = 1
  #errorsAhead = 0
  #mostErrorsAhead = 0
  #classesAhead = 0
  #mostClassesAhead = 0
  /** Units that classes asked for in the open tick, and smoothed, of each unit offered. */
  #classesTook = 0
  #classesTake: number
  /** What every trace gets. */
  #floor = 0
  #firstMs = -1
  #traces = 0
  #cold = true

  constructor(options: DeciderOptions, budget: Budget) {
    this.#book = new BudgetBook(budget)
    this.#all = new ScoreSample(budget.periodMs)
    this.#unit = budget.unit
    this.#ratio = budget.ratio
    this.#uniformShare = budget.ratio * options.lanes.uniform
    this.#anomalyShare = budget.ratio * options.lanes.anomaly
    this.#diversityShare = budget.ratio * options.lanes.diversity
    this.#classesTake = this.#diversityShare
    this.#flaggedLog = -Math.log(Math.max(options.flagged, TINY))
  }

  get countsTraces(): boolean {
    return this.#unit === 'traces'
  }

  get cold(): boolean {
    return this.#cold
  }

  /** For traffic that is not in shift, as long as it is rare. */
  get scoreThreshold(): number {
    return this.#quiet.scoreAt(Math.max(this.#quietLog, this.#flaggedLog))
  }

  get keptRatio(): number {
    return this.#book.offered === 0 ? 0 : this.#book.kept / this.#book.offered
  }

  /** Units that may be spent ahead yet. */
  get credit(): number {
    return Math.max(0, this.#book.balance + this.#book.credit)
  }

  cost(spans: number, bytes: number): number {
    if (this.#unit === 'traces') return 1
    return this.#unit === 'spans' ? spans : bytes
  }

  /** Opens a tick in which `units` of `traces` traces are offered. `turn`: 0 and 1 allow to put scores in order. */
  begin(nowMs: number, units: number, traces: number, turn: number): void {
    if (this.#firstMs < 0) this.#firstMs = nowMs
    this.#traces += traces
    this.#book.offer(nowMs, units)
    this.#quiet.advance(nowMs, turn === 0)
    this.#all.advance(nowMs, turn === 1)
    this.#setFloor(units)
    this.#prior = PRIOR_MS / (PRIOR_MS + this.#all.spanMs(nowMs))
    const early = this.#traces < COLD_TRACES && nowMs - this.#firstMs < COLD_MS
    this.#cold = early || !this.#quiet.warm
    this.#setBars()
    this.leastRoom = LEAST_ROOM * this.#ratio * units
    this.room = Math.max(this.#book.balance + this.#book.credit, this.leastRoom)
    this.#errorsAhead = Math.max(0, this.#errorsAhead - this.#anomalyShare * units)
    this.#mostErrorsAhead = ERRORS_AHEAD * this.#book.credit
    this.#classesAhead = Math.max(0, this.#classesAhead - this.#diversityShare * units)
    this.#mostClassesAhead = Math.max(LEAST_CLASSES_AHEAD, this.#classesCredit())
  }

  /**
   * What a trace of the open tick weighs, into `weight`, `least` and `lane`. `wish`: what the diversity of classes asks for, if at
   * most the share `claim` of its lane is in use.
   */
  weigh(
    score: number,
    wish: number,
    claim: number,
    cost: number,
    importance: number,
    traits: number,
  ): void {
    if ((traits & TRAIT_NEVER) !== 0) {
      this.weight = this.least = 0
      this.lane = REASON_NONE
      return
    }
    if ((traits & TRAIT_KEEP) !== 0) {
      this.weight = WISH_WEIGHT
      this.least = 1
      this.lane = REASON_RULE
      return
    }
    this.weight = this.#cold ? this.#ratio : this.#floor
    this.least = this.#floor
    this.lane = REASON_BASELINE
    if (!this.#cold) this.#weighScore(score, (traits & TRAIT_SHIFTED) !== 0)
    if ((traits & TRAIT_ERROR) !== 0) this.#weighError(cost)
    if (wish > this.least) this.#weighClass(wish, claim, cost)
    this.weight *= importance
    this.least *= Math.min(1, importance)
  }

  /** Once a tick is decided; what it teaches holds from the next one on. */
  learn(score: number, shifted: boolean): void {
    this.#quiet.learn(score, shifted)
    this.#all.learn(score)
  }

  spend(cost: number): void {
    this.#book.spend(cost)
  }

  forgetScores(): void {
    this.#quiet.forget()
    this.#all.forget()
  }

  write(out: Float64Array, at: number): void {
    out[at] = this.#firstMs
    out[at + 1] = this.#traces
    out[at + 2] = this.#errorsAhead
    out[at + 3] = this.#classesAhead
    out[at + 4] = this.#classesTake
    this.#book.write(out, at + STATE_NUMBERS)
    this.#quiet.write(out, at + STATE_NUMBERS + BOOK_NUMBERS)
    this.#all.write(out, at + STATE_NUMBERS + BOOK_NUMBERS + REFERENCE_NUMBERS)
  }

  read(from: Float64Array, at: number): void {
    this.#firstMs = from[at]
    this.#traces = from[at + 1]
    this.#errorsAhead = from[at + 2]
    this.#classesAhead = from[at + 3]
    this.#classesTake = from[at + 4]
    this.#book.read(from, at + STATE_NUMBERS)
    this.#quiet.read(from, at + STATE_NUMBERS + BOOK_NUMBERS)
    this.#all.read(from, at + STATE_NUMBERS + BOOK_NUMBERS + REFERENCE_NUMBERS)
  }

  #classesCredit(): number {
    const { offered, rate, fullCredit } = this.#book
    const earned = this.#diversityShare * (offered + CLASSES_START_MS * rate)
    return Math.min(earned, CLASSES_AHEAD * fullCredit)
  }

  #setFloor(units: number): void {
    const smoothing = this.#book.rate * CLASS_SMOOTHING_MS
    if (units > 0) {
      this.#classesTake += (this.#classesTook - this.#classesTake * units) / (smoothing + units)
    }
    this.#classesTook = 0
    this.#floor =
      this.#ratio >= 1
        ? 1
        : this.#uniformShare + Math.max(0, this.#diversityShare - this.#classesTake)
  }

  #setBars(): void {
    const { balance, credit, rate, reserve } = this.#book
    const spare = balance - reserve
    const full = this.#anomalyShare * SURE_SHARE
    const owed = rate > 0 ? Math.min(0, spare) / (rate * PAY_BACK_MS) : 0
    const quiet = Math.max((this.#anomalyShare + owed) * SURE_SHARE, LEAST_QUIET * full)
    this.#quietLog = -Math.log(Math.min(1, quiet))
    const depth = (-balance / credit - DEEP_DEBT) / (1 - DEEP_DEBT)
    const deep = -Math.log(Math.min(1, full)) + DEEP_RISE * Math.min(1, Math.max(0, depth))
    this.#shiftedLog = Math.min(this.#quietLog, deep)
    const saved = rate > 0 ? (Math.max(0, spare) / (rate * SPEND_SAVED_MS)) * SURE_SHARE : 0
    this.#savingsLog = -Math.log(Math.min(1, saved + TINY))
  }

  #weighScore(score: number, shifted: boolean): void {
    const quiet = this.#quiet.surprise(score)
    const share = this.#prior * Math.exp(-quiet) + (1 - this.#prior) * this.#all.share(score)
    const above = Math.max(
      -Math.log(share + TINY) - (shifted ? this.#shiftedLog : this.#quietLog),
      quiet - this.#savingsLog,
    )
    const weight = Math.exp(Math.min(MAX_EXPONENT, STEEPNESS * above))
    if (weight <= this.weight) return
    this.weight = weight
    const isRare = quiet >= this.#flaggedLog && this.#quiet.seenSurprise(score) >= this.#flaggedLog
    if (above >= 0 && isRare) this.lane = REASON_ANOMALY
  }

  #weighError(cost: number): void {
    if (this.weight < 1 && this.#errorsAhead + cost > this.#mostErrorsAhead) return
    this.#errorsAhead += cost
    this.lane = REASON_ERROR
    if (this.weight < ERROR_WEIGHT) this.weight = ERROR_WEIGHT
  }

  #weighClass(wish: number, claim: number, cost: number): void {
    const asked = wish * cost
    if (this.#classesAhead + asked > claim * this.#mostClassesAhead) return
    this.#classesAhead += asked
    this.#classesTook += asked
    this.least = wish
    if (wish <= this.weight) return
    this.weight = wish < 1 ? wish : SURE_WEIGHT
    if (this.lane === REASON_BASELINE) this.lane = REASON_RARE
  }
}
