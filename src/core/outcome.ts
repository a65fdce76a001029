/** All that a stage may say to the one before it. Running code answers with outcomes, not exceptions. */

/** Why data can never be taken; each maps to one gRPC code and one HTTP status in `net/status.ts`. */
export type RefusalCode =
  | 'bad_data' // INVALID_ARGUMENT / 400
  | 'too_large' // RESOURCE_EXHAUSTED without RetryInfo / 413
  | 'unauthenticated' // UNAUTHENTICATED / 401
  | 'permission_denied' // PERMISSION_DENIED / 403
  | 'unimplemented' // UNIMPLEMENTED / 404
  | 'rejected' // a later stage or the backend refused for good: INTERNAL / 500

/** Why data cannot be taken now. */
export type BusyCause =
  | 'overloaded' // memory or queue is full: UNAVAILABLE / 503
  | 'quota' // this sender sends too much: RESOURCE_EXHAUSTED with RetryInfo / 429
  | 'disk_share' // this sender's tenant has its share of the disk in use: RESOURCE_EXHAUSTED with RetryInfo / 429
  | 'unavailable' // the way ahead is closed (backend down, shutting down): UNAVAILABLE / 503

export interface Accepted {
  readonly kind: 'accepted'
}
export interface Busy {
  readonly kind: 'busy'
  readonly retryAfterMs: number
  readonly cause: BusyCause
}
export interface Refused {
  readonly kind: 'refused'
  /** Items refused; fewer than the batch holds means the others were taken (partial success). */
  readonly items: number
  readonly why: RefusalCode
  /** For people, in English, says what to do. */
  readonly message: string
}

/**
 * - `accepted`: the taker is responsible now and owns the batch.
 * - `busy`: nothing was taken, the caller still owns the batch and may try again.
 * - `refused`: do not try again. The caller still owns the batch unless `items` is less than it holds.
 */
export type Outcome = Accepted | Busy | Refused

export const ACCEPTED: Accepted = Object.freeze({ kind: 'accepted' })

export function busy(retryAfterMs: number, cause: BusyCause = 'overloaded'): Busy {
  return { kind: 'busy', retryAfterMs, cause }
}

export function refused(items: number, why: RefusalCode, message: string): Refused {
  return { kind: 'refused', items, why, message }
}
