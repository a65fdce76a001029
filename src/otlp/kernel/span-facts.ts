/**
 * What the kernel tells of each span of a request that it has just checked: a row of words, for those who hold spans. The walk
 * is in `assembly/spans.ts`.
 */

/** Words of a row. Ids are the bytes as they come, low word first, but the trace's: its words are big-endian. */
export const FACT_WORDS = 24
export const FACT_TRACE_ID = 0
export const FACT_SPAN_ID = 4
export const FACT_PARENT_ID = 6
/** Nanoseconds, low word first. */
export const FACT_START = 8
export const FACT_END = 10
/** `SPAN_...` of the sampler, and bit 10: by its W3C flags the trace id is random. */
export const FACT_FLAGS = 12
export const FACT_KIND = 13
/** Offsets in the request; 0 and 0: there is none. */
export const FACT_NAME_FROM = 14
export const FACT_NAME_TO = 15
export const FACT_STATE_FROM = 16
export const FACT_STATE_TO = 17
/** Bytes of the trace id; only of 16 are there words. */
export const FACT_TRACE_ID_LENGTH = 18
