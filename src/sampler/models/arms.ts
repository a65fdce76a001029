/** Which model decides about a trace when several share the traffic. */

export interface Arm {
  readonly name: string
  /** Of the traces; shares are taken relative to their sum. */
  readonly share: number
}

const GOLDEN = 0x9e3779b9
const TWO_32 = 4294967296

/**
 * By a salted hash of the trace id's high 64 bits: every collector with the same salt chooses alike, and the choice says
 * nothing of the low 56 bits, which are the randomness that the trace is kept by.
 */
export class Arms {
  readonly names: readonly string[]
  readonly #salt: number
  /** Where each arm ends, of 2^32. */
  readonly #ends: Float64Array

  /** Throws a RangeError if no share is above zero. */
  constructor(arms: readonly Arm[], salt: number) {
    const total = arms.reduce((sum, arm) => sum + arm.share, 0)
    if (!(total > 0) || arms.some(arm => !(arm.share >= 0))) {
      throw new RangeError('shares of arms are numbers from 0 up, one of them above 0')
    }
    this.names = arms.map(arm => arm.name)
    this.#salt = salt | 0
    let sum = 0
    this.#ends = Float64Array.from(arms, arm => ((sum += arm.share) / total) * TWO_32)
  }

  /** `high` and `low` are the upper and the lower half of the trace id's first eight bytes, big-endian. */
  armOf(high: number, low: number): number {
    const point = mix(mix(high ^ this.#salt) ^ Math.imul(low, GOLDEN) ^ low) >>> 0
    const ends = this.#ends
    let arm = 0
    while (arm < ends.length - 1 && point >= ends[arm]) arm++
    return arm
  }
}

/** Murmur3's finaliser. */
function mix(x: number): number {
  let h = x | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
