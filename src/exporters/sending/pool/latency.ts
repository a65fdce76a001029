/**
 * How long an endpoint takes, with a peak's memory: a slower answer counts at once, faster ones only little by little, and
 * without answers the figure fades, so that an endpoint that was slow once is tried again.
 */

/** After so long without an answer a figure has fallen to 1/e. */
const FADE_MS = 10_000
/** A failure counts as an answer that took at least so long: failing fast must not look attractive. */
const FAILURE_MS = 1000
const MAX_MS = 60_000

export class PeakLatency {
  #ms = 0
  #atMs = 0

  /** In milliseconds; 0 = nothing is known. */
  at(nowMs: number): number {
    return this.#ms * Math.exp(-Math.max(0, nowMs - this.#atMs) / FADE_MS)
  }

  succeeded(tookMs: number, nowMs: number): void {
    const faded = this.at(nowMs)
    if (tookMs >= faded) this.#ms = Math.min(tookMs, MAX_MS)
    else {
      // What has passed since the last answer is the weight of this one, and never less than a tenth.
      const weight = Math.max(0.1, 1 - Math.exp(-(nowMs - this.#atMs) / FADE_MS))
      this.#ms = faded + (tookMs - faded) * weight
    }
    this.#atMs = nowMs
  }

  failed(tookMs: number, nowMs: number): void {
    this.#ms = Math.min(Math.max(tookMs, FAILURE_MS, 2 * this.at(nowMs)), MAX_MS)
    this.#atMs = nowMs
  }
}
