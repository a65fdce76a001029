/** Policies made of others. */
import { ALWAYS } from '../../../sampler/threshold.ts'
import {
  type Decision,
  type DROPPED,
  FAILED,
  INVERT_NOT_SAMPLED,
  INVERT_SAMPLED,
  NOT_SAMPLED,
  type Policy,
  SAMPLED,
  type TraceFacts,
} from '../decision.ts'

/** Answers `yes` when none of the members says no. A member that fails makes all of it fail. */
export class AllOf implements Policy {
  readonly isStateful: boolean
  readonly #members: readonly Policy[]
  readonly #yes: Decision
  /** That of the strictest member: who reaches it reaches the others. */
  readonly threshold: bigint

  constructor(members: readonly Policy[], yes: typeof SAMPLED | typeof DROPPED) {
    this.#members = members
    this.#yes = yes
    this.threshold = members.reduce(
      (most, { threshold = ALWAYS }) => (threshold > most ? threshold : most),
      ALWAYS,
    )
    this.isStateful = members.some(member => member.isStateful)
  }

  decide(trace: TraceFacts): Decision {
    for (let i = 0; i < this.#members.length; i++) {
      const decision = this.#members[i].decide(trace)
      if (decision === FAILED) return FAILED
      if (decision === NOT_SAMPLED || decision === INVERT_NOT_SAMPLED) return NOT_SAMPLED
    }
    return this.#yes
  }
}

export class Not implements Policy {
  readonly isStateful: boolean
  readonly #member: Policy

  constructor(member: Policy) {
    this.#member = member
    this.isStateful = member.isStateful
  }

  decide(trace: TraceFacts): Decision {
    const decision = this.#member.decide(trace)
    if (decision === SAMPLED || decision === INVERT_SAMPLED) return NOT_SAMPLED
    if (decision === NOT_SAMPLED || decision === INVERT_NOT_SAMPLED) return SAMPLED
    return decision
  }
}

export interface RatedPolicy {
  readonly policy: Policy
  readonly spansPerSecond: number
}

/** The first member that samples decides, as far as its spans of this second allow. */
export class Composite implements Policy {
  readonly isStateful: boolean
  readonly #members: readonly RatedPolicy[]
  readonly #maxPerSecond: number
  readonly #spans: Float64Array
  #second = 0

  constructor(members: readonly RatedPolicy[], maxPerSecond: number) {
    this.#members = members
    this.#maxPerSecond = maxPerSecond
    this.#spans = new Float64Array(members.length)
    this.isStateful = members.some(({ policy }) => policy.isStateful)
  }

  decide(trace: TraceFacts): Decision {
    const second = Math.floor(trace.nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#spans.fill(0)
    }
    for (let i = 0; i < this.#members.length; i++) {
      const { policy, spansPerSecond } = this.#members[i]
      const decision = policy.decide(trace)
      if (decision === FAILED) return FAILED
      if (decision !== SAMPLED && decision !== INVERT_SAMPLED) continue
      const spans = this.#spans[i] + trace.spans
      if (spans > spansPerSecond || spans > this.#maxPerSecond) return NOT_SAMPLED
      this.#spans[i] = spans
      return SAMPLED
    }
    return NOT_SAMPLED
  }
}
