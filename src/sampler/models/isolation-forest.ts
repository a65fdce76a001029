/**
 * Isolation forest over a sliding sample: rare vectors are cut off from the others after few random cuts. Trees are made anew
 * one by one as traffic goes on. A challenger, to keep the other models honest.
 */
import { findColumns, type OnlineModel, type VectorLayout } from './model.ts'
import { Random } from './random.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot-blocks.ts'

export interface ForestOptions {
  /** Columns it looks at; all of the layout if left out. */
  readonly columns?: readonly string[]
  readonly seed?: number
}

const TREES = 100
/** Rows that a tree is made from, and the depth at which it stops, as in the paper of Liu, Ting and Zhou. */
const SAMPLE = 256
const DEPTH = 8
const NODES = 2 ** (DEPTH + 1) - 1
/** Recent rows that samples are drawn from. */
const WINDOW = 4096
/** One tree is made anew each time this many rows came. */
const ROWS_PER_TREE = 64
const SNAPSHOT_KIND = 'isolation_forest/1'
const EULER = 0.5772156649

export class IsolationForest implements OnlineModel {
  readonly name = 'isolation_forest'
  readonly version = '1'
  readonly #names: readonly string[]
  readonly #columns: Int32Array
  readonly #width: number
  readonly #random: Random
  /** Ring of recent rows, only the columns looked at. */
  readonly #window: Float32Array
  #rows = 0
  #sinceTree = 0
  #nextTree = 0
  #trees = 0
  /** By tree and node, heap order: the column cut, or -1 for a leaf. */
  readonly #cut = new Int16Array(TREES * NODES).fill(-1)
  /** Where it is cut; for a leaf the expected length of the path to its end. */
  readonly #value = new Float32Array(TREES * NODES)
  readonly #members = new Int32Array(SAMPLE)

  /** Throws a RangeError if the layout lacks a column. */
  constructor(layout: VectorLayout, options: ForestOptions = {}) {
    this.#names = options.columns ?? layout
    const { columns, missing } = findColumns(layout, this.#names)
    if (missing.length > 0) throw new RangeError(`the vector has no ${missing.join(', ')}`)
    this.#columns = columns
    this.#width = layout.length
    this.#random = new Random(options.seed ?? 1)
    this.#window = new Float32Array(WINDOW * columns.length)
  }

  /** 2^(-path / expected path): above 0.5 for what is easier to isolate than most. 0 before the first tree. */
  score(vectors: Float32Array, count: number, out: Float32Array): void {
    const expected = pathOf(SAMPLE) * this.#trees
    for (let row = 0; row < count; row++) {
      const at = row * this.#width
      let path = 0
      for (let tree = 0; tree < this.#trees; tree++) path += this.#walk(tree * NODES, vectors, at)
      out[row] = this.#trees === 0 ? 0 : 2 ** (-path / expected)
    }
  }

  #walk(tree: number, vectors: Float32Array, at: number): number {
    const cut = this.#cut
    let node = 0
    let column = cut[tree]
    let depth = 0
    while (column >= 0) {
      const left = vectors[at + this.#columns[column]] < this.#value[tree + node]
      node = 2 * node + (left ? 1 : 2)
      column = cut[tree + node]
      depth++
    }
    return depth + this.#value[tree + node]
  }

  learn(vectors: Float32Array, count: number): void {
    const columns = this.#columns
    for (let row = 0; row < count; row++) {
      const at = row * this.#width
      const to = (this.#rows % WINDOW) * columns.length
      for (let i = 0; i < columns.length; i++) {
        const value = vectors[at + columns[i]]
        this.#window[to + i] = Number.isFinite(value) ? value : 0
      }
      this.#rows++
      if (++this.#sinceTree < ROWS_PER_TREE || this.#rows < SAMPLE) continue
      this.#sinceTree = 0
      this.#growTree()
    }
  }

  #growTree(): void {
    const rows = Math.min(this.#rows, WINDOW)
    for (let i = 0; i < SAMPLE; i++) this.#members[i] = this.#random.index(rows)
    const tree = this.#nextTree * NODES
    this.#cut.fill(-1, tree, tree + NODES)
    this.#grow(tree, 0, 0, 0, SAMPLE)
    this.#nextTree = (this.#nextTree + 1) % TREES
    this.#trees = Math.min(TREES, this.#trees + 1)
  }

  /** Members `from` to `to` - 1 stand in this node; they are parted in place. */
  #grow(tree: number, node: number, depth: number, from: number, to: number): void {
    const column = depth < DEPTH && to - from > 1 ? this.#pickColumn(from, to) : -1
    if (column < 0) {
      this.#value[tree + node] = pathOf(to - from)
      return
    }
    const { least, most } = this.#rangeOf(column, from, to)
    const cut = Math.fround(least + (most - least) * (1 - this.#random.next()))
    this.#cut[tree + node] = column
    this.#value[tree + node] = cut
    const middle = this.#part(column, cut, from, to)
    this.#grow(tree, 2 * node + 1, depth + 1, from, middle)
    this.#grow(tree, 2 * node + 2, depth + 1, middle, to)
  }

  /** A random column in which the members differ; -1 if they are equal in all. */
  #pickColumn(from: number, to: number): number {
    const count = this.#columns.length
    const first = this.#random.index(count)
    for (let i = 0; i < count; i++) {
      const column = (first + i) % count
      const { least, most } = this.#rangeOf(column, from, to)
      if (most > least) return column
    }
    return -1
  }

  #rangeOf(column: number, from: number, to: number): { least: number; most: number } {
    let least = Number.POSITIVE_INFINITY
    let most = Number.NEGATIVE_INFINITY
    for (let i = from; i < to; i++) {
      const value = this.#window[this.#members[i] * this.#columns.length + column]
      if (value < least) least = value
      if (value > most) most = value
    }
    return { least, most }
  }

  #part(column: number, cut: number, from: number, to: number): number {
    const members = this.#members
    let middle = from
    for (let i = from; i < to; i++) {
      const member = members[i]
      if (!(this.#window[member * this.#columns.length + column] < cut)) continue
      members[i] = members[middle]
      members[middle++] = member
    }
    return middle
  }

  snapshot(): Uint8Array {
    const head = {
      kind: SNAPSHOT_KIND,
      columns: this.#names,
      ...{ rows: this.#rows, nextTree: this.#nextTree, trees: this.#trees },
    }
    return encodeSnapshot(head, [bytesOf(this.#window), bytesOf(this.#cut), bytesOf(this.#value)])
  }

  restore(bytes: Uint8Array): boolean {
    const snapshot = decodeSnapshot(bytes)
    const head = snapshot?.head as Head | undefined
    if (snapshot === null || head?.kind !== SNAPSHOT_KIND) return false
    if (head.columns.join() !== this.#names.join()) return false
    const targets = [this.#window, this.#cut, this.#value].map(bytesOf)
    if (targets.some((target, i) => target.length !== snapshot.blocks[i]?.length)) return false
    for (const [i, target] of targets.entries()) target.set(snapshot.blocks[i])
    this.#rows = head.rows
    this.#nextTree = head.nextTree
    this.#trees = head.trees
    return true
  }
}

interface Head {
  readonly kind: string
  readonly columns: readonly string[]
  readonly rows: number
  readonly nextTree: number
  readonly trees: number
}

/** Expected length of the path to one of `count` members that are not parted further. */
function pathOf(count: number): number {
  if (count <= 1) return 0
  if (count === 2) return 1
  return 2 * (Math.log(count - 1) + EULER) - (2 * (count - 1)) / count
}

function bytesOf(array: Float32Array | Int16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
