/** Waiting times that grow: exponential, bounded, with jitter so that many clients do not come back at one moment. */

export interface BackoffOptions {
  readonly initialMs: number
  readonly multiplier: number
  /** 0.5 means anything from half to one and a half of the interval. */
  readonly randomization: number
  readonly maxMs: number
}

export class Backoff {
  readonly #options: BackoffOptions
  readonly #random: () => number
  #intervalMs: number

  constructor(options: BackoffOptions, random: () => number = Math.random) {
    this.#options = options
    this.#random = random
    this.#intervalMs = options.initialMs
  }

  /**
   * The next wait. `minimumMs` is what the other side asked for: never less than that, and the interval goes on
   * growing from there, so a peer that keeps saying "one minute" is asked less and less often up to the bound.
   */
  nextMs(minimumMs = 0): number {
    const { multiplier, randomization, maxMs } = this.#options
    const interval = Math.max(this.#intervalMs, minimumMs)
    this.#intervalMs = Math.min(interval * multiplier, Math.max(maxMs, minimumMs))
    const jittered = interval * (1 + randomization * (2 * this.#random() - 1))
    return Math.max(jittered, minimumMs)
  }

  reset(): void {
    this.#intervalMs = this.#options.initialMs
  }
}
