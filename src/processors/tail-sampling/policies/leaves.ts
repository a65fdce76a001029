/** Policies that answer from a trace's bits and numbers alone. */
import type { Conditions } from '../conditions.ts'
import {
  type Decision,
  FAILED,
  INVERT_NOT_SAMPLED,
  INVERT_SAMPLED,
  NOT_SAMPLED,
  type Policy,
  SAMPLED,
  type TraceFacts,
} from '../decision.ts'

export class AlwaysSample implements Policy {
  readonly isStateful = false

  decide(): Decision {
    return SAMPLED
  }
}

/** Samples when a bit is set; inverted when it is not. */
export class BitPolicy implements Policy {
  readonly isStateful: boolean
  readonly #word: number
  readonly #mask: number
  readonly #whenSet: Decision
  readonly #whenClear: Decision

  constructor(bit: number, inverted: 'no' | 'plain' | 'ranked' = 'no', isStateful = false) {
    this.#word = bit >>> 5
    this.#mask = 1 << (bit & 31)
    this.isStateful = isStateful
    this.#whenSet =
      inverted === 'no' ? SAMPLED : inverted === 'plain' ? NOT_SAMPLED : INVERT_NOT_SAMPLED
    this.#whenClear =
      inverted === 'no' ? NOT_SAMPLED : inverted === 'plain' ? SAMPLED : INVERT_SAMPLED
  }

  decide({ words, wordsAt }: TraceFacts): Decision {
    return (words[wordsAt + this.#word] & this.#mask) !== 0 ? this.#whenSet : this.#whenClear
  }
}

/** Samples when a span has the status ERROR, which is known of all held traces. */
export class ErrorPolicy implements Policy {
  readonly isStateful = false

  decide({ hasError }: TraceFacts): Decision {
    return hasError ? SAMPLED : NOT_SAMPLED
  }
}

/** The two bits of an OTTL condition: it held, or it failed before it could hold. */
export class OttlPolicy implements Policy {
  readonly isStateful = false
  readonly #conditions: Conditions
  readonly #word: number
  readonly #shift: number

  constructor(conditions: Conditions, pair: number) {
    this.#conditions = conditions
    this.#word = pair >>> 4
    this.#shift = (pair & 15) << 1
  }

  decide({ words, wordsAt }: TraceFacts): Decision {
    // Other policies may still have added plain conditions after this one was made.
    const at = wordsAt + this.#conditions.plainWords + this.#word
    const pair = (words[at] >>> this.#shift) & 3
    return pair === 0 ? NOT_SAMPLED : pair === 1 ? SAMPLED : FAILED
  }
}

/** Longer than a threshold without an upper bound; `includes` counts the threshold itself. */
export class LatencyPolicy implements Policy {
  readonly isStateful = false
  readonly #thresholdMs: number

  constructor(thresholdMs: number, includes: boolean) {
    this.#thresholdMs = includes ? thresholdMs : thresholdMs + 1
  }

  decide({ durationMs }: TraceFacts): Decision {
    return durationMs >= this.#thresholdMs ? SAMPLED : NOT_SAMPLED
  }
}

export class SpanCountPolicy implements Policy {
  readonly isStateful: boolean
  readonly #min: number
  readonly #max: number

  constructor(min: number, max: number) {
    this.#min = min
    this.#max = max
    this.isStateful = max > 0
  }

  decide({ spans }: TraceFacts): Decision {
    if (spans < this.#min) return NOT_SAMPLED
    return this.#max === 0 || spans <= this.#max ? SAMPLED : NOT_SAMPLED
  }
}
