/** Seeded random numbers and the distributions that telemetry follows. The same seed gives the same telemetry. */

export class Random {
  #a: number

  constructor(seed: number) {
    this.#a = seed >>> 0
  }

  /** Uniform in [0, 1): mulberry32, 32 bits of state, good enough for load. */
  next(): number {
    this.#a = (this.#a + 0x6d2b79f5) | 0
    let t = Math.imul(this.#a ^ (this.#a >>> 15), 1 | this.#a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** Whole, in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]
  }

  /** Log-normal: most latencies are near the median, a few are many times as long. */
  lognormal(median: number, sigma: number): number {
    const u = Math.max(this.next(), 1e-12)
    const normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.next())
    return median * Math.exp(sigma * normal)
  }

  /** That many lower-case hex digits; never all zero, which would be an invalid id. */
  hex(digits: number): string {
    let text = ''
    while (text.length < digits) {
      text += Math.floor(this.next() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0')
    }
    text = text.slice(0, digits)
    return /^0+$/.test(text) ? `${text.slice(0, -1)}1` : text
  }
}
