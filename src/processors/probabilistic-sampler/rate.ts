/** How much is kept: the threshold of each mode, and the randomness that older collectors hashed out of ids. */
import {
  ALWAYS,
  MIN_PROBABILITY,
  NEVER,
  probabilityToThreshold,
  thresholdToProbability,
} from '../../sampler/threshold.ts'
import type { ProbabilisticSamplerConfig } from './config.ts'

/** Mode hash_seed decides by this many bits of the hash. */
const BUCKET_BITS = 14
const BUCKETS = 1 << BUCKET_BITS
/** Upstream multiplies 32-bit floats. */
const BUCKETS_PER_PERCENT = Math.fround(BUCKETS / 100)
const UNUSED_BITS = 32 - BUCKET_BITS
const BUCKET_SHIFT = 42n

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

export type Mode = 'never' | 'hash_seed' | 'proportional' | 'equalizing'

export class Rate {
  readonly mode: Mode
  readonly #ratio: number
  readonly #precision: number
  /** Of the modes that do not look at what arrives. */
  readonly #threshold: bigint

  constructor(config: ProbabilisticSamplerConfig) {
    const percentage = Math.min(config.sampling_percentage, 100)
    const mode = config.mode === '' ? 'hash_seed' : config.mode
    this.#precision = config.sampling_precision
    this.#ratio = Math.max(percentage / 100, MIN_PROBABILITY)
    const kept = Math.trunc(Math.fround(percentage * BUCKETS_PER_PERCENT))
    const isNever = percentage === 0 || (mode === 'hash_seed' && kept === 0)
    this.mode = isNever ? 'never' : mode
    this.#threshold = isNever ? NEVER : this.#fixedThreshold(kept)
  }

  /** `arriving` is the threshold that the item was kept at before; null if it says none. */
  threshold(arriving: bigint | null): bigint {
    if (this.mode === 'proportional') {
      const before = arriving === null ? 1 : thresholdToProbability(arriving)
      // A product below what 56 bits can say is never kept.
      return probabilityToThreshold(before * this.#ratio, this.#precision) ?? NEVER
    }
    const isRaised = this.mode === 'equalizing' && arriving !== null && arriving > this.#threshold
    return isRaised ? arriving : this.#threshold
  }

  #fixedThreshold(kept: number): bigint {
    if (this.mode === 'hash_seed') return BigInt(BUCKETS - kept) << BUCKET_SHIFT
    return probabilityToThreshold(this.#ratio, this.#precision) ?? ALWAYS
  }
}

/**
 * 56 bits whose highest 14 make the decision that older collectors made (`hash & 0x3fff < share`), turned round so that
 * a threshold compares with them; the others only fill up.
 */
export function hashedRandomness(bytes: Uint8Array, seed: number): bigint {
  const hash = fnv1a(bytes, seed)
  const bucket = hash & (BUCKETS - 1)
  const unused = hash >>> UNUSED_BITS
  const mixed = unused ^ (unused << 10)
  return (
    (BigInt(BUCKETS - 1 - bucket) << BUCKET_SHIFT) |
    (BigInt(mixed) << BigInt(BUCKET_BITS)) |
    BigInt(bucket)
  )
}

/** FNV-1a over the seed's four bytes, lowest first, and then the data. */
function fnv1a(bytes: Uint8Array, seed: number): number {
  let hash = FNV_OFFSET
  for (let shift = 0; shift < 32; shift += 8) {
    hash = Math.imul(hash ^ ((seed >>> shift) & 0xff), FNV_PRIME)
  }
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], FNV_PRIME)
  return hash >>> 0
}
