/**
 * Takes the traces of one tick as rows of typed arrays and says which are kept, with what threshold and why. Scores come from
 * outside; what is decided here is how many and at what probability.
 */
import { ClassRanks } from './class-ranks.ts'
import type { Budget, Ceiling, DeciderOptions } from './options.ts'
import { REASON_RULE, TRAIT_NEVER, TRAIT_SHIFTED } from './options.ts'
import { greatest, scaleToFit } from './select.ts'
import { SHARE_NUMBERS, Share } from './share.ts'
import { TickRows } from './tick-rows.ts'
import { CeilingPair } from './window-ceiling.ts'

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
/** Budgets that come and go while it runs; tenants beyond share the common one. */
const MAX_OWN_BUDGETS = 256
/** All rows, of whichever share. */
const ALL = -1
const SNAPSHOT_VERSION = 2
const SNAPSHOT_HEAD = 2

/**
 * `add` for each trace that is ready, `decide` once a tick, then rows 0 to `count` - 1 of the arrays; `clear` before the next
 * tick. The arrays are replaced when they grow: read them after `decide`.
 */
export class Decider extends TickRows {
  readonly #options: DeciderOptions
  readonly #shares: Share[] = []
  /** By share; null where only the common ceiling holds. */
  readonly #ceilings: (CeilingPair | null)[] = []
  /** Shares of the configuration, which are saved; behind them are those that come and go. */
  readonly #fixed: number
  readonly #shareOf = new Map<string, number>()
  readonly #classes = new ClassRanks()
  readonly #ceiling: CeilingPair
  #ticks = 0
  #kept = 0
  #tau = 1
  #ceilingTicks = 0
  #oversize = 0

  constructor(options: DeciderOptions) {
    super()
    this.#options = options
    this.#shares.push(new Share(options, options.budget))
    for (const [name, budget] of options.tenants) {
      this.#shareOf.set(name, this.#shares.push(new Share(options, budget)) - 1)
    }
    this.#fixed = this.#shares.length
    for (const _ of this.#shares) this.#ceilings.push(null)
    this.#ceiling = new CeilingPair(options.ceiling)
  }

  /**
   * A budget and a ceiling of its own for a tenant, from the next tick on, in place of those of the options. They begin
   * anew. The number to give as `tenant` of the rows; that of the common budget when there are too many.
   */
  own(name: string, budget: Budget, ceiling: Ceiling): number {
    const before = this.#shareOf.get(name) ?? 0
    const isNew = before < this.#fixed
    if (isNew && this.#shares.length >= this.#fixed + MAX_OWN_BUDGETS) return before
    const share = isNew ? this.#shares.length : before
    this.#shares[share] = new Share(this.#options, budget)
    this.#ceilings[share] = new CeilingPair(ceiling)
    this.#shareOf.set(name, share)
    return share
  }

  /** The number to give as `tenant` of the rows: one of the few budgets. */
  tenant(name: string): number {
    return this.#shareOf.get(name) ?? 0
  }

  /** A ceiling holds for somebody, as of the last tick. */
  get isCeiled(): boolean {
    return !this.#ceiling.isOpen || this.#ceilings.some(own => own?.isOpen === false)
  }

  /** Time of the collector in ms, never going back. */
  decide(nowMs: number): void {
    // Scores of one share are put in order at a time, so that many tenants make no long tick.
    this.#ticks++
    this.#tau = 1
    this.#kept = 0
    for (let share = 0; share < this.#shares.length; share++) this.#weighShare(share, nowMs)
    for (let share = this.#fixed; share < this.#shares.length; share++) {
      const own = this.#ceilings[share]!
      own.look(nowMs)
      this.#fitCeilings(share, own)
    }
    this.#ceiling.look(nowMs)
    const capped = this.#fitCeilings(ALL, this.#ceiling)
    for (let share = 0; share < this.#shares.length; share++) this.#drawShare(share)
    for (let share = this.#fixed; share < this.#shares.length; share++) {
      this.#cut(share, this.#ceilings[share]!)
    }
    const cut = this.#cut(ALL, this.#ceiling)
    if (capped || cut) this.#ceilingTicks++
    for (let row = 0; row < this.count; row++) this.#book(row)
  }

  /** Spans that follow an earlier decision leave too: false when a ceiling has no room, else they are booked. */
  admitLate(nowMs: number, spans: number, bytes: number, tenant = 0): boolean {
    const own = this.#ceilings[tenant]
    this.#ceiling.look(nowMs)
    own?.look(nowMs)
    if (!this.#ceiling.fits(spans, bytes) || own?.fits(spans, bytes) === false) return false
    this.#ceiling.take(spans, bytes)
    own?.take(spans, bytes)
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
    const out = new Float64Array(SNAPSHOT_HEAD + SHARE_NUMBERS * this.#fixed)
    out[0] = SNAPSHOT_VERSION
    out[1] = this.#fixed
    this.#shares.slice(0, this.#fixed).forEach((share, at) => {
      share.write(out, SNAPSHOT_HEAD + at * SHARE_NUMBERS)
    })
    return new Uint8Array(out.buffer)
  }

  /** False for bytes that another version or other options wrote; then nothing changed. */
  restore(bytes: Uint8Array): boolean {
    const length = SNAPSHOT_HEAD + SHARE_NUMBERS * this.#fixed
    if (bytes.byteLength !== length * Float64Array.BYTES_PER_ELEMENT) return false
    const from = new Float64Array(bytes.slice().buffer)
    if (from[0] !== SNAPSHOT_VERSION || from[1] !== this.#fixed) return false
    this.#shares.slice(0, this.#fixed).forEach((share, at) => {
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
  #fitCeilings(share: number, { spanRoom, byteRoom, isOpen }: CeilingPair): boolean {
    if (isOpen) return false
    let rows = 0
    for (let row = 0; row < this.count; row++) {
      if (share !== ALL && this.share[row] !== share) continue
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
  #cut(share: number, { spanRoom, byteRoom, isOpen }: CeilingPair): boolean {
    if (isOpen) return false
    let rows = 0
    let spans = 0
    let bytes = 0
    for (let row = 0; row < this.count; row++) {
      if (this.keep[row] === 0 || (share !== ALL && this.share[row] !== share)) continue
      this.rows[rows++] = row
      spans += this.spans[row]
      bytes += this.bytes[row]
    }
    const cut = spans > spanRoom || bytes > byteRoom
    if (cut) this.#cutRows(share, rows, spanRoom, byteRoom)
    return cut
  }

  #cutRows(share: number, rows: number, spanRoom: number, byteRoom: number): void {
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
    if (share === ALL) this.#tau *= tau
    for (let row = 0; row < this.count; row++) {
      if (share === ALL || this.share[row] === share) this.draw(row, tau)
    }
  }

  #book(row: number): void {
    if (this.keep[row] === 0) return
    this.#kept++
    this.reason[row] = this.lane[row]
    this.#shares[this.share[row]].spend(this.cost[row])
    this.#ceiling.take(this.spans[row], this.bytes[row])
    this.#ceilings[this.share[row]]?.take(this.spans[row], this.bytes[row])
  }
}
