/** The models that need no training: rules, which know only what traces say of themselves, and the heuristic. */
import type { Model, VectorLayout } from './model.ts'

/** What each sign in a trace is worth to the model `rules`; the greatest counts. */
const SIGNS: readonly (readonly [column: string, score: number])[] = [
  ['server_faults', 1],
  ['exceptions', 0.9],
  ['errors', 0.8],
  ['client_faults', 0.3],
]

/** Errors matter, nothing else does: what the others have to be better than. */
export class RulesModel implements Model {
  readonly name = 'rules'
  readonly version = '1'
  readonly #width: number
  readonly #columns: Int32Array

  /** Throws a RangeError if the layout lacks one of the signs. */
  constructor(layout: VectorLayout) {
    this.#width = layout.length
    this.#columns = Int32Array.from(SIGNS, ([name]) => columnOf(layout, name))
  }

  score(vectors: Float32Array, count: number, out: Float32Array): void {
    for (let row = 0; row < count; row++) {
      const at = row * this.#width
      let sign = 0
      while (sign < SIGNS.length && !(vectors[at + this.#columns[sign]] > 0)) sign++
      out[row] = sign === SIGNS.length ? 0 : SIGNS[sign][1]
    }
  }
}

/** The combination of surprises and shifts that the observer makes by hand, brought to 0 to 1. */
export class HeuristicModel implements Model {
  readonly name = 'heuristic'
  readonly version = '1'
  readonly #width: number
  readonly #column: number

  /** Throws a RangeError if the layout has no heuristic. */
  constructor(layout: VectorLayout) {
    this.#width = layout.length
    this.#column = columnOf(layout, 'heuristic')
  }

  score(vectors: Float32Array, count: number, out: Float32Array): void {
    for (let row = 0; row < count; row++) {
      const value = vectors[row * this.#width + this.#column]
      out[row] = value > 0 ? (value === Number.POSITIVE_INFINITY ? 1 : value / (1 + value)) : 0
    }
  }
}

function columnOf(layout: VectorLayout, name: string): number {
  const column = layout.indexOf(name)
  if (column < 0) throw new RangeError(`the vector has no ${name}`)
  return column
}
