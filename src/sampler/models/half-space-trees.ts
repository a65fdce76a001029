/**
 * Half-space trees: random boxes whose population in the last window says how usual a vector is. They learn in constant time
 * and forget by windows. A challenger, to keep the other models honest.
 */
import { findColumns, type OnlineModel, type VectorLayout } from './model.ts'
import { Random } from './random.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot-blocks.ts'

export interface HalfSpaceOptions {
  /** Columns it looks at; all of the layout if left out. */
  readonly columns?: readonly string[]
  readonly seed?: number
}

/** As in the paper of Tan, Ting and Liu, but for the depth, which at 15 would take 13 MB. */
const TREES = 25
const DEPTH = 10
/** Four times that of the paper: within 250 traces an incident becomes what is usual. */
const WINDOW = 1000
/** Boxes with fewer than this share of the window are not looked into further. */
const LEAST_MASS = 0.1 * WINDOW
const INNER = 2 ** DEPTH - 1
const NODES = 2 ** (DEPTH + 1) - 1
const SNAPSHOT_KIND = 'half_space_trees/1'

export class HalfSpaceTrees implements OnlineModel {
  readonly name = 'half_space_trees'
  readonly version = '1'
  readonly #names: readonly string[]
  readonly #seed: number
  readonly #columns: Int32Array
  readonly #width: number
  readonly #cut = new Int16Array(TREES * INNER)
  readonly #value = new Float32Array(TREES * INNER)
  /** Population of each box in the last window, and in the one that fills. */
  #reference = new Float32Array(TREES * NODES)
  #filling = new Float32Array(TREES * NODES)
  #filled = 0
  #windows = 0
  readonly #row: Float32Array

  /** Throws a RangeError if the layout lacks a column. */
  constructor(layout: VectorLayout, options: HalfSpaceOptions = {}) {
    this.#names = options.columns ?? layout
    this.#seed = options.seed ?? 1
    const { columns, missing } = findColumns(layout, this.#names)
    if (missing.length > 0) throw new RangeError(`the vector has no ${missing.join(', ')}`)
    this.#columns = columns
    this.#width = layout.length
    this.#row = new Float32Array(columns.length)
    const random = new Random(this.#seed)
    for (let tree = 0; tree < TREES; tree++) this.#cutSpace(tree, random)
  }

  /** Work ranges of a random size around a random point of the unit cube; each box is halved along a random column. */
  #cutSpace(tree: number, random: Random): void {
    const low = new Float64Array(this.#columns.length)
    const high = new Float64Array(this.#columns.length)
    for (let i = 0; i < low.length; i++) {
      const point = random.next()
      const reach = 2 * Math.max(point, 1 - point)
      low[i] = point - reach
      high[i] = point + reach
    }
    const halve = (node: number): void => {
      if (node >= INNER) return
      const column = random.index(low.length)
      const middle = (low[column] + high[column]) / 2
      this.#cut[tree * INNER + node] = column
      this.#value[tree * INNER + node] = middle
      const end = high[column]
      high[column] = middle
      halve(2 * node + 1)
      high[column] = end
      const start = low[column]
      low[column] = middle
      halve(2 * node + 2)
      low[column] = start
    }
    halve(0)
  }

  /** Near 1 where the last window had nothing, near 0 where it is dense; 0 before the first window is full. */
  score(vectors: Float32Array, count: number, out: Float32Array): void {
    for (let row = 0; row < count; row++) {
      if (this.#windows === 0) {
        out[row] = 0
        continue
      }
      this.#squash(vectors, row * this.#width)
      let mass = 0
      for (let tree = 0; tree < TREES; tree++) mass += this.#massAt(tree)
      out[row] = 1 / (1 + mass / (TREES * WINDOW))
    }
  }

  #massAt(tree: number): number {
    const masses = this.#reference
    let node = 0
    let depth = 0
    let mass = masses[tree * NODES]
    while (depth < DEPTH && mass > LEAST_MASS) {
      node = this.#step(tree, node)
      mass = masses[tree * NODES + node]
      depth++
    }
    return mass * 2 ** depth
  }

  learn(vectors: Float32Array, count: number): void {
    for (let row = 0; row < count; row++) {
      this.#squash(vectors, row * this.#width)
      for (let tree = 0; tree < TREES; tree++) {
        let node = 0
        this.#filling[tree * NODES]++
        for (let depth = 0; depth < DEPTH; depth++) {
          node = this.#step(tree, node)
          this.#filling[tree * NODES + node]++
        }
      }
      if (++this.#filled === WINDOW) this.#turnWindow()
    }
  }

  #turnWindow(): void {
    const old = this.#reference
    this.#reference = this.#filling
    this.#filling = old.fill(0)
    this.#filled = 0
    this.#windows++
  }

  #step(tree: number, node: number): number {
    const at = tree * INNER + node
    return 2 * node + (this.#row[this.#cut[at]] < this.#value[at] ? 1 : 2)
  }

  /** Columns have no upper end; this brings them into the unit cube. */
  #squash(vectors: Float32Array, at: number): void {
    for (let i = 0; i < this.#columns.length; i++) {
      const value = vectors[at + this.#columns[i]]
      this.#row[i] = Number.isFinite(value) ? value / (1 + Math.abs(value)) : 1
    }
  }

  snapshot(): Uint8Array {
    const head = {
      kind: SNAPSHOT_KIND,
      columns: this.#names,
      ...{ seed: this.#seed, filled: this.#filled, windows: this.#windows },
    }
    return encodeSnapshot(head, [bytesOf(this.#reference), bytesOf(this.#filling)])
  }

  /** Boxes follow from the seed, so snapshots of another seed do not fit. */
  restore(bytes: Uint8Array): boolean {
    const snapshot = decodeSnapshot(bytes)
    const head = snapshot?.head as Head | undefined
    if (snapshot === null || head?.kind !== SNAPSHOT_KIND || head.seed !== this.#seed) return false
    if (head.columns.join() !== this.#names.join()) return false
    const targets = [bytesOf(this.#reference), bytesOf(this.#filling)]
    if (targets.some((target, i) => target.length !== snapshot.blocks[i]?.length)) return false
    for (const [i, target] of targets.entries()) target.set(snapshot.blocks[i])
    this.#filled = head.filled
    this.#windows = head.windows
    return true
  }
}

interface Head {
  readonly kind: string
  readonly columns: readonly string[]
  readonly seed: number
  readonly filled: number
  readonly windows: number
}

function bytesOf(array: Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
