/**
 * The traces of one tick as columns: what they bring, what they weigh, and what is drawn from that. How much each weighs is decided
 * elsewhere.
 */
import { REASON_NONE, TRAIT_HASHED, TRAIT_UNKNOWN } from './options.ts'
import { depth, HALF, keeps, probabilityOf, result, thresholdOf } from './probability.ts'

/** Rows to begin with; the columns double. */
const FIRST_CAPACITY = 1_024

export class TickRows {
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

  protected structure = new Int32Array(FIRST_CAPACITY)
  protected spans = new Float64Array(FIRST_CAPACITY)
  protected bytes = new Float64Array(FIRST_CAPACITY)
  protected importance = new Float64Array(FIRST_CAPACITY)
  protected traits = new Uint8Array(FIRST_CAPACITY)
  protected share = new Uint16Array(FIRST_CAPACITY)
  /** Probability wanted, of what came; above 1 how much tells what goes first when there is no room. */
  protected weight = new Float64Array(FIRST_CAPACITY)
  /** Below which no shortage brings the weight. */
  protected least = new Float64Array(FIRST_CAPACITY)
  protected cost = new Float64Array(FIRST_CAPACITY)
  /** Rows that are looked at together. */
  protected rows = new Int32Array(FIRST_CAPACITY)
  protected scratch = new Float64Array(FIRST_CAPACITY)
  #randomHigh = new Int32Array(FIRST_CAPACITY)
  #randomLow = new Int32Array(FIRST_CAPACITY)
  #incomingHigh = new Int32Array(FIRST_CAPACITY)
  #incomingLow = new Int32Array(FIRST_CAPACITY)
  /** Probability of having come, as far as the own draw goes on from it; else 1. */
  #came = new Float64Array(FIRST_CAPACITY)

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
    this.structure[row] = structure
    this.spans[row] = spans
    this.bytes[row] = bytes
    this.importance[row] = importance
    this.traits[row] = traits
    this.share[row] = tenant
    const consistent = keeps(randomHigh, randomLow, incomingHigh, incomingLow)
    const goesOn = (traits & TRAIT_HASHED) === 0 && consistent
    this.#came[row] = goesOn ? probabilityOf(incomingHigh, incomingLow) : 1
  }

  clear(): void {
    this.count = 0
  }

  /** Weight over randomness: the order in which traces are kept. */
  protected priorityOf(row: number): number {
    const randomness = depth(this.#randomHigh[row], this.#randomLow[row])
    return (this.weight[row] * this.#came[row]) / randomness
  }

  /** Threshold, probability and decision of a row at its weight over `tau`, which is its weight from then on. */
  protected draw(row: number, tau: number): void {
    const weight = this.weight[row] / tau
    const traits = this.traits[row]
    this.weight[row] = weight
    this.erase[row] = (traits & (TRAIT_HASHED | TRAIT_UNKNOWN)) !== 0 ? 1 : 0
    this.reason[row] = REASON_NONE
    if (!(weight > 0)) {
      this.thresholdHigh[row] = this.thresholdLow[row] = HALF - 1
      this.keep[row] = this.probability[row] = 0
      return
    }
    const high = this.#randomHigh[row]
    const low = this.#randomLow[row]
    const inHigh = this.#incomingHigh[row]
    const inLow = this.#incomingLow[row]
    thresholdOf(weight * this.#came[row])
    let before = 1
    if ((traits & TRAIT_HASHED) !== 0) {
      // The hash knows nothing of what decided before: both probabilities multiply.
      before = probabilityOf(inHigh, inLow)
    } else if (!keeps(high, low, inHigh, inLow)) {
      // It is here against its own threshold, which therefore tells nothing.
      this.erase[row] = 1
    } else if (weight >= 1 || !keeps(result.high, result.low, inHigh, inLow)) {
      result.high = inHigh
      result.low = inLow
    }
    this.keep[row] = keeps(high, low, result.high, result.low) ? 1 : 0
    this.probability[row] = before * probabilityOf(result.high, result.low)
    this.thresholdHigh[row] = result.high
    this.thresholdLow[row] = result.low
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
    this.structure = wider(this.structure, new Int32Array(capacity))
    this.spans = wider(this.spans, new Float64Array(capacity))
    this.bytes = wider(this.bytes, new Float64Array(capacity))
    this.importance = wider(this.importance, new Float64Array(capacity))
    this.traits = wider(this.traits, new Uint8Array(capacity))
    this.share = wider(this.share, new Uint16Array(capacity))
    this.weight = wider(this.weight, new Float64Array(capacity))
    this.least = wider(this.least, new Float64Array(capacity))
    this.cost = wider(this.cost, new Float64Array(capacity))
    this.rows = wider(this.rows, new Int32Array(capacity))
    this.scratch = wider(this.scratch, new Float64Array(capacity))
    this.#randomHigh = wider(this.#randomHigh, new Int32Array(capacity))
    this.#randomLow = wider(this.#randomLow, new Int32Array(capacity))
    this.#incomingHigh = wider(this.#incomingHigh, new Int32Array(capacity))
    this.#incomingLow = wider(this.#incomingLow, new Int32Array(capacity))
    this.#came = wider(this.#came, new Float64Array(capacity))
  }
}

function wider<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
