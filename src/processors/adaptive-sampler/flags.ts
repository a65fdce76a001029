/** What this processor notes in the flags of a held trace. */
import {
  TRACE_EXPLICIT_RANDOMNESS,
  TRACE_OWNER_1,
  TRACE_OWNER_2,
  TRACE_OWNER_3,
  TRACE_RANDOM_ID,
  TRACE_THRESHOLD,
} from '../../sampler/assembly/traces.ts'

/** Follows an earlier decision. */
export const LATE = TRACE_OWNER_1
/** Its row waits for the tick. */
export const LOOKED_AT = TRACE_OWNER_2
/** Decided before its time. */
export const EARLY = TRACE_OWNER_3

/**
 * Somebody says that the randomness is good. A sampler before this one does by its threshold, and leaves only the upper end
 * of it: seen by themselves, such ids would not look random.
 */
export const VOUCHED_FOR = TRACE_EXPLICIT_RANDOMNESS | TRACE_RANDOM_ID | TRACE_THRESHOLD
