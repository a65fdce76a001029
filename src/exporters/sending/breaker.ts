/**
 * Leaves a destination alone that fails for one tenant: after failures in a row, or when most of many attempts fail,
 * nothing is sent for a while; then one request tries. Time only; knows nothing of requests.
 *
 * ```
 * closed -- too many failures --> open -- time --> half open -- success --> closed
 *                                  ^-------- failure: longer ---------|
 * ```
 */
import type { Clock } from '../../core/clock.ts'
import type { BreakerState } from '../../core/queue-control.ts'
import type { BreakerConfig } from './config.ts'

export interface Breaker {
  readonly state?: BreakerState
  /** False while the destination is to be left alone. After `true` an attempt follows. */
  allow(): boolean
  /** While it does not allow: when to ask again. Absent = every now and then. */
  waitMs?(): number
  /** True when the destination is taken for well by it and was not before. */
  success(): unknown
  /** An attempt failed in a way that may pass. */
  failure(): void
  /** The attempt that was allowed has ended without telling anything about the destination. */
  forget?(): void
  /** Somebody says that it is well again: the next attempt is allowed. */
  reset?(): void
}

export const PASS_THROUGH: Breaker = {
  state: 'none',
  allow: () => true,
  success() {},
  failure() {},
}

/** A probe whose end was never told does not block the way for ever. */
const PROBE_MS = 60_000
/** Each failed probe doubles the wait. */
const GROWTH = 2

export class CircuitBreaker implements Breaker {
  readonly #config: BreakerConfig
  readonly #clock: Clock
  #state: 'closed' | 'open' | 'half_open' = 'closed'
  #inARow = 0
  /** Of the running window. */
  #attempts = 0
  #failures = 0
  #windowEndMs = 0
  #openMs = 0
  /** Open: when the next probe may go. Half open: when the running probe is taken for lost. */
  #untilMs = 0

  constructor(config: BreakerConfig, clock: Clock) {
    this.#config = config
    this.#clock = clock
  }

  get state(): BreakerState {
    return this.#state
  }

  /** What `allow` would answer, without an attempt that follows. */
  get wouldAllow(): boolean {
    return this.#state === 'closed' || this.#clock.monotonic() >= this.#untilMs
  }

  allow(): boolean {
    if (this.#state === 'closed') return true
    const now = this.#clock.monotonic()
    if (now < this.#untilMs) return false
    this.#state = 'half_open'
    this.#untilMs = now + PROBE_MS
    return true
  }

  waitMs(): number {
    return Math.max(1, this.#untilMs - this.#clock.monotonic())
  }

  success(): boolean {
    this.#inARow = 0
    if (this.#state !== 'closed') {
      this.#close()
      return true
    }
    if (this.#failures > 0) this.#count(0)
    return false
  }

  failure(): void {
    this.#inARow++
    if (this.#state === 'open') return
    const { consecutive_failures, failure_ratio, min_requests } = this.#config
    if (this.#state === 'half_open') {
      this.#open(Math.min(this.#openMs * GROWTH, this.#config.max_open_interval))
      return
    }
    this.#count(1)
    const isMost =
      this.#attempts >= min_requests && this.#failures >= this.#attempts * failure_ratio
    if (this.#inARow >= consecutive_failures || isMost) this.#open(this.#config.open_interval)
  }

  forget(): void {
    if (this.#state === 'half_open') this.#untilMs = this.#clock.monotonic()
  }

  reset(): void {
    if (this.#state !== 'closed') this.#untilMs = this.#clock.monotonic()
  }

  #open(ms: number): void {
    this.#state = 'open'
    this.#openMs = ms
    this.#untilMs = this.#clock.monotonic() + ms
  }

  #close(): void {
    this.#state = 'closed'
    this.#openMs = 0
    this.#windowEndMs = 0
    this.#attempts = this.#failures = 0
  }

  /** Successes are counted only once something has failed in the window: a destination that is well costs nothing. */
  #count(failures: number): void {
    const now = this.#clock.monotonic()
    if (now >= this.#windowEndMs) {
      this.#windowEndMs = now + this.#config.window
      this.#attempts = this.#failures = 0
    }
    this.#attempts++
    this.#failures += failures
  }
}
