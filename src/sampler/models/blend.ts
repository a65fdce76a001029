/** The heuristic and the network asked together: the mean of what both say, on the scale of odds. */
import type { Model, VectorLayout } from './model.ts'

/** Rows at once. */
const CHUNK = 1024
/** Scores nearer to 0 or 1 say nothing more. */
const EDGE = 1e-6

export class Blend implements Model {
  readonly name = 'blend'
  readonly #first: Model
  readonly #second: Model
  readonly #width: number
  readonly #scores = new Float32Array(CHUNK)

  constructor(first: Model, second: Model, layout: VectorLayout) {
    this.#first = first
    this.#second = second
    this.#width = layout.length
  }

  get version(): string {
    return this.#second.version
  }

  score(vectors: Float32Array, count: number, out: Float32Array): void {
    this.#first.score(vectors, count, out)
    for (let from = 0; from < count; from += CHUNK) {
      const rows = Math.min(CHUNK, count - from)
      this.#second.score(vectors.subarray(from * this.#width), rows, this.#scores)
      for (let row = 0; row < rows; row++) {
        const odds = logOdds(out[from + row]) + logOdds(this.#scores[row])
        out[from + row] = 1 / (1 + Math.exp(-odds / 2))
      }
    }
  }
}

function logOdds(score: number): number {
  const s = score < EDGE ? EDGE : score > 1 - EDGE ? 1 - EDGE : score
  return Math.log(s / (1 - s))
}
