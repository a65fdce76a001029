/** The decision about one item, the same for spans and log records: which randomness counts, and which threshold. */
import { ALWAYS, KEPT_BY_ALL, NEVER, parseRandomness } from '../../sampler/threshold.ts'
import { hashedRandomness, type Rate } from './rate.ts'

/** Sampling information that an item carries and that goes on with it: `ot` of its trace state, or its attributes. */
export interface Carrier {
  readonly randomness: bigint | null
  readonly threshold: bigint | null
  setRandomness(randomness: bigint): void
  setThreshold(threshold: bigint): void
  clearThreshold(): void
}

/** What wins over the decision. */
export interface Priority {
  readonly threshold: bigint
}

export const MUST_KEEP: Priority = { threshold: ALWAYS }
export const MUST_DROP: Priority = { threshold: NEVER }

/** Randomness that an item offers besides what its carrier says. */
export interface Source {
  /** Empty when there is none or when it is all zeros. */
  readonly traceId: Uint8Array
  /** Bytes to hash in mode hash_seed, or null. */
  readonly hashed: Uint8Array | null
  /** Policy under which they count. */
  readonly hashedPolicy: string
}

/** One instance serves all items; `policy` and `carrier` are of the last one. */
export class Decision {
  /** What decided, for the metric. */
  policy = ''
  /** To be written to the kept item; null leaves it as it is. */
  carrier: Carrier | null = null
  readonly #rate: Rate
  readonly #seed: number
  readonly #isFailClosed: boolean
  /** Whether spans say that they had no randomness; log records do not. */
  readonly #marksMissing: boolean
  #randomness = KEPT_BY_ALL

  constructor(rate: Rate, seed: number, isFailClosed: boolean, marksMissing: boolean) {
    this.#rate = rate
    this.#seed = seed
    this.#isFailClosed = isFailClosed
    this.#marksMissing = marksMissing
  }

  /** Whether the item is kept. `carrier` is null when what the item says of sampling is not valid. */
  decide(carrier: Carrier | null, source: Source, priority: Priority | null): boolean {
    this.carrier = carrier
    this.#randomness = KEPT_BY_ALL
    this.policy = 'missing_randomness'
    const isDecided = this.#findRandomness(source) && this.#isConsistent()
    let threshold = this.#isFailClosed ? NEVER : ALWAYS
    if (isDecided) threshold = this.#rate.threshold(this.carrier?.threshold ?? null)
    if (priority !== null) {
      threshold = priority.threshold
      this.policy = 'sampling_priority'
    }
    const isKept = threshold <= this.#randomness
    if (isKept) this.#mark(threshold)
    return isKept
  }

  /** False when what the item says is not valid, or does not go with the mode. */
  #findRandomness(source: Source): boolean {
    if (this.#rate.mode === 'never') this.policy = 'sampling_priority'
    else if (this.#rate.mode === 'hash_seed') return this.#hash(source)
    else this.#readRandomness(source)
    return this.carrier !== null
  }

  #hash({ hashed, hashedPolicy }: Source): boolean {
    if (hashed !== null) {
      this.#randomness = hashedRandomness(hashed, this.#seed)
      this.policy = hashedPolicy
    }
    const { carrier } = this
    if (carrier === null) return false
    if (carrier.randomness !== null || carrier.threshold !== null) {
      // Consistent sampling is in use already; this mode leaves its marks alone.
      this.carrier = null
      return false
    }
    if (hashed !== null || this.#marksMissing) carrier.setRandomness(this.#randomness)
    return true
  }

  #readRandomness({ traceId }: Source): void {
    if (this.carrier === null) return
    if (this.carrier.randomness !== null) {
      this.#randomness = this.carrier.randomness
      this.policy = 'sampling_randomness'
    } else if (traceId.length > 0) {
      this.#randomness = randomnessOfTraceId(traceId)
      this.policy = 'trace_id_w3c'
    }
  }

  /** An item that its own threshold would not have kept lies; the threshold is taken away. */
  #isConsistent(): boolean {
    if (this.policy === 'missing_randomness') return false
    const arriving = this.carrier?.threshold ?? null
    if (arriving === null || arriving <= this.#randomness) return true
    this.carrier?.clearThreshold()
    return false
  }

  /** A threshold is only ever raised. */
  #mark(threshold: bigint): void {
    const before = this.carrier?.threshold ?? null
    if (before === null || before <= threshold) this.carrier?.setThreshold(threshold)
  }
}

/** The lowest 56 bits, which W3C level 2 wants to be random. */
function randomnessOfTraceId(traceId: Uint8Array): bigint {
  return parseRandomness(Buffer.from(traceId.subarray(-7)).toString('hex').padStart(14, '0'))!
}
