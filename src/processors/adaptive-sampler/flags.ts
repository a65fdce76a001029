/** What this processor notes in the flags of a held trace. */
import { TRACE_OWNER_1, TRACE_OWNER_2, TRACE_OWNER_3 } from '../../sampler/assembly/traces.ts'

/** Follows an earlier decision. */
export const LATE = TRACE_OWNER_1
/** Its row waits for the tick. */
export const LOOKED_AT = TRACE_OWNER_2
/** Decided before its time. */
export const EARLY = TRACE_OWNER_3
