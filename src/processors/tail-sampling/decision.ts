/** What policies answer, and what they may look at: a trace as numbers and as bits that were set when its spans arrived. */

/** Answers of policies. */
export const SAMPLED = 1
export const NOT_SAMPLED = 2
/** Of a `drop` policy; nothing overrules it. */
export const DROPPED = 3
/** The policy failed; it counts for nothing. */
export const FAILED = 4
/** Of policies with `invert_match`, where they have a rank of their own. */
export const INVERT_SAMPLED = 5
export const INVERT_NOT_SAMPLED = 6

export const DECISIONS = 7

export type Decision = 1 | 2 | 3 | 4 | 5 | 6

/** One instance stands on one trace after another. */
export interface TraceFacts {
  /** See `Conditions`: words of bits, the first of the trace at `wordsAt`. */
  readonly words: Uint32Array
  readonly wordsAt: number
  readonly spans: number
  /** As the collector would encode it, each resource with what came under it in one request. */
  readonly bytes: number
  /** Whole milliseconds from the earliest start to the latest end. */
  readonly durationMs: number
  /** Whether a span has the status ERROR. */
  readonly hasError: boolean
  /** 16 bytes; less for ids that are not valid. */
  readonly traceId: Uint8Array
  /** Whether a span says its randomness or threshold in its trace state, and 56 bits of randomness in halves of 28. */
  readonly hasSamplingState: boolean
  readonly randomnessHigh: number
  readonly randomnessLow: number
  /** Wall clock. */
  readonly nowMs: number
}

export interface Policy {
  decide(trace: TraceFacts): Decision
  /** Whether the answer can change with what came before, or with spans that are still to come. */
  readonly isStateful: boolean
  /** What a sampled trace had to reach with its randomness (OTEP 235); absent: any was enough. */
  readonly threshold?: bigint
}
