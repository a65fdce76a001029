/**
 * Offered and kept units of the period that has passed, and what may be spent ahead. Kept apart from the choice of traces, which
 * only asks how the balance stands.
 */
import type { Budget } from './options.ts'

/** The period is forgotten in this many steps. */
const SLOTS = 96
/** The rate of traffic is smoothed over this time. */
const RATE_SMOOTHING_MS = 1_800_000
/** Longer times without a tick count as so much: a gap in the traffic is no time in which it was slow. */
const LONGEST_STEP_MS = 60_000
/** Share of the credit that is there from the first minute on; the rest comes as the period goes by. */
const GRANTED = 1 / 20
/** In good times so much of what was earned is left for what comes, up to what this time earns. */
const RESERVE_SHARE = 0.1
const RESERVE_MS = 120_000
/** Debt melts the line away with this time constant, however great it is: what does not end is no burst. */
const MELT_MS = 5_400_000
/** Out of debt the line grows back with this one. */
const GROW_MS = 7_200_000
/** What is left of the line: this share of the period's budget so far, and never less than so many units. */
const LEAST_CREDIT = 0.01
const LEAST_CREDIT_UNITS = 4
/** Numbers of a snapshot before the slots: slot, its start, rate, last time, first time, melt, time with traffic. */
const HEAD = 7
export const BOOK_NUMBERS = HEAD + 2 * SLOTS

export class BudgetBook {
  readonly ratio: number
  readonly #periodMs: number
  readonly #slotMs: number
  readonly #offered = new Float64Array(SLOTS)
  readonly #kept = new Float64Array(SLOTS)
  #offeredSum = 0
  #keptSum = 0
  #slot = 0
  #slotStartMs = -1
  #lastMs = -1
  #firstMs = -1
  /** Units per ms. */
  #rate = 0
  #activeMs = 0
  readonly #lineMs: number
  /** Share of the line that is there. */
  #melt = 1

  constructor(budget: Budget) {
    this.ratio = budget.ratio
    this.#lineMs = budget.burstCredit * budget.periodMs
    this.#periodMs = budget.periodMs
    this.#slotMs = budget.periodMs / SLOTS
  }

  /** Opens a tick in which `units` are offered. */
  offer(nowMs: number, units: number): void {
    if (this.#firstMs < 0) this.#firstMs = this.#slotStartMs = this.#lastMs = nowMs
    this.#turn(nowMs)
    this.#follow(nowMs, units)
    this.#offered[this.#slot] += units
    this.#offeredSum += units
  }

  spend(units: number): void {
    this.#kept[this.#slot] += units
    this.#keptSum += units
  }

  get offered(): number {
    return this.#offeredSum
  }

  get kept(): number {
    return this.#keptSum
  }

  /** Units saved (above 0) or spent ahead (below). */
  get balance(): number {
    return this.ratio * this.#offeredSum - this.#keptSum
  }

  /** Units by which the balance may fall below zero now. */
  get credit(): number {
    const least = LEAST_CREDIT * this.ratio * this.#offeredSum
    return Math.max(LEAST_CREDIT_UNITS, least, this.#line())
  }

  /** The same at the end of a period in which nothing was owed for long. */
  get fullCredit(): number {
    return Math.max(LEAST_CREDIT_UNITS, this.ratio * this.meanRate * this.#lineMs)
  }

  /** What should be saved now: an incident spends it before it has to borrow. The higher the ratio, the less it needs. */
  get reserve(): number {
    const earned = Math.min(RESERVE_SHARE * this.#offeredSum, RESERVE_MS * this.meanRate)
    return this.ratio * (1 - this.ratio) * earned
  }

  /** Units offered per ms over the period, gaps left out. */
  get meanRate(): number {
    const active = Math.min(this.#periodMs, this.#activeMs)
    return active > 0 ? this.#offeredSum / active : 0
  }

  /** Units offered per ms of late. */
  get rate(): number {
    return this.#rate
  }

  write(out: Float64Array, at: number): void {
    out[at] = this.#slot
    out[at + 1] = this.#slotStartMs
    out[at + 2] = this.#rate
    out[at + 3] = this.#lastMs
    out[at + 4] = this.#firstMs
    out[at + 5] = this.#melt
    out[at + 6] = this.#activeMs
    out.set(this.#offered, at + HEAD)
    out.set(this.#kept, at + HEAD + SLOTS)
  }

  read(from: Float64Array, at: number): void {
    this.#slot = from[at]
    this.#slotStartMs = from[at + 1]
    this.#rate = from[at + 2]
    this.#lastMs = from[at + 3]
    this.#firstMs = from[at + 4]
    this.#melt = from[at + 5]
    this.#activeMs = from[at + 6]
    this.#offered.set(from.subarray(at + HEAD, at + HEAD + SLOTS))
    this.#kept.set(from.subarray(at + HEAD + SLOTS, at + BOOK_NUMBERS))
    this.#sum()
  }

  /** Sums are taken anew with each slot, so that rounding does not pile up. */
  #turn(nowMs: number): void {
    if (nowMs - this.#slotStartMs < this.#slotMs) return
    const steps = Math.min(SLOTS, Math.floor((nowMs - this.#slotStartMs) / this.#slotMs))
    for (let step = 0; step < steps; step++) {
      this.#slot = (this.#slot + 1) % SLOTS
      this.#offered[this.#slot] = this.#kept[this.#slot] = 0
    }
    this.#slotStartMs += Math.floor((nowMs - this.#slotStartMs) / this.#slotMs) * this.#slotMs
    this.#sum()
  }

  #sum(): void {
    this.#offeredSum = this.#keptSum = 0
    for (let slot = 0; slot < SLOTS; slot++) {
      this.#offeredSum += this.#offered[slot]
      this.#keptSum += this.#kept[slot]
    }
  }

  /** Until the smoothing time has passed the plain mean, so that the first ticks count. */
  #follow(nowMs: number, units: number): void {
    const elapsed = nowMs - this.#lastMs
    if (elapsed <= 0) return
    this.#activeMs += Math.min(elapsed, LONGEST_STEP_MS)
    const span = Math.min(RATE_SMOOTHING_MS, nowMs - this.#firstMs)
    const weight = Math.min(1, elapsed / span)
    this.#rate += weight * (units / elapsed - this.#rate)
    this.#lastMs = nowMs
    this.#meltLine(elapsed)
  }

  /** A young sampler may owe little: what it has not earned yet it may never be able to pay back. */
  #line(): number {
    const earned = (this.#offeredSum * this.#lineMs) / this.#periodMs
    const granted = this.meanRate * this.#lineMs
    const line = GRANTED * granted + (1 - GRANTED) * earned
    return this.ratio * Math.min(line, this.#rate * this.#lineMs * this.#melt)
  }

  #meltLine(elapsed: number): void {
    if (this.balance >= 0) {
      this.#melt += (1 - this.#melt) * (1 - Math.exp(-elapsed / GROW_MS))
      return
    }
    this.#melt *= Math.exp(-elapsed / MELT_MS)
  }
}
