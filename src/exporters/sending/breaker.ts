/** Where a circuit breaker can stand between queue and destination, and the one that never breaks. */

export interface Breaker {
  /** False while the destination is to be left alone; asked again later. */
  allow(): boolean
  success(): void
  /** An attempt failed in a way that may pass. */
  failure(): void
}

export const PASS_THROUGH: Breaker = {
  allow: () => true,
  success() {},
  failure() {},
}
