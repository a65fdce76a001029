/**
 * Takes the traces of one tick as rows of typed arrays and says which are kept, with what threshold and why. Scores come from
 * outside; what is decided here is how many and at what probability.
 */
import { ClassRanks } from './class-ranks.ts'
import type { Budget, DeciderOptions } from './options.ts'
import {
  REASON_NONE,
  REASON_RULE,
  TRAIT_HASHED,
  TRAIT_NEVER,
  TRAIT_SHIFTED,
  TRAIT_UNKNOWN,
} from './options.ts'
import { depth, HALF, keeps, probabilityOf, result, thresholdOf } from './probability.ts'
import { greatest, scaleToFit } from './select.ts'
import { SHARE_NUMBERS, Share } from './share.ts'
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

/** Rows of a tick to begin with; the arrays double. */
const FIRST_CAPACITY = 1_024
/** From so many expected on the number kept in a tick is fixed; below, each trace is drawn by itself. */
const EXACT_FROM = 32
const SNAPSHOT_VERSION = 1

/**
 * `add` for each trace that is ready, `decide` once a tick, then rows 0 to `count` - 1 of the arrays; `clear` before the next
 * tick. The arrays are replaced when they grow: read them after `decide`.
 */
export class Decider {
  count = 0
  handle = new Int32Array(FIRST_CAPACITY)
  keep = new Uint8Array(FIRST_CAPACITY)
  /** REASON_*; 0 for what is dropped. */
  reason = new Uint8Array(FIRST_CAPACITY)
  /** REASON_* that it has, or would have had. */
  lane = new Uint8Array(FIRST_CAPACITY)
  /** The threshold to write, 28 bits each: the greater of the incoming one and the own one. */
  thresholdHigh = new Int32Array(FIRST_CAPACITY)
  thresholdLow = new Int32Array(FIRST_CAPACITY)
  /** 1: `th` is not written but removed. */
  erase = new Uint8Array(FIRST_CAPACITY)
  /** Probability of the whole way that `th` tells; 1 / probability = adjusted count. Also for dropped rows. */
  probability = new Float64Array(FIRST_CAPACITY)
  /** As added. */
  score = new Float64Array(FIRST_CAPACITY)

  #randomHigh = new Int32Array(FIRST_CAPACITY)
  #randomLow = new Int32Array(FIRST_CAPACITY)
  #incomingHigh = new Int32Array(FIRST_CAPACITY)
  #incomingLow = new Int32Array(FIRST_CAPACITY)
  #structure = new Int32Array(FIRST_CAPACITY)
  #spans = new Float64Array(FIRST_CAPACITY)
  #bytes = new Float64Array(FIRST_CAPACITY)
  #importance = new Float64Array(FIRST_CAPACITY)
  #traits = new Uint8Array(FIRST_CAPACITY)
  #tenant = new Uint16Array(FIRST_CAPACITY)
  /** Wanted: above 1 for sure, by how much tells what goes first when there is no room. */
  #weight = new Float64Array(FIRST_CAPACITY)
  #cost = new Float64Array(FIRST_CAPACITY)
  #least = new Float64Array(FIRST_CAPACITY)
  /** Rows of one share, or those that compete for the ceiling. */
  #rows = new Int32Array(FIRST_CAPACITY)
  #scratch = new Float64Array(FIRST_CAPACITY)

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
    this.#shares.push(new Share(options, options.budget))
    for (const [name, budget] of options.tenants) {
      this.#shareOf.set(name, this.#shares.push(new Share(options, budget as Budget)) - 1)
    }
    this.#spanCeiling = new WindowCeiling(options.ceiling.spansPerSecond)
    this.#byteCeiling = new WindowCeiling(options.ceiling.bytesPerSecond)
  }

  /** The number to give as `tenant` of the rows: one of the few budgets. */
  tenant(name: string): number {
    return this.#shareOf.get(name) ?? 0
  }

  /**
   * `random*` and `incoming*` are 28 bits each; no incoming threshold is 0, 0. `structure`: any 32-bit id of the class of equal trees.
   * `importance` multiplies the weight, 1 without hint. `traits`: TRAIT_*.
   */
  add(
    handle: number,
    randomHigh: number,
    randomLow: number,
    incomingHigh: number,
    incomingLow: number,
    score: number,
    structure: number,
    spans: number,
    bytes: number,
    importance: number,
    traits: number,
    tenant: number,
  ): void {
    if (this.count === this.handle.length) this.#grow()
    const row = this.count++
    this.handle[row] = handle
    this.#randomHigh[row] = randomHigh
    this.#randomLow[row] = randomLow
    this.#incomingHigh[row] = incomingHigh
    this.#incomingLow[row] = incomingLow
    this.score[row] = score
    this.#structure[row] = structure
    this.#spans[row] = spans
    this.#bytes[row] = bytes
    this.#importance[row] = importance
    this.#traits[row] = traits
    this.#tenant[row] = tenant
  }

  /** Time of the collector in ms, never going back. */
  decide(nowMs: number): void {
    // Scores of one share are put in order at a time, so that many tenants make no long tick.
    this.#ticks++
    this.#tau = 1
    this.#kept = 0
    for (let share = 0; share < this.#shares.length; share++) this.#decideShare(share, nowMs)
    this.#keepBelowCeilings(nowMs)
    for (let row = 0; row < this.count; row++) this.#book(row)
  }

  clear(): void {
    this.count = 0
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
    const out = new Float64Array(2 + SHARE_NUMBERS * this.#shares.length)
    out[0] = SNAPSHOT_VERSION
    out[1] = this.#shares.length
    this.#shares.forEach((share, at) => {
      share.write(out, 2 + at * SHARE_NUMBERS)
    })
    return new Uint8Array(out.buffer)
  }

  /** False for bytes that another version or other options wrote; then nothing changed. */
  restore(bytes: Uint8Array): boolean {
    const length = 2 + SHARE_NUMBERS * this.#shares.length
    if (bytes.byteLength !== length * Float64Array.BYTES_PER_ELEMENT) return false
    const from = new Float64Array(bytes.slice().buffer)
    if (from[0] !== SNAPSHOT_VERSION || from[1] !== this.#shares.length) return false
    this.#shares.forEach((share, at) => {
      share.read(from, 2 + at * SHARE_NUMBERS)
    })
    return true
  }

  /** Weighs the rows of one share and sets their thresholds. */
  #decideShare(number: number, nowMs: number): void {
    const share = this.#shares[number]
    const rows = this.#rowsOf(number)
    let offered = 0
    for (let at = 0; at < rows; at++) {
      const row = this.#rows[at]
      const cost = share.cost(this.#spans[row], this.#bytes[row])
      this.#cost[row] = cost
      offered += cost
    }
    share.begin(nowMs, offered, rows, this.#ticks % this.#shares.length === number)
    if (rows === 0) return
    let wanted = 0
    let wished = 0
    for (let at = 0; at < rows; at++) {
      const row = this.#rows[at]
      this.#weigh(row, share, nowMs)
      wanted += Math.min(1, this.#weight[row]) * this.#cost[row]
      if (this.lane[row] === REASON_RULE) wished += this.#cost[row]
    }
    // What users ask for is kept whatever the budget says; it is taken from it all the same.
    const left = this.#fit(rows, wanted, Math.max(share.room, wished + share.leastRoom))
    const tau = this.#tauOf(share, rows, left)
    for (let at = 0; at < rows; at++) this.#draw(this.#rows[at], tau)
    for (let at = 0; at < rows; at++) {
      const row = this.#rows[at]
      share.learn(this.score[row], (this.#traits[row] & TRAIT_SHIFTED) !== 0)
    }
  }

  #rowsOf(share: number): number {
    let rows = 0
    for (let row = 0; row < this.count; row++) {
      if (this.#tenant[row] === share) this.#rows[rows++] = row
    }
    return rows
  }

  #weigh(row: number, share: Share, nowMs: number): void {
    const traits = this.#traits[row]
    const wish = (traits & TRAIT_NEVER) !== 0 ? 0 : this.#classes.see(this.#structure[row], nowMs)
    share.weigh(
      this.score[row],
      wish,
      this.#classes.claim,
      this.#cost[row],
      this.#importance[row],
      traits,
    )
    this.#weight[row] = share.weight
    this.#least[row] = share.least
    this.lane[row] = share.lane
  }

  /** Lowers the weights of a share until what is wanted costs no more than its room. Answers what is wanted then. */
  #fit(rows: number, wanted: number, room: number): number {
    if (wanted <= room) return wanted
    const tau = scaleToFit(this.#weight, this.#least, this.#cost, this.#rows, rows, room)
    if (tau > this.#tau) this.#tau = tau
    let left = 0
    for (let at = 0; at < rows; at++) {
      const row = this.#rows[at]
      const least = this.#least[row]
      const weight = least < 1 ? Math.max(least, this.#weight[row] / tau) : this.#weight[row]
      this.#weight[row] = weight
      left += Math.min(1, weight) * this.#cost[row]
    }
    return left
  }

  /** The priority at and below which nothing of this share is kept, so that the number kept is what was wanted. */
  #tauOf(share: Share, rows: number, wanted: number): number {
    const k = Math.round(wanted)
    if (!share.countsTraces || k < EXACT_FROM || k >= rows) return 1
    for (let at = 0; at < rows; at++) this.#scratch[at] = this.#priorityOf(this.#rows[at])
    return greatest(this.#scratch, rows, k)
  }

  #priorityOf(row: number): number {
    return this.#weight[row] / depth(this.#randomHigh[row], this.#randomLow[row])
  }

  /** Threshold, probability and decision of a row at its weight over `tau`, which is its weight from then on. */
  #draw(row: number, tau: number): void {
    const weight = this.#weight[row] / tau
    this.#weight[row] = weight
    const traits = this.#traits[row]
    this.erase[row] = (traits & (TRAIT_HASHED | TRAIT_UNKNOWN)) !== 0 ? 1 : 0
    if (weight <= 0) {
      this.thresholdHigh[row] = this.thresholdLow[row] = HALF - 1
      this.keep[row] = this.probability[row] = 0
      return
    }
    const high = this.#randomHigh[row]
    const low = this.#randomLow[row]
    thresholdOf(weight)
    this.keep[row] = keeps(high, low, result.high, result.low) ? 1 : 0
    this.probability[row] = probabilityOf(result.high, result.low)
    this.#join(row, high, low)
  }

  /** The own threshold in `result` and the one that came, as one. */
  #join(row: number, high: number, low: number): void {
    const inHigh = this.#incomingHigh[row]
    const inLow = this.#incomingLow[row]
    if ((this.#traits[row] & TRAIT_HASHED) !== 0) {
      // The hash knows nothing of what decided before: both probabilities multiply.
      this.probability[row] *= probabilityOf(inHigh, inLow)
    } else if (!keeps(high, low, inHigh, inLow)) {
      // It is here against its own threshold, which therefore tells nothing.
      this.erase[row] = 1
    } else if (!keeps(result.high, result.low, inHigh, inLow)) {
      result.high = inHigh
      result.low = inLow
      this.probability[row] = probabilityOf(inHigh, inLow)
    }
    this.thresholdHigh[row] = result.high
    this.thresholdLow[row] = result.low
  }

  /** When more was kept than may leave, priority decides again among the kept, and the thresholds say so. */
  #keepBelowCeilings(nowMs: number): void {
    const spanRoom = this.#spanCeiling.room(nowMs)
    const byteRoom = this.#byteCeiling.room(nowMs)
    let spans = 0
    let bytes = 0
    let rows = 0
    for (let row = 0; row < this.count; row++) {
      if (this.keep[row] === 0) continue
      this.#rows[rows++] = row
      spans += this.#spans[row]
      bytes += this.#bytes[row]
    }
    if (spans <= spanRoom && bytes <= byteRoom) {
      this.#spanCeiling.take(spans)
      this.#byteCeiling.take(bytes)
      return
    }
    this.#ceilingTicks++
    this.#cut(this.#withoutOversize(rows, spanRoom, byteRoom), spanRoom, byteRoom)
  }

  /** What alone is too much would shut out all others: it goes whatever its priority. Answers how many are left. */
  #withoutOversize(rows: number, spanRoom: number, byteRoom: number): number {
    let left = 0
    for (let at = 0; at < rows; at++) {
      const row = this.#rows[at]
      if (this.#spans[row] > spanRoom || this.#bytes[row] > byteRoom) {
        this.#oversize++
        this.#weight[row] = 0
        this.#draw(row, 1)
      } else {
        this.#rows[left++] = row
      }
    }
    return left
  }

  /** Keeps in the order of priority until the first that does not fit; its priority is the new tau. */
  #cut(rows: number, spanRoom: number, byteRoom: number): void {
    const order = this.#rows.subarray(0, rows)
    order.sort((a, b) => this.#priorityOf(b) - this.#priorityOf(a))
    let spans = 0
    let bytes = 0
    let fits = 0
    while (fits < rows) {
      const row = order[fits]
      if (spans + this.#spans[row] > spanRoom || bytes + this.#bytes[row] > byteRoom) break
      spans += this.#spans[row]
      bytes += this.#bytes[row]
      fits++
    }
    if (fits < rows) {
      const tau = this.#priorityOf(order[fits])
      this.#tau *= tau
      for (let row = 0; row < this.count; row++) this.#draw(row, tau)
    }
    for (let row = 0; row < this.count; row++) {
      if (this.keep[row] === 0) continue
      this.#spanCeiling.take(this.#spans[row])
      this.#byteCeiling.take(this.#bytes[row])
    }
  }

  #book(row: number): void {
    if (this.keep[row] === 0) {
      this.reason[row] = REASON_NONE
      return
    }
    this.#kept++
    this.reason[row] = this.lane[row]
    this.#shares[this.#tenant[row]].spend(this.#cost[row])
  }

  #grow(): void {
    const capacity = this.handle.length * 2
    this.handle = wider(this.handle, new Int32Array(capacity))
    this.keep = wider(this.keep, new Uint8Array(capacity))
    this.reason = wider(this.reason, new Uint8Array(capacity))
    this.lane = wider(this.lane, new Uint8Array(capacity))
    this.thresholdHigh = wider(this.thresholdHigh, new Int32Array(capacity))
    this.thresholdLow = wider(this.thresholdLow, new Int32Array(capacity))
    this.erase = wider(this.erase, new Uint8Array(capacity))
    this.probability = wider(this.probability, new Float64Array(capacity))
    this.score = wider(this.score, new Float64Array(capacity))
    this.#randomHigh = wider(this.#randomHigh, new Int32Array(capacity))
    this.#randomLow = wider(this.#randomLow, new Int32Array(capacity))
    this.#incomingHigh = wider(this.#incomingHigh, new Int32Array(capacity))
    this.#incomingLow = wider(this.#incomingLow, new Int32Array(capacity))
    this.#structure = wider(this.#structure, new Int32Array(capacity))
    this.#spans = wider(this.#spans, new Float64Array(capacity))
    this.#bytes = wider(this.#bytes, new Float64Array(capacity))
    this.#importance = wider(this.#importance, new Float64Array(capacity))
    this.#traits = wider(this.#traits, new Uint8Array(capacity))
    this.#tenant = wider(this.#tenant, new Uint16Array(capacity))
    this.#weight = wider(this.#weight, new Float64Array(capacity))
    this.#cost = wider(this.#cost, new Float64Array(capacity))
    this.#least = wider(this.#least, new Float64Array(capacity))
    this.#rows = wider(this.#rows, new Int32Array(capacity))
    this.#scratch = wider(this.#scratch, new Float64Array(capacity))
  }
}

function wider<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
