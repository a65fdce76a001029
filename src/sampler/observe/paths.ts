/**
 * The call paths seen so far as a tree of their own, with the share of traces that take each turn. From it come a trace's class,
 * which does not depend on the order of siblings, and how unusual its turns are: a path hardly taken, or one always taken that
 * is missing. Some spans are always missing when a trace is decided, so what is missing is judged by how much usually is.
 */
import { SPAN_ORPHAN, type TraceSpans } from '../trace-spans.ts'

/** Paths remembered; what comes later is not judged. */
const MOST_PATHS = 65_536
const FIRST_PATHS = 1_024
const FIRST_ROWS = 1_024
/** A turn is judged once its path was taken so often. */
const LEAST_SEEN = 30
/** A path taken from its parent by more than this share is expected. */
const EXPECTED = 0.95
/** Of an expected path at least this share is taken to be missing, however long it never was. */
const LEAST_MISSING = 1e-4
/** Counts are halved after so many traces. */
const HALVE_AT = 40_000
/** Ancestors followed at most: what is deeper, or goes round in a cycle, is left out. */
const MAX_DEPTH = 256
/** Of a snapshot. */
const BLOCKS = 4
const NONE = -1
const UNKNOWN = -2

export class Paths {
  /** Hash of all paths with their repeats, and of the set of paths. */
  wholeLow = 0
  wholeHigh = 0
  setLow = 0
  setHigh = 0
  /** Distinct paths of the trace. */
  count = 0
  nodes = new Int32Array(FIRST_ROWS)
  /** -log10 of the share of traces that take the most unusual of its turns. */
  turn = 0
  /** The same of those behind the root: how rare the entry itself is does not count. */
  innerTurn = 0
  /** Expected paths that are missing, and -log10 of how often so many are. */
  missing = 0
  missingSurprise = 0
  /** Spans whose parent is missing. */
  orphans = 0
  /** Path of the root; -1: none. */
  root = NONE

  #size = 0
  #traces = 0
  #operation = new Int32Array(FIRST_PATHS)
  #parent = new Int32Array(FIRST_PATHS)
  #child = new Int32Array(FIRST_PATHS)
  #sibling = new Int32Array(FIRST_PATHS)
  #chain = new Int32Array(FIRST_PATHS)
  #seen = new Float32Array(FIRST_PATHS)
  #stamp = new Int32Array(FIRST_PATHS)
  #heads = new Int32Array(FIRST_PATHS * 2).fill(NONE)
  #now = 0
  #remembers = true
  /** Share of traces that take the most unusual turn that was not remembered. */
  #fresh = 1
  #innerFresh = 1
  #node = new Int32Array(FIRST_ROWS)
  readonly #climb = new Int32Array(MAX_DEPTH)

  /** What one more span on the path adds to the hash. */
  static low(node: number): number {
    return mix(Math.imul(node + 1, 0x9e3779b1))
  }
  static high(node: number): number {
    return mix(Math.imul(node + 1, 0x85ebca6b) ^ 0x51ed270b)
  }

  /** `remembers`: whether a path never taken before is known from now on. */
  read(trace: TraceSpans, remembers: boolean): void {
    const { count, parent } = trace
    if (count > this.#node.length) this.#growRows(count)
    const node = this.#node
    this.#now = (this.#now + 1) | 0
    this.count = this.orphans = 0
    this.wholeLow = this.wholeHigh = this.setLow = this.setHigh = 0
    this.root = NONE
    this.#remembers = remembers
    this.#fresh = this.#innerFresh = 1
    node.fill(NONE, 0, count)
    for (let i = 0; i < count; i++) {
      const at = node[i] === NONE ? this.#place(trace, i) : node[i]
      if (at < 0) {
        this.orphans++
        continue
      }
      if (parent[i] < 0 && this.root === NONE) this.root = at
      const low = Paths.low(at)
      const high = Paths.high(at)
      this.wholeLow = (this.wholeLow + low) | 0
      this.wholeHigh = (this.wholeHigh + high) | 0
      if (this.#stamp[at] === this.#now) continue
      this.#stamp[at] = this.#now
      this.setLow = (this.setLow + low) | 0
      this.setHigh = (this.setHigh + high) | 0
      this.nodes[this.count++] = at
    }
    this.#judge()
  }

  /** Paths that a trace with these might have had besides: those below what is there. Into `out`; answers how many. */
  absent(out: Int32Array): number {
    let found = 0
    for (let k = 0; k < this.count; k++) {
      for (let c = this.#child[this.nodes[k]]; c !== NONE; c = this.#sibling[c]) {
        if (this.#stamp[c] !== this.#now && found < out.length) out[found++] = c
      }
    }
    return found
  }

  learn(): void {
    for (let k = 0; k < this.count; k++) this.#seen[this.nodes[k]]++
    if (++this.#traces < HALVE_AT) return
    this.#traces *= 0.5
    for (let at = 0; at < this.#size; at++) this.#seen[at] *= 0.5
  }

  snapshot(): Uint8Array[] {
    const size = this.#size
    const columns = [this.#operation, this.#parent, this.#seen]
    return [
      ...columns.map(column => new Uint8Array(column.slice(0, size).buffer)),
      new Uint8Array(Float64Array.of(this.#traces).buffer),
    ]
  }

  /** False, and nothing changed, where the blocks are not those of such paths. */
  restore(blocks: readonly Uint8Array[]): boolean {
    if (blocks.length !== BLOCKS || blocks[3].length !== Float64Array.BYTES_PER_ELEMENT)
      return false
    const size = blocks[0].length / 4
    if (!Number.isInteger(size) || size > MOST_PATHS) return false
    if (blocks[1].length !== size * 4 || blocks[2].length !== size * 4) return false
    const parent = new Int32Array(blocks[1].slice().buffer)
    if (parent.some((up, at) => up >= at || up < NONE)) return false
    const operation = new Int32Array(blocks[0].slice().buffer)
    const seen = new Float32Array(blocks[2].slice().buffer)
    this.#size = 0
    this.#remembers = true
    this.#heads.fill(NONE)
    for (let at = 0; at < size; at++) this.#seen[this.#find(parent[at], operation[at])] = seen[at]
    this.#traces = new Float64Array(blocks[3].slice().buffer)[0]
    return true
  }

  #judge(): void {
    let turn = this.#fresh
    let inner = this.#innerFresh
    let expected = 0
    let missing = 0
    for (let k = 0; k < this.count; k++) {
      const at = this.nodes[k]
      const up = this.#parent[at]
      const above = up === NONE ? this.#traces : this.#seen[up]
      if (above >= LEAST_SEEN) {
        const share = (this.#seen[at] + 0.5) / (above + 1)
        if (share < turn) turn = share
        if (up !== NONE && share < inner) inner = share
      }
      const seen = this.#seen[at]
      if (seen < LEAST_SEEN) continue
      for (let c = this.#child[at]; c !== NONE; c = this.#sibling[c]) {
        const share = this.#seen[c] / seen
        if (share < EXPECTED) continue
        expected += Math.max(LEAST_MISSING, 1 - share)
        if (this.#stamp[c] !== this.#now) missing++
      }
    }
    this.turn = -Math.log10(turn)
    this.innerTurn = -Math.log10(inner)
    this.missing = missing
    this.missingSurprise = missing === 0 ? 0 : surpriseOfCount(missing, expected)
  }

  /** Path of a row, after those of its ancestors; below a missing parent nothing is known. */
  #place(trace: TraceSpans, row: number): number {
    const { parent, operation, flags } = trace
    const node = this.#node
    const climb = this.#climb
    let depth = 0
    let at = row
    while (at >= 0 && node[at] === NONE && depth < MAX_DEPTH) {
      climb[depth++] = at
      at = parent[at]
    }
    let up = at < 0 ? NONE : node[at]
    if (at >= 0 && up === NONE) up = UNKNOWN
    if (at < 0 && (flags[climb[depth - 1]] & SPAN_ORPHAN) !== 0) up = UNKNOWN
    while (depth > 0) {
      const i = climb[--depth]
      if (up !== UNKNOWN) up = this.#find(up, operation[i])
      node[i] = up
    }
    return up
  }

  #find(up: number, operation: number): number {
    const hash = mix(Math.imul(up + 2, 0x2c1b3c6d) ^ Math.imul(operation + 1, 0x9e3779b1))
    const head = hash & (this.#heads.length - 1)
    for (let at = this.#heads[head]; at !== NONE; at = this.#chain[at]) {
      if (this.#operation[at] === operation && this.#parent[at] === up) return at
    }
    if (!this.#remembers) {
      const above = up === NONE ? this.#traces : this.#seen[up]
      if (above >= LEAST_SEEN) this.#fresh = Math.min(this.#fresh, 0.5 / (above + 1))
      if (above >= LEAST_SEEN && up !== NONE)
        this.#innerFresh = Math.min(this.#innerFresh, 0.5 / (above + 1))
    }
    if (!this.#remembers || this.#size === MOST_PATHS) return UNKNOWN
    if (this.#size === this.#operation.length) {
      this.#grow()
      return this.#find(up, operation)
    }
    const at = this.#size++
    this.#operation[at] = operation
    this.#parent[at] = up
    this.#child[at] = NONE
    this.#seen[at] = 0
    this.#stamp[at] = 0
    if (up >= 0) {
      this.#sibling[at] = this.#child[up]
      this.#child[up] = at
    } else {
      this.#sibling[at] = NONE
    }
    this.#chain[at] = this.#heads[head]
    this.#heads[head] = at
    return at
  }

  #grow(): void {
    const paths = this.#operation.length * 2
    this.#operation = wider(this.#operation, new Int32Array(paths))
    this.#parent = wider(this.#parent, new Int32Array(paths))
    this.#child = wider(this.#child, new Int32Array(paths))
    this.#sibling = wider(this.#sibling, new Int32Array(paths))
    this.#chain = new Int32Array(paths)
    this.#seen = wider(this.#seen, new Float32Array(paths))
    this.#stamp = wider(this.#stamp, new Int32Array(paths))
    this.#heads = new Int32Array(paths * 2).fill(NONE)
    for (let at = 0; at < this.#size; at++) {
      const hash = mix(
        Math.imul(this.#parent[at] + 2, 0x2c1b3c6d) ^
          Math.imul(this.#operation[at] + 1, 0x9e3779b1),
      )
      const head = hash & (this.#heads.length - 1)
      this.#chain[at] = this.#heads[head]
      this.#heads[head] = at
    }
  }

  #growRows(count: number): void {
    const rows = 2 ** Math.ceil(Math.log2(count))
    this.#node = new Int32Array(rows)
    this.nodes = new Int32Array(rows)
  }
}

/** -log10 of the chance that a Poisson number of mean `mean` is at least `count`. */
function surpriseOfCount(count: number, mean: number): number {
  let term = Math.exp(-mean)
  let below = term
  for (let k = 1; k < count; k++) {
    term *= mean / k
    below += term
  }
  // Close to 1 the difference rounds away: there the first term of the tail tells.
  const first = (term * mean) / count
  return -Math.log10(Math.max(1 - below, first))
}

function wider<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}

function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return h ^ (h >>> 16)
}
