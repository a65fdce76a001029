/**
 * Takes the traces of one tick as rows of typed arrays and says which are kept, with what threshold and why. Scores come from
 * outside; what is decided here is how many and at what probability.
 */
import { ClassRanks } from './class-ranks.ts'
import type { DeciderOptions } from './options.ts'
import { REASON_RULE, TRAIT_NEVER, TRAIT_SHIFTED } from './options.ts'
import { greatest, scaleToFit } from './select.ts'
import { SHARE_NUMBERS, Share } from './share.ts'
import { TickRows } from './tick-rows.ts'
import { WindowCeiling } from './window-ceiling.ts'

/** What the last tick and the running controller amount to; read for metrics. */
export interface DeciderStatus {
  /** Scores at and above it are called anomalous; -Infinity while nothing is learned. */
  readonly scoreThreshold: number
  /** Share of the units kept over the period so far. */
  readonly ratio: number
  /** Units that may still be spent ahead. */
  readonly credit: number
  /** Kept traces of the last tick. */
  readonly kept: number
  /** Priority above which the last tick kept; 1: as the budget asked for. */
  readonly tau: number
  /** Ticks in which a ceiling and not the budget decided. */
  readonly ceilingTicks: number
  /** Traces greater than what a ceiling lets through at once. */
  readonly oversize: number
  /** Still within the first traces, when the score says nothing. */
  readonly cold: boolean
}

/** From so many expected on the number kept in a tick is fixed; below, each trace is drawn by itself. */
const EXACT_FROM = 32
/** A ceiling is aimed at from below, since what is drawn varies; and lanes that no shortage touches get so much of it. */
const CEILING_AIM = 0.9
const CEILING_LEAST = 0.4
/** Below it `least` asks for a probability that can be granted in part. */
const SURE = 1
/** Orders of scores that a share keeps up; one is renewed in a tick. */
const SORTS = 2
const SNAPSHOT_VERSION = 1
const SNAPSHOT_HEAD = 2

/**
 * `add` for each trace that is ready, `decide` once a tick, then rows 0 to `count` - 1 of the arrays; `clear` before the next
 * tick. The arrays are replaced when they grow: read them after `decide`.
 */
export class Decider extends TickRows {
  readonly #shares: Share[] = []
  readonly #shareOf = new Map<string, number>()
  readonly #classes = new ClassRanks()
  readonly #spanCeiling: WindowCeiling
  readonly #byteCeiling: WindowCeiling
  #ticks = 0
  #kept = 0
  #tau = 1
  #ceilingTicks = 0
  #oversize = 0

  constructor(options: DeciderOptions) {
    super()
    this.#shares.push(new Share(options, options.budget))
    for (const [name, budget] of options.tenants) {
      this.#shareOf.set(name, this.#shares.push(new Share(options, budget)) - 1)
    }
    this.#spanCeiling = new WindowCeiling(options.ceiling.spansPerSecond)
    this.#byteCeiling = new WindowCeiling(options.ceiling.bytesPerSecond)
  }

  /** The number to give as `tenant` of the rows: one of the few budgets. */
  tenant(name: string): number {
    return this.#shareOf.get(name) ?? 0
  }

  /** Time of the collector in ms, never going back. */
  decide(nowMs: number): void {
    // Scores of one share are put in order at a time, so that many tenants make no long tick.
    this.#ticks++
    this.#tau = 1
    this.#kept = 0
    for (let share = 0; share < this.#shares.length; share++) this.#weighShare(share, nowMs)
    const spanRoom = this.#spanCeiling.room(nowMs)
    const byteRoom = this.#byteCeiling.room(nowMs)
    const capped = this.#fitCeilings(spanRoom, byteRoom)
    for (let share = 0; share < this.#shares.length; share++) this.#drawShare(share)
    const cut = this.#cut(spanRoom, byteRoom)
    if (capped || cut) this.#ceilingTicks++
    for (let row = 0; row < this.count; row++) this.#book(row)
  }

  /** Spans that follow an earlier decision leave too: false when a ceiling has no room, else they are booked. */
  admitLate(nowMs: number, spans: number, bytes: number): boolean {
    if (this.#spanCeiling.room(nowMs) < spans || this.#byteCeiling.room(nowMs) < bytes) return false
    this.#spanCeiling.take(spans)
    this.#byteCeiling.take(bytes)
    return true
  }

  /** After a change of the model, when scores are on another scale. */
  forgetScores(): void {
    for (const share of this.#shares) share.forgetScores()
  }

  status(tenant = 0): DeciderStatus {
    const share = this.#shares[tenant]
    return {
      scoreThreshold: share.scoreThreshold,
      ratio: share.keptRatio,
      credit: share.credit,
      kept: this.#kept,
      tau: this.#tau,
      ceilingTicks: this.#ceilingTicks,
      oversize: this.#oversize,
      cold: share.cold,
    }
  }

  snapshot(): Uint8Array {
    const out = new Float64Array(SNAPSHOT_HEAD + SHARE_NUMBERS * this.#shares.length)
    out[0] = SNAPSHOT_VERSION
    out[1] = this.#shares.length
    this.#shares.forEach((share, at) => {
      share.write(out, SNAPSHOT_HEAD + at * SHARE_NUMBERS)
    })
    return new Uint8Array(out.buffer)
  }

  /** False for bytes that another version or other options wrote; then nothing changed. */
  restore(bytes: Uint8Array): boolean {
    const length = SNAPSHOT_HEAD + SHARE_NUMBERS * this.#shares.length
    if (bytes.byteLength !== length * Float64Array.BYTES_PER_ELEMENT) return false
    const from = new Float64Array(bytes.slice().buffer)
    if (from[0] !== SNAPSHOT_VERSION || from[1] !== this.#shares.length) return false
    this.#shares.forEach((share, at) => {
      share.read(from, SNAPSHOT_HEAD + at * SHARE_NUMBERS)
    })
    return true
  }

  /** What the rows of one share weigh, within its budget. */
  #weighShare(number: number, nowMs: number): void {
    const share = this.#shares[number]
    const rows = this.#rowsOf(number)
    let offered = 0
    for (let at = 0; at < rows; at++) {
      const row = this.rows[at]
      this.cost[row] = share.cost(this.spans[row], this.bytes[row])
      offered += this.cost[row]
    }
    const turn = this.#ticks % (SORTS * this.#shares.length)
    share.begin(nowMs, offered, rows, turn - SORTS * number)
    let wanted = 0
    let wished = 0
    for (let at = 0; at < rows; at++) {
      const row = this.rows[at]
      this.#weigh(row, share, nowMs)
      wanted += Math.min(1, this.weight[row]) * this.cost[row]
      if (this.lane[row] === REASON_RULE) wished += this.cost[row]
    }
    for (let at = 0; at < rows; at++) {
      const row = this.rows[at]
      share.learn(this.score[row], (this.traits[row] & TRAIT_SHIFTED) !== 0)
    }
    // What users ask for is kept whatever the budget says; it is taken from it all the same.
    const room = Math.max(share.room, wished + share.leastRoom)
    if (wanted > room) this.#fit(rows, this.cost, room, 1)
  }

  #rowsOf(share: number): number {
    let rows = 0
    for (let row = 0; row < this.count; row++) {
      if (this.share[row] === share) this.rows[rows++] = row
    }
    return rows
  }

  #weigh(row: number, share: Share, nowMs: number): void {
    const traits = this.traits[row]
    const wish = (traits & TRAIT_NEVER) !== 0 ? 0 : this.#classes.see(this.structure[row], nowMs)
    const { claim } = this.#classes
    share.weigh(this.score[row], wish, claim, this.cost[row], this.importance[row], traits)
    this.weight[row] = share.weight
    this.least[row] = share.least
    this.lane[row] = share.lane
  }

  /** Lowers weights until what is wanted costs no more than `room`; of `least` only the share `granted` holds. */
  #fit(rows: number, cost: Float64Array, room: number, granted: number): void {
    for (let at = 0; at < rows; at++) {
      const row = this.rows[at]
      const least = this.least[row]
      this.scratch[row] = least < SURE ? least * granted : granted < 1 ? 0 : least
    }
    const tau = scaleToFit(this.weight, this.scratch, cost, this.rows, rows, room)
    if (tau > this.#tau) this.#tau = tau
    for (let at = 0; at < rows; at++) {
      const row = this.rows[at]
      const least = this.scratch[row]
      // What is sure keeps its weight, so that chance between equals does not touch it.
      if (least < SURE) this.weight[row] = Math.max(least, this.weight[row] / tau)
    }
  }

  /** Weights that the ceilings leave room for, so that a cut after the draw is rare. Says whether there was need to. */
  #fitCeilings(spanRoom: number, byteRoom: number): boolean {
    if (spanRoom === Number.POSITIVE_INFINITY && byteRoom === Number.POSITIVE_INFINITY) return false
    let rows = 0
    for (let row = 0; row < this.count; row++) {
      if (this.weight[row] > 0 && (this.spans[row] > spanRoom || this.bytes[row] > byteRoom)) {
        // What alone is too much would shut out all others.
        this.#oversize++
        this.weight[row] = 0
      }
      if (this.weight[row] > 0) this.rows[rows++] = row
    }
    const bySpans = this.#fitCeiling(rows, this.spans, spanRoom)
    return this.#fitCeiling(rows, this.bytes, byteRoom) || bySpans
  }

  #fitCeiling(rows: number, cost: Float64Array, room: number): boolean {
    let wanted = 0
    let least = 0
    for (let at = 0; at < rows; at++) {
      const row = this.rows[at]
      wanted += Math.min(1, this.weight[row]) * cost[row]
      if (this.least[row] < SURE) least += this.least[row] * cost[row]
    }
    if (wanted <= room) return false
    const granted = Math.min(1 - Number.EPSILON, (CEILING_LEAST * room) / Math.max(least, 1))
    this.#fit(rows, cost, CEILING_AIM * room, granted)
    return true
  }

  #drawShare(number: number): void {
    const rows = this.#rowsOf(number)
    let wanted = 0
    for (let at = 0; at < rows; at++) wanted += Math.min(1, this.weight[this.rows[at]])
    const k = Math.round(wanted)
    const exact = this.#shares[number].countsTraces && k >= EXACT_FROM && k < rows
    if (exact) {
      for (let at = 0; at < rows; at++) this.scratch[at] = this.priorityOf(this.rows[at])
    }
    // The first priority that is not kept: with it the number kept is what was wanted.
    const tau = exact ? greatest(this.scratch, rows, k) : 1
    for (let at = 0; at < rows; at++) this.draw(this.rows[at], tau > 0 ? tau : 1)
  }

  /** When more was drawn than may leave: in the order of priority until the first that does not fit, which sets the thresholds. */
  #cut(spanRoom: number, byteRoom: number): boolean {
    let rows = 0
    let spans = 0
    let bytes = 0
    for (let row = 0; row < this.count; row++) {
      if (this.keep[row] === 0) continue
      this.rows[rows++] = row
      spans += this.spans[row]
      bytes += this.bytes[row]
    }
    const cut = spans > spanRoom || bytes > byteRoom
    if (cut) this.#cutRows(rows, spanRoom, byteRoom)
    for (let row = 0; row < this.count; row++) {
      if (this.keep[row] === 0) continue
      this.#spanCeiling.take(this.spans[row])
      this.#byteCeiling.take(this.bytes[row])
    }
    return cut
  }

  #cutRows(rows: number, spanRoom: number, byteRoom: number): void {
    const order = this.rows.subarray(0, rows)
    order.sort((a, b) => this.priorityOf(b) - this.priorityOf(a))
    let spans = 0
    let bytes = 0
    let fits = 0
    for (; fits < rows; fits++) {
      spans += this.spans[order[fits]]
      bytes += this.bytes[order[fits]]
      if (spans > spanRoom || bytes > byteRoom) break
    }
    const tau = this.priorityOf(order[Math.min(fits, rows - 1)])
    this.#tau *= tau
    for (let row = 0; row < this.count; row++) this.draw(row, tau)
  }

  #book(row: number): void {
    if (this.keep[row] === 0) return
    this.#kept++
    this.reason[row] = this.lane[row]
    this.#shares[this.share[row]].spend(this.cost[row])
  }
}
