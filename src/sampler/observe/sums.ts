/** What all keys of a trace come to together: surprise weighted by shift, and which key weighs most. */
import type { EventRates } from './event-rates.ts'
import { type Round, UNUSUAL_SURPRISE } from './round.ts'
import type { Structures } from './structures.ts'

/** Shift from which a key adds weight to its surprise, how much a standard deviation, and up to where. */
const SHIFT_FROM = 3
const SHIFT_WEIGHT = 0.35 / 3
const SHIFT_MOST = 20

export class Sums {
  /** Greatest surprise, weighted, and where. */
  top = 0
  topAt = 0
  topRound: Round | undefined
  /** Greatest shift among keys where the trace is odd too, and how odd it is there. */
  shift = 0
  shiftSurprise = 0
  /** Sum of surprise times shift over such keys. */
  shifted = 0
  structureTop = 0
  errorTop = 0
  errorAt = 0
  errorSurprise = 0
  errorShift = 0

  begin(): void {
    this.top = 0
    this.topAt = 0
    this.topRound = undefined
    this.shift = 0
    this.shiftSurprise = 0
    this.shifted = 0
    this.errorTop = 0
    this.errorAt = 0
    this.errorSurprise = 0
    this.errorShift = 0
  }

  add(round: Round): void {
    for (let at = 0; at < round.count; at++) {
      const surprise = round.surprise[at]
      const shift = round.shift[at]
      const weighted = weigh(surprise, shift)
      if (weighted > this.top) {
        this.top = weighted
        this.topAt = at
        this.topRound = round
      }
      this.#addShift(surprise, shift)
    }
  }

  /** How the trace is built, as one more key. */
  addStructure({ rarity, shift }: Structures): void {
    this.structureTop = weigh(rarity, shift)
    this.#addShift(rarity, shift)
  }

  addErrors(round: Round, rates: EventRates): void {
    for (let at = 0; at < round.count; at++) {
      if (round.failed[at] === 0) continue
      const surprise = rates.surprise(round.slot[at])
      const shift = rates.shift(round.slot[at])
      const weighted = weigh(surprise, shift)
      if (weighted <= this.errorTop) continue
      this.errorTop = weighted
      this.errorAt = at
      this.errorSurprise = surprise
      this.errorShift = shift
    }
  }

  #addShift(surprise: number, shift: number): void {
    if (surprise < UNUSUAL_SURPRISE) return
    if (shift > this.shift) {
      this.shift = shift
      this.shiftSurprise = surprise
    }
    if (shift > SHIFT_FROM) this.shifted += surprise * Math.min(shift, SHIFT_MOST)
  }
}

function weigh(surprise: number, shift: number): number {
  if (shift <= SHIFT_FROM) return surprise
  return surprise * (1 + SHIFT_WEIGHT * Math.min(shift, SHIFT_MOST))
}
