/**
 * Three ways to hold a sender to a rate, behind one interface; each is a few numbers, and no call allocates.
 *
 * What comes is as large as it is: while something may come at all, all of it may, and what is over is a debt that the
 * sender waits for. So the long-run rate is exact, and no request is too large to ever get in.
 *
 * ```
 * token bucket     level fills with the rate up to `burst`; something may come while level > 0
 * leaky bucket     what came leaks out with the rate; something may come while no more than `burst` is left in it
 * sliding window   this window, and as much of the last as still overlaps; something may come while that is < rate * window
 * ```
 */
import type { RateLimit } from '../policy/limits.ts'

export interface RateMeter {
  /** Milliseconds until something may come; 0 = now. */
  waitMs(nowMs: number): number
  /** Takes all of it, or nothing and says how long to wait. */
  take(amount: number, nowMs: number): number
  /** Share of the limit that is used up, for people; may be over 1. */
  used(nowMs: number): number
  /** Takes another limit of the same algorithm; what was used stays used. */
  relimit(limit: RateLimit): void
}

export function createRateMeter(limit: RateLimit, nowMs: number): RateMeter {
  switch (limit.algorithm) {
    case 'token_bucket':
      return new TokenBucket(limit, nowMs)
    case 'leaky_bucket':
      return new LeakyBucket(limit, nowMs)
    case 'sliding_window':
      return new SlidingWindow(limit, nowMs)
  }
}

class TokenBucket implements RateMeter {
  #perMs: number
  #burst: number
  #level: number
  #atMs: number

  constructor({ rate, burst }: RateLimit, nowMs: number) {
    this.#perMs = rate / 1000
    this.#burst = burst
    this.#level = burst
    this.#atMs = nowMs
  }

  waitMs(nowMs: number): number {
    this.#fill(nowMs)
    return this.#level > 0 ? 0 : waitFor(-this.#level, this.#perMs)
  }

  take(amount: number, nowMs: number): number {
    const waitMs = this.waitMs(nowMs)
    if (waitMs === 0) this.#level -= amount
    return waitMs
  }

  used(nowMs: number): number {
    this.#fill(nowMs)
    return 1 - this.#level / this.#burst
  }

  relimit({ rate, burst }: RateLimit): void {
    this.#level += burst - this.#burst
    this.#perMs = rate / 1000
    this.#burst = burst
  }

  #fill(nowMs: number): void {
    if (nowMs <= this.#atMs) return
    this.#level = Math.min(this.#burst, this.#level + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
  }
}

class LeakyBucket implements RateMeter {
  #perMs: number
  #depth: number
  #level = 0
  #atMs: number

  constructor({ rate, burst }: RateLimit, nowMs: number) {
    this.#perMs = rate / 1000
    this.#depth = burst
    this.#atMs = nowMs
  }

  waitMs(nowMs: number): number {
    this.#leak(nowMs)
    const over = this.#level - this.#depth
    return over <= 0 ? 0 : waitFor(over, this.#perMs)
  }

  take(amount: number, nowMs: number): number {
    const waitMs = this.waitMs(nowMs)
    if (waitMs === 0) this.#level += amount
    return waitMs
  }

  used(nowMs: number): number {
    this.#leak(nowMs)
    return this.#level / Math.max(this.#depth, this.#perMs * 1000)
  }

  relimit({ rate, burst }: RateLimit): void {
    this.#perMs = rate / 1000
    this.#depth = burst
  }

  #leak(nowMs: number): void {
    if (nowMs <= this.#atMs) return
    this.#level = Math.max(0, this.#level - (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
  }
}

class SlidingWindow implements RateMeter {
  #most: number
  #windowMs: number
  #startMs: number
  #current = 0
  #last = 0

  constructor({ rate, windowMs }: RateLimit, nowMs: number) {
    this.#windowMs = windowMs
    this.#most = (rate * windowMs) / 1000
    this.#startMs = nowMs
  }

  /** Takes it that the last window's amount came evenly, as it is not known when in it. */
  waitMs(nowMs: number): number {
    this.#slide(nowMs)
    const inMs = nowMs - this.#startMs
    const overlap = 1 - inMs / this.#windowMs
    if (this.#current + this.#last * overlap < this.#most) return 0
    const isOver = this.#current >= this.#most
    // Over the limit: not before this window is the last one, and enough of that is past.
    const ms = isOver
      ? this.#windowMs - inMs + ((this.#current - this.#most) / this.#most) * this.#windowMs
      : (overlap - (this.#most - this.#current) / this.#last) * this.#windowMs
    return justAfter(ms)
  }

  take(amount: number, nowMs: number): number {
    const waitMs = this.waitMs(nowMs)
    if (waitMs === 0) this.#current += amount
    return waitMs
  }

  used(nowMs: number): number {
    this.#slide(nowMs)
    const overlap = 1 - (nowMs - this.#startMs) / this.#windowMs
    return (this.#current + this.#last * overlap) / this.#most
  }

  relimit({ rate, windowMs }: RateLimit): void {
    this.#windowMs = windowMs
    this.#most = (rate * windowMs) / 1000
  }

  /** What is over the limit of a window is carried on, or a large request would cost no more than a small one. */
  #slide(nowMs: number): void {
    const passed = Math.floor((nowMs - this.#startMs) / this.#windowMs)
    if (passed <= 0) return
    const came = this.#current
    this.#current = Math.max(0, came - passed * this.#most)
    this.#last = Math.min(this.#most, Math.max(0, came - (passed - 1) * this.#most))
    this.#startMs += passed * this.#windowMs
  }
}

function waitFor(amount: number, perMs: number): number {
  return justAfter(amount / perMs)
}

/** More than what rounding leaves out of a time. */
const ROUNDING_MS = 1e-3

/** At the very moment it is still too early. */
function justAfter(ms: number): number {
  return Math.floor(ms + ROUNDING_MS) + 1
}
