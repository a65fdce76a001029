/** The words of one trace's record. Two halves of a double stand where `..._F64` says, counted in doubles. */

export const ID = 0
export const TENANT = 4
export const FLAGS = 5
export const FIRST_ROW = 6
export const LAST_ROW = 7
export const SPANS = 8
export const BYTES = 9
/** Words 10 to 15. */
export const FIRST_ARRIVAL_F64 = 5
export const LAST_ARRIVAL_F64 = 6
export const ROOT_ARRIVAL_F64 = 7
/** Earliest start, latest end. */
export const START_LOW = 16
export const START_HIGH = 17
export const END_LOW = 18
export const END_HIGH = 19
/** Halves of 28 bits. */
export const RANDOMNESS_HIGH = 20
export const RANDOMNESS_LOW = 21
export const THRESHOLD_HIGH = 22
export const THRESHOLD_LOW = 23
export const IMPORTANCE = 24
export const NOTE = 25
/** Neighbours in order of arrival; `NEWER` also links free records. */
export const OLDER = 26
export const NEWER = 27
/** Neighbours that are due at the same tick. */
export const WHEEL_PREVIOUS = 28
export const WHEEL_NEXT = 29
/** List of the wheel; -1 = in none. */
export const WHEEL_LIST = 30
/** Tick at which the trace is due. */
export const DUE = 31
/** The owner's bits. */
export const CONDITIONS = 32

/** Tenant of a free record. */
export const FREE = -1
