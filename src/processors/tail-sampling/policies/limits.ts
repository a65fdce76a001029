/** Policies that let a rate through: whole traces, as long as there are tokens for all of their spans or bytes. */
import { type Decision, NOT_SAMPLED, type Policy, SAMPLED, type TraceFacts } from '../decision.ts'

/** Tokens come evenly up to a burst; full at first. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
  }

  take(tokens: number, nowMs: number): boolean {
    // A clock that goes back brings nothing, and counts on from there.
    if (nowMs > this.#lastMs && this.#lastMs !== Number.NEGATIVE_INFINITY) {
      const come = ((nowMs - this.#lastMs) / 1000) * this.#perSecond
      this.#tokens = Math.min(this.#burst, this.#tokens + come)
    }
    this.#lastMs = nowMs
    if (tokens > this.#burst || tokens > this.#tokens) return false
    this.#tokens -= tokens
    return true
  }
}

export class RateLimitingPolicy implements Policy {
  readonly isStateful = true
  readonly #bucket: TokenBucket

  constructor(bucket: TokenBucket) {
    this.#bucket = bucket
  }

  decide({ spans, nowMs }: TraceFacts): Decision {
    return this.#bucket.take(spans, nowMs) ? SAMPLED : NOT_SAMPLED
  }
}

export class BytesLimitingPolicy implements Policy {
  readonly isStateful = true
  readonly #bucket: TokenBucket

  constructor(bucket: TokenBucket) {
    this.#bucket = bucket
  }

  decide({ bytes, nowMs }: TraceFacts): Decision {
    return this.#bucket.take(bytes, nowMs) ? SAMPLED : NOT_SAMPLED
  }
}

/** The older rule: so many spans in each second of the clock, and always less than the limit. */
export class PerSecondPolicy implements Policy {
  readonly isStateful = true
  readonly #limit: number
  #second = Number.NEGATIVE_INFINITY
  #spans = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  decide({ spans, nowMs }: TraceFacts): Decision {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#spans = 0
    }
    if (this.#spans + spans >= this.#limit) return NOT_SAMPLED
    this.#spans += spans
    return SAMPLED
  }
}
