/**
 * Tests that may be looked at after every trace and stopped at any moment without losing their error rate. Pairs of yes and
 * no are tested exactly by a mixture of coins; differences of means by a normal mixture, which is exact for large numbers.
 */

/** Over how many of the decisive pairs, and against what, the mixture is spread: Beta(1/2, 1/2). */
const HALF = 0.5
/** The confidence sequence is narrowest around this many observations. */
const TUNED_TO = 1000
/** Below this many observations a normal limit says nothing. */
const LEAST_OBSERVATIONS = 50
const BISECTIONS = 30
/** Stirling's series is exact to ten digits from here on. */
const STIRLING_FROM = 10

export type Verdict = 'better' | 'worse' | 'undecided'

/**
 * Two models judge the same cases. Cases where they differ are coins: fair if neither is better. The evidence against a
 * fair coin exceeds 1 / alpha with probability alpha at most, however often it is looked at.
 */
export class PairedTest {
  readonly #alpha: number
  /** Cases that only the challenger, and only the one in charge, got right. */
  wins = 0
  losses = 0
  cases = 0
  #verdict: Verdict = 'undecided'

  constructor(alpha: number) {
    this.#alpha = alpha
  }

  add(challenger: boolean, champion: boolean): void {
    this.cases++
    if (challenger === champion) return
    if (challenger) this.wins++
    else this.losses++
    if (this.#verdict !== 'undecided' || this.#logEvidence() < -Math.log(this.#alpha)) return
    this.#verdict = this.wins > this.losses ? 'better' : 'worse'
  }

  /** Once it has spoken it stays with that. */
  get verdict(): Verdict {
    return this.#verdict
  }

  get difference(): number {
    return this.cases === 0 ? 0 : (this.wins - this.losses) / this.cases
  }

  /** Bounds of the difference that hold at any moment: those coins which the evidence does not speak against. */
  bounds(): { readonly low: number; readonly high: number } {
    const decisive = this.wins + this.losses
    if (decisive === 0) return { low: -1, high: 1 }
    const share = this.wins / decisive
    const low = this.#findCoin(0, share)
    const high = this.#findCoin(1, share)
    const scale = decisive / this.cases
    return { low: (2 * low - 1) * scale, high: (2 * high - 1) * scale }
  }

  /** Between `out`, which is refuted or the end, and `inside`, which is not. */
  #findCoin(out: number, inside: number): number {
    let refuted = out
    let open = inside
    for (let i = 0; i < BISECTIONS; i++) {
      const middle = (refuted + open) / 2
      if (this.#logEvidenceAgainst(middle) < -Math.log(this.#alpha)) open = middle
      else refuted = middle
    }
    return open
  }

  #logEvidence(): number {
    return this.#logEvidenceAgainst(HALF)
  }

  #logEvidenceAgainst(coin: number): number {
    const { wins, losses } = this
    const mixture = logBeta(wins + HALF, losses + HALF) - logBeta(HALF, HALF)
    const heads = wins === 0 ? 0 : wins * Math.log(coin)
    const tails = losses === 0 ? 0 : losses * Math.log(1 - coin)
    return mixture - heads - tails
  }
}

/** Mean of numbers with bounds that hold at all moments together. */
export class RunningMean {
  #count = 0
  #mean = 0
  #squares = 0

  add(value: number): void {
    this.#count++
    const step = value - this.#mean
    this.#mean += step / this.#count
    this.#squares += step * (value - this.#mean)
  }

  get count(): number {
    return this.#count
  }

  get mean(): number {
    return this.#mean
  }

  /** Half of the width of the interval; infinite while there is too little to tell. */
  margin(alpha: number): number {
    if (this.#count < LEAST_OBSERVATIONS) return Number.POSITIVE_INFINITY
    const variance = this.#squares / (this.#count - 1)
    const spread = 1 / TUNED_TO
    const inner = this.#count * spread + 1
    const width =
      ((2 * inner) / (this.#count * this.#count * spread)) * Math.log(Math.sqrt(inner) / alpha)
    return Math.sqrt(variance * width)
  }
}

export interface Difference {
  readonly verdict: Verdict
  readonly difference: number
  readonly low: number
  readonly high: number
}

/** Of two groups that saw different cases; each interval gets half of alpha. */
export function compareMeans(
  challenger: RunningMean,
  champion: RunningMean,
  alpha: number,
): Difference {
  const difference = challenger.mean - champion.mean
  const margin = challenger.margin(alpha / 2) + champion.margin(alpha / 2)
  const low = Math.max(-1, difference - margin)
  const high = Math.min(1, difference + margin)
  const verdict = low > 0 ? 'better' : high < 0 ? 'worse' : 'undecided'
  return { verdict, difference, low, high }
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

/** Stirling's series, after the argument was brought up to where it is exact. */
function logGamma(x: number): number {
  let z = x
  let below = 0
  while (z < STIRLING_FROM) below += Math.log(z++)
  const series = 1 / (12 * z) - 1 / (360 * z ** 3) + 1 / (1260 * z ** 5)
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series - below
}
