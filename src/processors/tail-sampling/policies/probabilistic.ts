/** A share of the traces by a hash of their ids: 64 bits of FNV-1a over salt and id, as the reference computes it. */
import { ALWAYS, MAX_PRECISION, NEVER, probabilityToThreshold } from '../../../sampler/threshold.ts'
import { type Decision, NOT_SAMPLED, type Policy, SAMPLED, type TraceFacts } from '../decision.ts'

export const DEFAULT_SALT = 'default-hash-seed'

const MAX_UINT64 = (1n << 64n) - 1n
const OFFSET_BASIS = 0xcbf29ce484222325n
/** 2^40 + 0x1b3. */
const PRIME_LOW = 0x1b3
/** Binary digits that the reference computes the threshold with. */
const DIGITS = 64
/** Thresholds are compared in two halves. */
const HALF_BITS = 28n
const HALF_MASK = (1n << HALF_BITS) - 1n

/** Whether the hash is at most the share of 2^64 - 1. Sixteen bits of the hash stand in each of four numbers. */
export class ProbabilisticPolicy implements Policy {
  readonly isStateful = false
  /** What the salt alone gives. */
  readonly #seed: readonly number[]
  readonly #high: number
  readonly #low: number

  readonly threshold: bigint
  readonly #readsState: boolean
  readonly #thresholdHigh: number
  readonly #thresholdLow: number

  /** `readsState`: what spans say of their randomness counts instead of the hash. */
  constructor(salt: string, percentage: number, readsState = false) {
    const ratio = percentage / 100
    this.threshold = probabilityToThreshold(ratio, MAX_PRECISION) ?? (ratio >= 1 ? ALWAYS : NEVER)
    this.#readsState = readsState
    this.#thresholdHigh = Number(this.threshold >> HALF_BITS)
    this.#thresholdLow = Number(this.threshold & HALF_MASK)
    this.#seed = limbs(hashBytes(Buffer.from(salt === '' ? DEFAULT_SALT : salt)))
    const threshold = shareOfUint64(ratio)
    this.#high = Number(threshold >> 32n)
    this.#low = Number(threshold & 0xffffffffn)
  }

  // hot: bench/micro/tail-sampling.ts
  decide(trace: TraceFacts): Decision {
    if (this.#readsState && trace.hasSamplingState) return this.#decideByState(trace)
    const { traceId } = trace
    let [a, b, c, d] = this.#seed
    for (let i = 0; i < traceId.length; i++) {
      a ^= traceId[i]
      // times 2^40 + 0x1b3: the low limbs come again 40 bits higher.
      const p = a * PRIME_LOW
      const q = b * PRIME_LOW + (p >>> 16)
      const r = c * PRIME_LOW + (q >>> 16) + ((a & 0xff) << 8)
      const s = d * PRIME_LOW + (r >>> 16) + (a >>> 8) + ((b & 0xff) << 8)
      a = p & 0xffff
      b = q & 0xffff
      c = r & 0xffff
      d = s & 0xffff
    }
    const high = d * 0x10000 + c
    if (high !== this.#high) return high < this.#high ? SAMPLED : NOT_SAMPLED
    return b * 0x10000 + a <= this.#low ? SAMPLED : NOT_SAMPLED
  }

  #decideByState({ randomnessHigh: high, randomnessLow: low }: TraceFacts): Decision {
    if (high !== this.#thresholdHigh) return high > this.#thresholdHigh ? SAMPLED : NOT_SAMPLED
    return low >= this.#thresholdLow ? SAMPLED : NOT_SAMPLED
  }
}

function hashBytes(bytes: Uint8Array): bigint {
  let hash = OFFSET_BASIS
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & MAX_UINT64
  return hash
}

function limbs(hash: bigint): number[] {
  return [0n, 16n, 32n, 48n].map(shift => Number((hash >> shift) & 0xffffn))
}

/** Of 2^64 - 1, rounded to 64 binary digits and then down. A double is an integer times a power of two, so all is exact. */
export function shareOfUint64(ratio: number): bigint {
  if (!(ratio > 0)) return 0n
  if (ratio >= 1) return MAX_UINT64
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, ratio)
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn)
  const mantissa = (bits & 0xfffffffffffffn) | (exponent === 0 ? 0n : 1n << 52n)
  const shift = 1075 - Math.max(exponent, 1)
  const product = MAX_UINT64 * mantissa
  const extra = Math.max(0, product.toString(2).length - DIGITS)
  const rounded = roundHalfEven(product, BigInt(extra))
  return (rounded << BigInt(extra)) >> BigInt(shift)
}

function roundHalfEven(value: bigint, digits: bigint): bigint {
  if (digits === 0n) return value
  const kept = value >> digits
  const rest = value - (kept << digits)
  const half = 1n << (digits - 1n)
  return rest > half || (rest === half && (kept & 1n) === 1n) ? kept + 1n : kept
}
