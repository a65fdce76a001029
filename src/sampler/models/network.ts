/** The network in plain typed arrays: no library, ready at once, and what every faster way of scoring is held against. */
import { findColumns, type Model, type VectorLayout } from './model.ts'
import { INPUT_CLIP, type NetworkWeights } from './network-weights.ts'

/** Hidden units whose sums are built side by side; the kernel is padded to it with units that do nothing. */
const LANES = 4

export class PlainNetwork implements Model {
  readonly name: string
  readonly version: string
  readonly #width: number
  readonly #columns: Int32Array
  /** Doubles, though the weights are float32: conversions cost more than the memory saves. */
  readonly #center: Float64Array
  readonly #factor: Float64Array
  /** For each group of hidden units, input by input, one weight a unit. */
  readonly #kernel: Float64Array
  readonly #bias: Float64Array
  readonly #output: Float64Array
  readonly #outputBias: number
  readonly #row: Float64Array

  /** Throws a RangeError if the layout lacks a column that the weights were trained on. */
  constructor(name: string, version: string, weights: NetworkWeights, layout: VectorLayout) {
    this.name = name
    this.version = version
    this.#width = layout.length
    this.#columns = columnsOf(weights, layout)
    this.#center = Float64Array.from(weights.center)
    this.#factor = Float64Array.from(weights.scale, value => 1 / value)
    const { hidden, parameters } = weights
    const inputs = weights.inputs.length
    const padded = Math.ceil(hidden / LANES) * LANES
    this.#kernel = new Float64Array(inputs * padded)
    this.#bias = new Float64Array(padded)
    this.#output = new Float64Array(padded)
    for (let unit = 0; unit < hidden; unit++) {
      const lane = unit % LANES
      const group = (unit - lane) * inputs
      for (let i = 0; i < inputs; i++) {
        this.#kernel[group + i * LANES + lane] = parameters[i * hidden + unit]
      }
      this.#bias[unit] = parameters[inputs * hidden + unit]
      this.#output[unit] = parameters[(inputs + 1) * hidden + unit]
    }
    this.#outputBias = parameters[(inputs + 2) * hidden]
    this.#row = new Float64Array(inputs)
  }

  score(vectors: Float32Array, count: number, out: Float32Array): void {
    const row = this.#row
    for (let i = 0; i < count; i++) {
      const at = i * this.#width
      for (let j = 0; j < row.length; j++) {
        row[j] = clip((vectors[at + this.#columns[j]] - this.#center[j]) * this.#factor[j])
      }
      out[i] = 1 / (1 + Math.exp(-this.#logit(row)))
    }
  }

  #logit(row: Float64Array): number {
    const kernel = this.#kernel
    const bias = this.#bias
    const output = this.#output
    let logit = this.#outputBias
    let k = 0
    for (let unit = 0; unit < bias.length; unit += LANES) {
      let a = bias[unit]
      let b = bias[unit + 1]
      let c = bias[unit + 2]
      let d = bias[unit + 3]
      for (let i = 0; i < row.length; i++) {
        const x = row[i]
        a += x * kernel[k]
        b += x * kernel[k + 1]
        c += x * kernel[k + 2]
        d += x * kernel[k + 3]
        k += LANES
      }
      if (a > 0) logit += a * output[unit]
      if (b > 0) logit += b * output[unit + 1]
      if (c > 0) logit += c * output[unit + 2]
      if (d > 0) logit += d * output[unit + 3]
    }
    return logit
  }
}

/** What is no number counts as ordinary. */
function clip(x: number): number {
  if (x > INPUT_CLIP) return INPUT_CLIP
  if (x < -INPUT_CLIP) return -INPUT_CLIP
  return Number.isNaN(x) ? 0 : x
}

export function columnsOf(weights: NetworkWeights, layout: VectorLayout): Int32Array {
  const { columns, missing } = findColumns(layout, weights.inputs)
  if (missing.length > 0) throw new RangeError(`the vector has no ${missing.join(', ')}`)
  return columns
}

/** Rows as the network's inputs: its columns, on one scale, cut. Shared by training and library back ends. */
export function prepareInputs(
  weights: NetworkWeights,
  columns: Int32Array,
  width: number,
  vectors: Float32Array,
  count: number,
  out: Float32Array,
): void {
  const inputs = columns.length
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < inputs; i++) {
      const value = vectors[row * width + columns[i]]
      out[row * inputs + i] = clip((value - weights.center[i]) / weights.scale[i])
    }
  }
}
