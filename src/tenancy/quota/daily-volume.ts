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

/** A clock that is set back does not give a day again: the later day stays. */
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
    }
    return (this.day + 1) * DAY_MS - nowMs
  }

  restore({ day, items, bytes }: KeptVolume): void {
    if (day < this.day) return
    this.day = day
    this.items = items
    this.bytes = bytes
  }
}
