/** Sets of rows cut and put together. */
import type { TrainingSet } from './training.ts'

/** Rows of no weight are left out. */
export function sliceRows(set: TrainingSet, from: number, to: number): TrainingSet {
  const rows: number[] = []
  for (let row = from; row < to; row++) if (set.weights[row] > 0) rows.push(row)
  return pickRows(set, rows)
}

export function pickRows(set: TrainingSet, rows: readonly number[]): TrainingSet {
  const width = set.layout.length
  const vectors = new Float32Array(rows.length * width)
  for (const [to, row] of rows.entries()) {
    vectors.set(set.vectors.subarray(row * width, (row + 1) * width), to * width)
  }
  return {
    layout: set.layout,
    count: rows.length,
    vectors,
    labels: Float32Array.from(rows, row => set.labels[row]),
    weights: Float32Array.from(rows, row => set.weights[row]),
  }
}

/** Of one layout; at least one set. */
export function joinRows(sets: readonly TrainingSet[]): TrainingSet {
  return {
    layout: sets[0].layout,
    count: sets.reduce((sum, set) => sum + set.count, 0),
    vectors: join(sets.map(set => set.vectors)),
    labels: join(sets.map(set => set.labels)),
    weights: join(sets.map(set => set.weights)),
  }
}

function join(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** Columns that are not the same in all rows: weights of the others could not be learned and would stay as they began. */
export function varyingColumns(set: TrainingSet): string[] {
  const width = set.layout.length
  return set.layout.filter((_, column) => {
    for (let row = 1; row < set.count; row++) {
      if (set.vectors[row * width + column] !== set.vectors[column]) return true
    }
    return false
  })
}
