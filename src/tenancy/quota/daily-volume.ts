/** What a tenant sent since midnight, UTC. */

const DAY_MS = 86_400_000

/** As it is kept over restarts. */
export interface KeptVolume {
  readonly tenant: string
  /** Days since 1970. */
  readonly day: number
  readonly items: number
  readonly bytes: number
}

export function dayOf(nowMs: number): number {
  return Math.floor(nowMs / DAY_MS)
}

/** A clock that is set back by less is believed to have been right before. */
const MAX_DAYS_AHEAD = 1

/**
 * A clock that is set back does not give a day again: the later day stays. Only where that is far ahead it was wrong, and
 * what was used then counts as used today.
 */
export class DailyVolume {
  day = 0
  items = 0
  bytes = 0

  /** Milliseconds until midnight, after a look at which day it is. */
  roll(nowMs: number): number {
    const day = dayOf(nowMs)
    if (day > this.day) {
      this.day = day
      this.items = 0
      this.bytes = 0
    } else if (day < this.day - MAX_DAYS_AHEAD) this.day = day
    return (this.day + 1) * DAY_MS - nowMs
  }

  restore({ day, items, bytes }: KeptVolume): void {
    if (day < this.day) return
    const isSame = day === this.day
    this.day = day
    this.items = isSame ? Math.max(this.items, items) : items
    this.bytes = isSame ? Math.max(this.bytes, bytes) : bytes
  }
}
