/** What a user sets of the budget, with its defaults, and what each trace brings and gets: the words that the deciding shares. */

/** Bits of a trace's traits. */
/** A rule or condition of the user wants it. */
export const TRAIT_KEEP = 1
/** A condition of the user refuses it; goes before TRAIT_KEEP. */
export const TRAIT_NEVER = 2
/** At least one of its keys is in collective shift: nothing is learned from it. */
export const TRAIT_SHIFTED = 4
/** Error, exception or a server's fault. */
export const TRAIT_ERROR = 8
/** Its randomness is a salted hash, since its id is not random: `th` is erased, `sampling.adjusted_count` tells instead. */
export const TRAIT_HASHED = 16
/** What was sampled away before is not known: `th` is erased. */
export const TRAIT_UNKNOWN = 32

/** Why a trace was kept, or 0; `REASON_NAMES` has the text of `sampling.reason`. */
export const REASON_NONE = 0
export const REASON_ANOMALY = 1
export const REASON_ERROR = 2
export const REASON_RARE = 3
export const REASON_BASELINE = 4
export const REASON_RULE = 5
/** Set by who forwards late spans; the decider itself never gives it. */
export const REASON_LATE = 6
export const REASON_NAMES: readonly string[] = [
  '',
  'anomaly',
  'error',
  'rare',
  'baseline',
  'rule',
  'late',
]

export type Unit = 'traces' | 'spans' | 'bytes'

export interface Budget {
  /** Share that is kept, above 0 and at most 1. */
  readonly ratio: number
  /** What the share is of. */
  readonly unit: Unit
  /** How long the share may take to come true. */
  readonly periodMs: number
  /**
   * Share of a period's budget that may be spent ahead: a twentieth of it from the first minute on, the rest as the period goes by.
   * While it is in use it melts within hours, so that trouble that does not end comes back to the ratio; the more credit, the longer
   * that takes.
   */
  readonly burstCredit: number
}

export interface Ceiling {
  /** 0: none. */
  readonly spansPerSecond: number
  /** 0: none. */
  readonly bytesPerSecond: number
}

/** Shares of the budget, together at most 1. */
export interface Lanes {
  /** Also the share that errors may take for long. */
  readonly anomaly: number
  readonly diversity: number
  readonly uniform: number
}

export interface DeciderOptions {
  readonly budget: Budget
  readonly ceiling: Ceiling
  readonly lanes: Lanes
  /** Share of the traffic not in shift that the score may call anomalous. */
  readonly flagged: number
  /** Tenants by name with a budget of their own; the others share `budget`. */
  readonly tenants: ReadonlyMap<string, Budget>
}

export const DEFAULT_OPTIONS: DeciderOptions = {
  budget: { ratio: 0.1, unit: 'traces', periodMs: 86_400_000, burstCredit: 0.25 },
  ceiling: { spansPerSecond: 0, bytesPerSecond: 0 },
  lanes: { anomaly: 0.8, diversity: 0.1, uniform: 0.1 },
  flagged: 0.035,
  tenants: new Map(),
}
