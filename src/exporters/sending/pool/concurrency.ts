/** How many requests an endpoint may have in flight, learned from how it answers: two algorithms behind one interface. */
import type { ConcurrencyConfig } from './config.ts'

export interface ConcurrencyLimit {
  /** Whole requests. */
  readonly limit: number
  /** An attempt has ended; `inFlight` includes it. */
  ended(tookMs: number, inFlight: number, hasFailed: boolean, nowMs: number): void
}

export const UNLIMITED: ConcurrencyLimit = { limit: Number.POSITIVE_INFINITY, ended() {} }

/** A burst of failures has one cause: the limit falls once. */
const FALL_EVERY_MS = 100
/** Gradient: answers are judged together that come within this time, and by no fewer than so many. */
const WINDOW_MS = 500
const WINDOW_ANSWERS = 8
/** Weight of a window in the usual answer time, where it counts, and of a new limit in the limit. */
const USUAL_WEIGHT = 0.2
const SMOOTHING = 0.3
/** One window takes at most half. */
const LEAST_GRADIENT = 0.5

export function createLimit(config: ConcurrencyConfig): ConcurrencyLimit {
  return config.algorithm === 'aimd' ? new AimdLimit(config) : new GradientLimit(config)
}

abstract class LearnedLimit {
  protected readonly config: ConcurrencyConfig
  protected exact: number
  #fellAtMs = Number.NEGATIVE_INFINITY

  constructor(config: ConcurrencyConfig) {
    this.config = config
    this.exact = config.initial
  }

  get limit(): number {
    return Math.floor(this.exact)
  }

  protected fall(nowMs: number): void {
    if (nowMs - this.#fellAtMs < FALL_EVERY_MS) return
    this.#fellAtMs = nowMs
    this.set(this.exact * this.config.backoff_ratio)
  }

  protected set(limit: number): void {
    this.exact = Math.min(Math.max(limit, this.config.min), this.config.max)
  }
}

/** Adds one for each round of answers while the limit is used, and falls by a share at a failure. */
export class AimdLimit extends LearnedLimit implements ConcurrencyLimit {
  ended(_tookMs: number, inFlight: number, hasFailed: boolean, nowMs: number): void {
    if (hasFailed) this.fall(nowMs)
    else if (inFlight * 2 >= this.limit) this.set(this.exact + 1 / this.exact)
  }
}

/**
 * Compares the answer times of the last moments with the usual ones: while they are alike the limit grows by its square
 * root, when they are longer requests queue up there and it shrinks in proportion. Usual is what few requests in flight
 * take; of many it is not known what part of it is a queue, and a figure that followed them would let the limit drift up
 * without end. An endpoint that has become slower for good is pressed to the least limit, found usual there, and grows.
 */
export class GradientLimit extends LearnedLimit implements ConcurrencyLimit {
  #usualMs = 0
  #sumMs = 0
  #answers = 0
  #mostInFlight = 0
  #windowEndMs = Number.NEGATIVE_INFINITY

  ended(tookMs: number, inFlight: number, hasFailed: boolean, nowMs: number): void {
    if (hasFailed) {
      this.fall(nowMs)
      return
    }
    if (this.#answers === 0) this.#windowEndMs = nowMs + WINDOW_MS
    this.#sumMs += tookMs
    this.#answers++
    this.#mostInFlight = Math.max(this.#mostInFlight, inFlight)
    if (nowMs < this.#windowEndMs || this.#answers < WINDOW_ANSWERS) return
    this.#judge(Math.max(this.#sumMs / this.#answers, 0.01))
    this.#sumMs = this.#answers = this.#mostInFlight = 0
  }

  #judge(meanMs: number): void {
    if (this.#usualMs === 0) this.#usualMs = meanMs
    const gradient = Math.min((this.config.latency_tolerance * this.#usualMs) / meanMs, 1)
    const isUsed = this.#mostInFlight * 2 >= this.limit
    const isLight = !isUsed || this.exact <= this.config.min * 2
    if (meanMs < this.#usualMs) this.#usualMs = meanMs
    else if (isLight) this.#usualMs += (meanMs - this.#usualMs) * USUAL_WEIGHT
    if (gradient >= 1 && !isUsed) return
    const room = gradient >= 1 ? Math.sqrt(this.exact) : 0
    const next = this.exact * Math.max(gradient, LEAST_GRADIENT) + room
    this.set(this.exact + (next - this.exact) * SMOOTHING)
  }
}
