/**
 * How many attempts may be repetitions. Fresh requests earn a share of one, time earns a few, and every success lets
 * two more go, so that after an outage what is parked leaves ever faster while a destination that goes on failing sees
 * little more than the fresh requests. What has no token waits; nothing is lost for it.
 */
import type { Clock } from '../../core/clock.ts'
import type { RetryBudgetConfig } from './config.ts'

/** What each success earns. More than one, so that the pace doubles while all goes well. */
const PER_SUCCESS = 2

export class RetryBudget {
  readonly #config: RetryBudgetConfig
  readonly #clock: Clock
  #tokens: number
  #atMs: number

  constructor(config: RetryBudgetConfig, clock: Clock) {
    this.#config = config
    this.#clock = clock
    this.#tokens = config.burst
    this.#atMs = clock.monotonic()
  }

  get allows(): boolean {
    if (this.#tokens >= 1) return true
    this.#refill()
    return this.#tokens >= 1
  }

  /** While it does not allow: when there is a token. */
  waitMs(): number {
    const { min_per_second: rate } = this.#config
    return Math.max(1, Math.ceil(((1 - this.#tokens) * 1000) / rate))
  }

  fresh(): void {
    this.#earn(this.#config.ratio)
  }

  success(): void {
    this.#earn(PER_SUCCESS)
  }

  spend(): void {
    this.#refill()
    this.#tokens = Math.max(0, this.#tokens - 1)
  }

  #earn(tokens: number): void {
    this.#tokens = Math.min(this.#config.burst, this.#tokens + tokens)
  }

  #refill(): void {
    const now = this.#clock.monotonic()
    this.#earn(((now - this.#atMs) * this.#config.min_per_second) / 1000)
    this.#atMs = now
  }
}
