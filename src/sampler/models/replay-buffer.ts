/**
 * The rows that fine-tuning learns from: a bounded sample of clean traffic, of made-up faults, and of what operators said.
 * Each source has room of its own, so that a flood of one does not push out another; within a source each row that ever came
 * has the same chance to be there, halved over time so that the present weighs more.
 */
import type { VectorLayout } from './model.ts'
import { Random } from './random.ts'
import type { TrainingSet } from './training.ts'

export type RowSource = 'clean' | 'made_up' | 'useful' | 'noise'

const SOURCES: readonly RowSource[] = ['clean', 'made_up', 'useful', 'noise']
/** Rows of each source; together 4,096. */
const ROOM: Readonly<Record<RowSource, number>> = {
  ...{ clean: 2048, made_up: 1024, useful: 512, noise: 512 },
}
export const REPLAY_ROWS = SOURCES.reduce((sum, source) => sum + ROOM[source], 0)
const LABEL: Readonly<Record<RowSource, number>> = { clean: 0, made_up: 1, useful: 1, noise: 0 }
/** A word of an operator counts as much as this many rows of traffic. */
const FEEDBACK_WEIGHT = 4
/** After this many times its room a source's count is halved, so that old rows give way. */
const MEMORY = 8

export class ReplayBuffer {
  readonly layout: VectorLayout
  readonly #random: Random
  readonly #shelves: ReadonlyMap<RowSource, Shelf>

  constructor(layout: VectorLayout, seed: number) {
    this.layout = layout
    this.#random = new Random(seed)
    this.#shelves = new Map(
      SOURCES.map(source => [source, new Shelf(ROOM[source], layout.length)] as const),
    )
  }

  /** `key` is for `withdraw`; a snapshot does not keep it. */
  add(source: RowSource, vectors: Float32Array, at: number, key = ''): void {
    this.#shelves.get(source)!.add(vectors, at, key, this.#random)
  }

  /** Takes back the row of this key, if it is still there. */
  withdraw(source: RowSource, key: string): void {
    this.#shelves.get(source)!.withdraw(key)
  }

  count(source: RowSource): number {
    return this.#shelves.get(source)!.count
  }

  get rows(): number {
    return SOURCES.reduce((sum, source) => sum + this.count(source), 0)
  }

  /** A copy. Clean and symptomatic rows weigh the same in total, whatever there is of each. */
  toSet(): TrainingSet {
    const width = this.layout.length
    const count = this.rows
    const vectors = new Float32Array(count * width)
    const labels = new Float32Array(count)
    const weights = new Float32Array(count)
    let row = 0
    for (const source of SOURCES) {
      const shelf = this.#shelves.get(source)!
      vectors.set(shelf.vectors.subarray(0, shelf.count * width), row * width)
      labels.fill(LABEL[source], row, row + shelf.count)
      const weight = source === 'useful' || source === 'noise' ? FEEDBACK_WEIGHT : 1
      weights.fill(weight, row, row + shelf.count)
      row += shelf.count
    }
    balance(labels, weights)
    return { layout: this.layout, count, vectors, labels, weights }
  }

  /** Head of four counts, then rows of each source. */
  snapshot(): Uint8Array {
    const width = this.layout.length
    const floats = new Float32Array(SOURCES.length + this.rows * width)
    let at = SOURCES.length
    for (const [i, source] of SOURCES.entries()) {
      const shelf = this.#shelves.get(source)!
      floats[i] = shelf.count
      floats.set(shelf.vectors.subarray(0, shelf.count * width), at)
      at += shelf.count * width
    }
    return new Uint8Array(floats.buffer)
  }

  /** False, and nothing changed, if the bytes are not a snapshot over this layout. */
  restore(bytes: Uint8Array): boolean {
    if (bytes.length % Float32Array.BYTES_PER_ELEMENT !== 0) return false
    const floats = new Float32Array(bytes.slice().buffer)
    const counts = floats.subarray(0, SOURCES.length)
    const fits = SOURCES.every(
      (source, i) => Number.isInteger(counts[i]) && counts[i] >= 0 && counts[i] <= ROOM[source],
    )
    if (counts.length < SOURCES.length || !fits || !floats.every(Number.isFinite)) return false
    const rows = counts.reduce((sum, count) => sum + count, 0)
    if (floats.length !== SOURCES.length + rows * this.layout.length) return false
    let at = SOURCES.length
    for (const [i, source] of SOURCES.entries()) {
      const length = counts[i] * this.layout.length
      this.#shelves.get(source)!.fill(floats.subarray(at, at + length), counts[i])
      at += length
    }
    return true
  }
}

/** Reservoir sampling of one source. */
class Shelf {
  readonly vectors: Float32Array
  readonly #room: number
  readonly #width: number
  /** By row; empty for those that nobody takes back. */
  readonly #keys: string[] = []
  count = 0
  #seen = 0

  constructor(room: number, width: number) {
    this.#room = room
    this.#width = width
    this.vectors = new Float32Array(room * width)
  }

  add(vectors: Float32Array, at: number, key: string, random: Random): void {
    this.#seen++
    let row = this.count
    if (row === this.#room) {
      row = random.index(this.#seen)
      if (this.#seen >= this.#room * MEMORY) this.#seen = Math.ceil(this.#seen / 2)
      if (row >= this.#room) return
    } else this.count++
    this.#keys[row] = key
    const to = row * this.#width
    for (let i = 0; i < this.#width; i++) {
      const value = vectors[at + i]
      this.vectors[to + i] = Number.isFinite(value) ? value : 0
    }
  }

  /** The last row takes its place. */
  withdraw(key: string): void {
    const row = this.#keys.indexOf(key)
    if (row < 0) return
    const last = --this.count
    this.#seen = Math.max(this.#seen - 1, last)
    this.vectors.copyWithin(row * this.#width, last * this.#width, (last + 1) * this.#width)
    this.#keys[row] = this.#keys[last]
    this.#keys.length = last
  }

  fill(rows: Float32Array, count: number): void {
    this.vectors.set(rows)
    this.#keys.length = 0
    for (let row = 0; row < count; row++) this.#keys.push('')
    this.count = count
    this.#seen = count
  }
}

function balance(labels: Float32Array, weights: Float32Array): void {
  const total = [0, 0]
  for (let i = 0; i < labels.length; i++) total[labels[i]] += weights[i]
  if (total[0] === 0 || total[1] === 0) return
  const half = (total[0] + total[1]) / 2
  for (let i = 0; i < labels.length; i++) weights[i] *= half / total[labels[i]]
}
