/**
 * Classes of traces with the same call tree: how rare a class is, how long its traces usually last, and whether an unknown class
 * is only a known one of which a span has not come yet.
 */
import type { TraceSpans } from '../trace-spans.ts'
import { EventRates } from './event-rates.ts'
import { KEY_PATHS, KEY_STRUCTURE, KeyStore } from './key-store.ts'
import { Paths } from './paths.ts'
import { surpriseAt } from './round.ts'

/** A class seen so often is known: what lacks one of its spans belongs to it. */
const KNOWN = 5
/** Spans missing from a known class at most. */
const MOST_MISSING = 3
/** Paths tried to complete an unknown class. */
const MOST_TRIED = 512
/** Up to here what is missing, or an unusual turn, is explained by chance. */
const BY_CHANCE = 2
/** A trace is oddly built where so few of its entry are: one in a hundred, as -log10. */
const ODD = 2
/** Traces after which the counted whole is halved. */
const HALVE_AT = 80_000
/** Blocks that the paths have in a snapshot. */
const PATH_BLOCKS = 4
const NONE = -1

export class Structures {
  /** Class that counts for diversity. */
  structure = 0
  /** Traces of it seen before. */
  seen = 0
  rarity = 0
  duration = 0
  /** Standard deviations by which traces of this entry are more often oddly built of late; 0 where this one is not. */
  shift = 0

  readonly #classes: KeyStore
  readonly #paths = new Paths()
  readonly #rates: EventRates
  readonly #tried = new Int32Array(MOST_TRIED)
  /** Of a class that lacks spans: the one that it belongs to, and how many. */
  readonly #of: Int32Array
  readonly #lacks: Uint8Array
  #own = 0
  #set = 0
  /** Key of the operation that the trace begins with. */
  #entry = 0
  /** The trace is built as few others of its entry are. */
  #isOdd = false
  #whole = 0
  #total = 0

  constructor(structures: number) {
    this.#classes = new KeyStore(structures)
    this.#rates = new EventRates(this.#classes)
    this.#of = new Int32Array(this.#classes.capacity).fill(NONE)
    this.#lacks = new Uint8Array(this.#classes.capacity)
  }

  /** `duration`: of the whole trace, microseconds. */
  read(trace: TraceSpans, duration: number, nowMs: number, learns: boolean): void {
    const paths = this.#paths
    const classes = this.#classes
    paths.read(trace, learns)
    const own = classes.slot(KEY_STRUCTURE, paths.wholeLow, paths.wholeHigh, 0, nowMs)
    this.#own = own
    this.#set = classes.slot(KEY_PATHS, paths.setLow, paths.setHigh, 0, nowMs)
    this.#entry = classes.slot(KEY_PATHS, paths.root, NONE, 0, nowMs)
    this.#whole = duration
    if (classes.seen[own] === 0) {
      this.#of[own] = NONE
      this.#lacks[own] = 0
      if (paths.orphans === 0) this.#complete(own)
    }
    this.structure = this.#countsAs(own)
    this.seen = classes.seen[this.structure]
    const rare = -Math.log10((classes.seen[this.#set] + 1) / (this.#total + 1))
    const unusual = Math.max(paths.turn, paths.missingSurprise)
    this.rarity = paths.orphans > 0 ? Math.min(rare, paths.turn) : Math.min(rare, unusual)
    this.duration = surpriseAt(classes, this.#set, duration, 1)
    this.#isOdd = this.#oddness() > ODD
    this.shift = this.#isOdd ? this.#rates.shift(this.#entry) : 0
  }

  learn(nowMs: number): void {
    const classes = this.#classes
    this.#rates.learn(this.#entry, this.#isOdd ? 1 : 0, nowMs)
    classes.learn(this.#own, this.#whole)
    classes.age(this.#own, nowMs)
    // What an incident makes of traces must not become what is usual while it lasts.
    if (this.#isOdd && this.#rates.frozen(this.#entry, nowMs)) return
    this.#paths.learn()
    classes.learn(this.#set, this.#whole)
    classes.age(this.#set, nowMs)
    classes.learn(this.#entry, this.#whole)
    classes.age(this.#entry, nowMs)
    this.#total++
    if (this.#total >= HALVE_AT) this.#total *= 0.5
  }

  /** Blocks, those of the paths first. */
  snapshot(): Uint8Array[] {
    const size = this.#classes.size
    return [
      ...this.#paths.snapshot(),
      new Uint8Array(Float64Array.of(this.#total).buffer),
      new Uint8Array(this.#of.slice(0, size).buffer),
      this.#lacks.slice(0, size),
      ...this.#classes.snapshot(),
    ]
  }

  /** False where the blocks are not those of such structures. */
  restore(blocks: readonly Uint8Array[]): boolean {
    const [total, of, lacks] = blocks.slice(PATH_BLOCKS)
    if (total?.length !== Float64Array.BYTES_PER_ELEMENT || of?.length !== lacks?.length * 4)
      return false
    if (!this.#classes.restore(blocks.slice(PATH_BLOCKS + 3))) return false
    if (lacks.length !== this.#classes.size) return false
    if (!this.#paths.restore(blocks.slice(0, PATH_BLOCKS))) return false
    this.#total = new Float64Array(total.slice().buffer)[0]
    this.#of.set(new Int32Array(of.slice().buffer))
    this.#lacks.set(lacks)
    return true
  }

  /** Among the traces of its entry alone: an entry that gets rare is no incident. */
  #oddness(): number {
    const { orphans, innerTurn, missingSurprise } = this.#paths
    const { seen } = this.#classes
    const rare = -Math.log10((seen[this.#set] + 1) / (seen[this.#entry] + 1))
    return Math.min(rare, orphans > 0 ? innerTurn : Math.max(innerTurn, missingSurprise))
  }

  /** Looks for a known class that an unknown one would be with one more span. */
  #complete(own: number): void {
    const paths = this.#paths
    const tried = this.#tried
    const absent = paths.absent(tried)
    for (let k = 0; k < absent; k++) if (this.#belongs(own, tried[k])) return
    for (let k = 0; k < paths.count; k++) if (this.#belongs(own, paths.nodes[k])) return
  }

  #belongs(own: number, node: number): boolean {
    const { wholeLow, wholeHigh } = this.#paths
    const low = (wholeLow + Paths.low(node)) | 0
    const high = (wholeHigh + Paths.high(node)) | 0
    const whole = this.#classes.find(KEY_STRUCTURE, low, high)
    if (whole === NONE) return false
    const of = this.#of[whole] === NONE ? whole : this.#of[whole]
    const lacks = this.#lacks[whole] + 1
    if (this.#classes.seen[of] < KNOWN || lacks > MOST_MISSING) return false
    this.#of[own] = of
    this.#lacks[own] = lacks
    return true
  }

  /**
   * Whatever seems to be missing, the first trace of its kind may be a class of its own and counts as such, unless it is in pieces;
   * later ones that lack spans by chance do not.
   */
  #countsAs(own: number): number {
    const paths = this.#paths
    const of = this.#of[own]
    if (paths.orphans === 0 && this.#classes.seen[own] === 0) return own
    if (of !== NONE) return of
    const chance = paths.missing > 0 && paths.missingSurprise < BY_CHANCE && paths.turn < BY_CHANCE
    if (paths.orphans === 0 && !chance) return own
    if (this.#classes.seen[own] >= KNOWN) return own
    return this.#entry
  }
}
