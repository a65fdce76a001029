/**
 * Whose turn it is: deficit round robin over what things cost, in the form that lets a flow overdraw its balance once
 * and pay it back (the cost need not be known beforehand). Pure; knows no time, no tenants and no queues.
 *
 * Flows that wait stand in a ring. The hand gives the flow that it comes to `QUANTUM` times its weight; the flow has its
 * turn while its balance is above zero, then the hand moves on. Over time each gets a share of all cost
 * in proportion to its weight, whatever its single costs are, and nobody waits for more than one round of the others.
 */

/**
 * What a flow of weight 1 gets in each round. Less than most requests, so that turns alternate as finely as they can; the
 * rounds that only pay debts cost a few steps.
 */
export const QUANTUM = 16_384

/** What the ring keeps with a flow. One object may stand in one ring. */
export class Flow {
  /** > 0; may be changed while the flow waits, by `setWeight` of the ring. */
  weight = 1
  /** Left of what it was given; below zero it has to wait. */
  balance = 0
  isWaiting = false
  /** When it left, by the ring's counts. */
  leftRound = 0
  leftBusySince = -1
  before: Flow | null = null
  after: Flow | null = null
}

export class FairTurns<F extends Flow> {
  #hand: F | null = null
  #length = 0
  #weight = 0
  /** Rounds that the hand has made; fractions are of no interest. */
  #rounds = 0
  /** Grows whenever the ring has been empty: debts of an earlier time are forgiven then. */
  #busySince = 0

  /** Flows that wait. */
  get length(): number {
    return this.#length
  }

  /** Sum of the weights of those that wait. */
  get weight(): number {
    return this.#weight
  }

  /** The flow has something to send; it stands behind all others. Without effect while it stands there. */
  add(flow: F): void {
    if (flow.isWaiting) return
    flow.isWaiting = true
    this.#length++
    this.#weight += flow.weight
    flow.balance = this.#debtOf(flow)
    const hand = this.#hand
    if (hand === null) {
      this.#hand = flow
      flow.before = flow.after = flow
      return
    }
    flow.after = hand
    flow.before = hand.before
    hand.before!.after = flow
    hand.before = flow
  }

  /** It has nothing to send, or may not. What it was given and did not use is gone; a debt stays. */
  remove(flow: F): void {
    if (!flow.isWaiting) return
    flow.isWaiting = false
    flow.leftRound = this.#rounds
    flow.leftBusySince = this.#busySince
    this.#length--
    this.#weight -= flow.weight
    if (this.#length === 0) {
      this.#hand = null
      this.#weight = 0
      this.#rounds = 0
      this.#busySince++
    } else {
      // The one after it has not been given anything in this round.
      if (this.#hand === flow) this.#hand = flow.before as F
      flow.before!.after = flow.after
      flow.after!.before = flow.before
    }
    flow.before = flow.after = null
  }

  setWeight(flow: F, weight: number): void {
    if (flow.isWaiting) this.#weight += weight - flow.weight
    flow.weight = weight
  }

  /** Whose turn it is; the same one until it was charged enough or is removed. */
  next(): F | null {
    if (this.#length <= 1) return this.#hand
    let flow = this.#hand!
    for (let asked = 0; flow.balance <= 0; asked++) {
      if (asked === this.#length) {
        this.#skipRounds()
        asked = 0
      }
      flow = flow.after as F
      flow.balance += QUANTUM * flow.weight
      this.#rounds += 1 / this.#length
      this.#hand = flow
    }
    return flow
  }

  /** What the flow has sent cost so much. Nothing is counted while nobody else waits. */
  charge(flow: F, cost: number): void {
    if (this.#length > 1) flow.balance -= cost
  }

  /** All are in debt: the rounds that would only pay debts are made at once. */
  #skipRounds(): void {
    let least = Number.POSITIVE_INFINITY
    let flow = this.#hand!
    for (let i = 0; i < this.#length; i++) {
      least = Math.min(least, Math.floor(-flow.balance / (QUANTUM * flow.weight)))
      flow = flow.after as F
    }
    if (least <= 0) return
    for (let i = 0; i < this.#length; i++) {
      flow.balance += least * QUANTUM * flow.weight
      flow = flow.after as F
    }
    this.#rounds += least
  }

  /** Rounds that went by without the flow have paid for it, as if it had waited. */
  #debtOf(flow: F): number {
    if (flow.balance >= 0 || flow.leftBusySince !== this.#busySince) return 0
    const paid = (this.#rounds - flow.leftRound) * QUANTUM * flow.weight
    return Math.min(0, flow.balance + paid)
  }
}
