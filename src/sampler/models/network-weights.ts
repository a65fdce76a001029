/**
 * A network with one hidden layer as one block of numbers, and its exact form in a file: little-endian float32, first how
 * inputs are brought to one scale, then the parameters. Apart from scoring, since stores, training and workers pass it on.
 */
import { createHash } from 'node:crypto'

/** Parameters lie as kernel of the hidden layer (input by input), its bias, kernel of the output, its bias. */
export interface NetworkWeights {
  /** Names of the columns it reads. */
  readonly inputs: readonly string[]
  readonly hidden: number
  /** Taken from each input before it is divided by `scale`. */
  readonly center: Float32Array
  readonly scale: Float32Array
  readonly parameters: Float32Array
}

/** What scaled inputs are cut to. A system never seen before may be far outside of what training saw. */
export const INPUT_CLIP = 4
const MAX_INPUTS = 256
const MAX_HIDDEN = 256
const FLOAT_BYTES = 4

export function parameterCount(inputs: number, hidden: number): number {
  return inputs * hidden + hidden + hidden + 1
}

export function encodeWeights(weights: NetworkWeights): Uint8Array {
  const { center, scale, parameters } = weights
  const bytes = new Uint8Array(FLOAT_BYTES * (center.length + scale.length + parameters.length))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const block of [center, scale, parameters]) {
    for (const value of block) {
      view.setFloat32(at, value, true)
      at += FLOAT_BYTES
    }
  }
  return bytes
}

/** Null if the bytes are not weights of that shape, or hold what is no number. */
export function decodeWeights(
  inputs: readonly string[],
  hidden: number,
  bytes: Uint8Array,
): NetworkWeights | null {
  const width = inputs.length
  if (width < 1 || width > MAX_INPUTS) return null
  if (!Number.isInteger(hidden) || hidden < 1 || hidden > MAX_HIDDEN) return null
  const parameters = parameterCount(width, hidden)
  if (bytes.length !== FLOAT_BYTES * (width * 2 + parameters)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read = (from: number, count: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => view.getFloat32((from + i) * FLOAT_BYTES, true))
  const weights = {
    inputs,
    hidden,
    center: read(0, width),
    scale: read(width, width),
    parameters: read(width * 2, parameters),
  }
  return isSound(weights) ? weights : null
}

/** Every number finite, every scale above zero. */
export function isSound(weights: NetworkWeights): boolean {
  return (
    weights.center.every(Number.isFinite) &&
    weights.parameters.every(Number.isFinite) &&
    weights.scale.every(value => Number.isFinite(value) && value > 0)
  )
}

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
