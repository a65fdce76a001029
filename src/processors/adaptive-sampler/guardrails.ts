/** Readings of how the weights in use do, for the tuner to take new ones back: each tick one. */
import { REASON_ANOMALY } from '../../sampler/decide/options.ts'
import { FACT_CLEAN } from '../../sampler/models/compare.ts'
import type { GuardReadings } from '../../sampler/models/tuner.ts'
import type { Arm } from './arms.ts'

/** Weight of the last tick in what is smoothed: about half a minute. */
const STEP = 1 / 32
/** Ticks over which the longest counts as the 99th percentile. */
const TICKS = 100

export class Guardrails {
  readonly #ratio: number
  readonly #credit: number
  readonly #millis = new Float64Array(TICKS)
  #tick = 0
  #flagged = 0

  /** What the budget allows, and how far it may run ahead. */
  constructor(ratio: number, burstCredit: number) {
    this.#ratio = ratio
    this.#credit = burstCredit
  }

  /** Rows of a decided tick. */
  see({ decider, rows }: Arm): void {
    let clean = 0
    let flagged = 0
    for (let row = 0; row < rows.count; row++) {
      if ((rows.facts[row] & FACT_CLEAN) === 0) continue
      clean++
      if (decider.lane[row] === REASON_ANOMALY) flagged++
    }
    if (clean > 0) this.#flagged += STEP * (flagged / clean - this.#flagged)
  }

  read({ decider }: Arm, tickMs: number): GuardReadings {
    this.#millis[this.#tick++ % TICKS] = tickMs
    const { ratio, cold } = decider.status()
    const ahead = (ratio - this.#ratio) / this.#ratio - this.#credit
    return {
      budgetError: cold ? 0 : Math.max(0, ahead),
      flagged: this.#flagged,
      decisionP99Ms: Math.max(...this.#millis),
    }
  }
}
