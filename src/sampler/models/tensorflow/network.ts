/** The network scored by a TensorFlow.js back end. Small batches go the plain way, which is faster there. */
import type { Model, VectorLayout } from '../model.ts'
import { columnsOf, PlainNetwork, prepareInputs } from '../network.ts'
import type { NetworkWeights } from '../network-weights.ts'
import type { TensorBackend } from './load.ts'

/** Below this many rows the way into the library and back costs more than the arithmetic. */
const LEAST_ROWS = 128
/** Rows at once. */
const CHUNK = 1024

type Kept = ReturnType<TensorBackend['tensors']['tensor1d']>

export class TensorNetwork implements Model {
  readonly name: string
  readonly version: string
  readonly backend: TensorBackend
  readonly #plain: PlainNetwork
  readonly #weights: NetworkWeights
  readonly #columns: Int32Array
  readonly #width: number
  readonly #inputs: Float32Array
  readonly #tensors: readonly [kernel: Kept, bias: Kept, output: Kept, outputBias: Kept]

  /** Throws a RangeError if the layout lacks a column that the weights were trained on. */
  constructor(
    name: string,
    version: string,
    weights: NetworkWeights,
    layout: VectorLayout,
    backend: TensorBackend,
  ) {
    this.name = name
    this.version = version
    this.backend = backend
    this.#plain = new PlainNetwork(name, version, weights, layout)
    this.#weights = weights
    this.#columns = columnsOf(weights, layout)
    this.#width = layout.length
    const { hidden, parameters } = weights
    const inputs = weights.inputs.length
    this.#inputs = new Float32Array(CHUNK * inputs)
    const { tensor1d, tensor2d } = backend.tensors
    const bias = inputs * hidden
    const output = bias + hidden
    this.#tensors = [
      tensor2d(parameters.slice(0, bias), [inputs, hidden]) as unknown as Kept,
      tensor1d(parameters.slice(bias, output)),
      tensor2d(parameters.slice(output, output + hidden), [hidden, 1]) as unknown as Kept,
      tensor1d(parameters.slice(output + hidden)),
    ]
  }

  score(vectors: Float32Array, count: number, out: Float32Array): void {
    if (count < LEAST_ROWS) {
      this.#plain.score(vectors, count, out)
      return
    }
    for (let from = 0; from < count; from += CHUNK) {
      this.#scoreChunk(vectors, from, Math.min(CHUNK, count - from), out)
    }
  }

  #scoreChunk(vectors: Float32Array, from: number, rows: number, out: Float32Array): void {
    const { fused, tensor2d } = this.backend.tensors
    const width = this.#width
    const inputs = this.#columns.length
    const part = vectors.subarray(from * width, (from + rows) * width)
    prepareInputs(this.#weights, this.#columns, width, part, rows, this.#inputs)
    const [kernel, bias, output, outputBias] = this.#tensors
    const x = tensor2d(this.#inputs.slice(0, rows * inputs), [rows, inputs])
    const hidden = fused.matMul({ a: x, b: kernel, bias, activation: 'relu' })
    const y = fused.matMul({ a: hidden, b: output, bias: outputBias, activation: 'sigmoid' })
    out.set(y.dataSync(), from)
    y.dispose()
    hidden.dispose()
    x.dispose()
  }

  /** Gives back what lies outside of the heap. */
  dispose(): void {
    for (const tensor of this.#tensors) tensor.dispose()
  }
}
