/** Latencies in buckets of fixed relative width: any number of them in 8 KiB, percentiles right to 1.6 %. */

/** Buckets per doubling. */
const STEPS = 64
const DOUBLINGS = 32

export class LatencyRecorder {
  readonly #counts = new Uint32Array(STEPS * DOUBLINGS)
  #total = 0
  #maxMs = 0

  record(ms: number): void {
    const micros = Math.max(1, ms * 1000)
    const bucket = Math.min(STEPS * DOUBLINGS - 1, Math.floor(Math.log2(micros) * STEPS))
    this.#counts[bucket]++
    this.#total++
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  get maxMs(): number {
    return this.#maxMs
  }

  /** Milliseconds that the given share of latencies does not exceed; 0 if there are none. */
  percentileMs(share: number): number {
    const wanted = Math.ceil(this.#total * share)
    if (wanted === 0) return 0
    let seen = 0
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]
      if (seen >= wanted) return Math.min(this.#maxMs, 2 ** ((bucket + 1) / STEPS) / 1000)
    }
    return this.#maxMs
  }
}
