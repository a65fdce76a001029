/**
 * Training of the network: cross entropy by Adam in small batches, with a pull towards anchor weights (the shipped ones) and
 * clipped gradients, so that an hour of odd traffic cannot carry it away. Weights are kept from 0 up, biases are free: a trace never
 * matters less because one more thing in it is odd, whatever the rows say. Written out by hand: 400 weights need no library.
 */
import { columnsOf, prepareInputs } from './network.ts'
import { type NetworkWeights, parameterCount } from './network-weights.ts'
import { Random } from './random.ts'

/** Rows to learn from: `count` vectors of the layout, each with a label from 0 to 1 and how much it counts. */
export interface TrainingSet {
  readonly layout: readonly string[]
  readonly count: number
  readonly vectors: Float32Array
  readonly labels: Float32Array
  readonly weights: Float32Array
}

export interface TrainingPlan {
  readonly epochs: number
  readonly batch: number
  readonly learningRate: number
  /** Strength of the pull to the anchor, or to zero without one. */
  readonly pull: number
  /** Farthest from the anchor that weights may end, as a share of the anchor's length; nothing holds them without an anchor. */
  readonly reach: number
  /** Longest gradient of a batch, by Euclidean norm. */
  readonly clip: number
  readonly seed: number
}

/** From nothing. The pull keeps inputs of a system never seen from finding large weights. */
export const FULL_TRAINING: TrainingPlan = {
  ...{ epochs: 40, batch: 64, learningRate: 0.003, pull: 1e-4, clip: 1, seed: 1 },
  reach: Number.POSITIVE_INFINITY,
}

/** Beside running work, from the weights in use. */
export const FINE_TUNING: TrainingPlan = {
  ...{ epochs: 5, batch: 64, learningRate: 0.0005, pull: 3e-3, clip: 0.5, seed: 1 },
  // Adam weighs the pull against the gradients' own size; this is what holds, however often it is tuned.
  reach: 0.1,
}

/** Adam's, as in its paper. */
export const BETA_1 = 0.9
export const BETA_2 = 0.999
export const EPSILON = 1e-8

/** New weights; `start` stays as it is. `anchor` has the shape of `start`. */
export function trainNetwork(
  start: NetworkWeights,
  anchor: NetworkWeights | null,
  set: TrainingSet,
  plan: TrainingPlan,
): NetworkWeights {
  const run = new TrainingRun(start, anchor, set, plan)
  for (let epoch = 0; epoch < plan.epochs; epoch++) run.epoch(rateOf(plan, epoch))
  return { ...start, parameters: bringWithin(run.parameters(), anchor, plan.reach) }
}

/** On the straight way back to the anchor. In place. */
export function bringWithin(
  parameters: Float32Array,
  anchor: NetworkWeights | null,
  reach: number,
): Float32Array {
  if (anchor === null) return parameters
  const home = anchor.parameters
  const away = Math.hypot(...parameters.map((value, i) => value - home[i]))
  const most = reach * Math.hypot(...home)
  if (away <= most) return parameters
  for (let i = 0; i < parameters.length; i++) {
    parameters[i] = home[i] + (parameters[i] - home[i]) * (most / away)
  }
  return parameters
}

/** Falls evenly, so that the last batches do not decide where the weights end. */
export function rateOf(plan: TrainingPlan, epoch: number): number {
  return plan.learningRate * (1 - epoch / plan.epochs)
}

/** Small random weights over inputs scaled by what the rows look like. */
export function freshNetwork(
  inputs: readonly string[],
  hidden: number,
  set: TrainingSet,
  seed: number,
): NetworkWeights {
  const random = new Random(seed)
  const parameters = new Float32Array(parameterCount(inputs.length, hidden))
  const kernel = inputs.length * hidden
  const output = kernel + hidden
  for (let i = 0; i < kernel; i++) {
    parameters[i] = Math.abs(random.normal()) * Math.sqrt(2 / inputs.length)
  }
  for (let j = 0; j < hidden; j++) {
    parameters[output + j] = Math.abs(random.normal()) * Math.sqrt(1 / hidden)
  }
  return { inputs, hidden, parameters, ...spreadOf(inputs, set) }
}

/** Mean and deviation of each input over the rows; inputs that never move get scale 1. */
function spreadOf(
  inputs: readonly string[],
  set: TrainingSet,
): { readonly center: Float32Array; readonly scale: Float32Array } {
  const width = set.layout.length
  const center = new Float32Array(inputs.length)
  const scale = new Float32Array(inputs.length).fill(1)
  for (let i = 0; i < inputs.length; i++) {
    const column = set.layout.indexOf(inputs[i])
    let sum = 0
    let squares = 0
    for (let row = 0; row < set.count; row++) {
      const value = set.vectors[row * width + column]
      sum += value
      squares += value * value
    }
    const mean = set.count === 0 ? 0 : sum / set.count
    const deviation = Math.sqrt(Math.max(0, squares / Math.max(1, set.count) - mean * mean))
    center[i] = mean
    if (deviation > EPSILON) scale[i] = deviation
  }
  return { center, scale }
}

class TrainingRun {
  readonly #plan: TrainingPlan
  readonly #set: TrainingSet
  readonly #inputs: number
  readonly #hidden: number
  readonly #rows: Float32Array
  readonly #order: Uint32Array
  readonly #random: Random
  readonly #theta: Float64Array
  readonly #anchor: Float64Array
  readonly #gradient: Float64Array
  readonly #first: Float64Array
  readonly #second: Float64Array
  readonly #activation: Float64Array
  #steps = 0
  #rate = 0

  constructor(
    start: NetworkWeights,
    anchor: NetworkWeights | null,
    set: TrainingSet,
    plan: TrainingPlan,
  ) {
    this.#plan = plan
    this.#set = set
    this.#inputs = start.inputs.length
    this.#hidden = start.hidden
    this.#rows = new Float32Array(set.count * this.#inputs)
    const columns = columnsOf(start, set.layout)
    prepareInputs(start, columns, set.layout.length, set.vectors, set.count, this.#rows)
    this.#order = Uint32Array.from({ length: set.count }, (_, i) => i)
    this.#random = new Random(plan.seed)
    this.#theta = Float64Array.from(start.parameters)
    this.#anchor =
      anchor === null
        ? new Float64Array(start.parameters.length)
        : Float64Array.from(anchor.parameters)
    this.#gradient = new Float64Array(start.parameters.length)
    this.#first = new Float64Array(start.parameters.length)
    this.#second = new Float64Array(start.parameters.length)
    this.#activation = new Float64Array(start.hidden)
  }

  parameters(): Float32Array {
    return Float32Array.from(this.#theta)
  }

  epoch(rate: number): void {
    this.#rate = rate
    shuffle(this.#order, this.#random)
    const { count } = this.#set
    for (let from = 0; from < count; from += this.#plan.batch) {
      this.#learnBatch(from, Math.min(count, from + this.#plan.batch))
    }
  }

  #learnBatch(from: number, to: number): void {
    this.#gradient.fill(0)
    let total = 0
    for (let i = from; i < to; i++) {
      const row = this.#order[i]
      const weight = this.#set.weights[row]
      if (!(weight > 0)) continue
      total += weight
      this.#addGradient(row, weight)
    }
    if (total > 0) this.#step(total)
  }

  #addGradient(row: number, weight: number): void {
    const hidden = this.#hidden
    const inputs = this.#inputs
    const theta = this.#theta
    const gradient = this.#gradient
    const bias = inputs * hidden
    const output = bias + hidden
    const at = row * inputs
    const error = (this.#forward(at) - this.#set.labels[row]) * weight
    for (let j = 0; j < hidden; j++) {
      const active = this.#activation[j]
      if (active <= 0) continue
      gradient[output + j] += error * active
      const back = error * theta[output + j]
      gradient[bias + j] += back
      for (let i = 0; i < inputs; i++) gradient[i * hidden + j] += back * this.#rows[at + i]
    }
    gradient[output + hidden] += error
  }

  #forward(at: number): number {
    const hidden = this.#hidden
    const inputs = this.#inputs
    const theta = this.#theta
    const active = this.#activation
    const bias = inputs * hidden
    for (let j = 0; j < hidden; j++) active[j] = theta[bias + j]
    for (let i = 0; i < inputs; i++) {
      const x = this.#rows[at + i]
      if (x === 0) continue
      for (let j = 0; j < hidden; j++) active[j] += x * theta[i * hidden + j]
    }
    const output = bias + hidden
    let logit = theta[output + hidden]
    for (let j = 0; j < hidden; j++) if (active[j] > 0) logit += active[j] * theta[output + j]
    return 1 / (1 + Math.exp(-logit))
  }

  #step(total: number): void {
    const { clip, pull } = this.#plan
    const gradient = this.#gradient
    let norm = 0
    for (let i = 0; i < gradient.length; i++) {
      gradient[i] = gradient[i] / total + pull * (this.#theta[i] - this.#anchor[i])
      norm += gradient[i] * gradient[i]
    }
    norm = Math.sqrt(norm)
    const shrink = norm > clip ? clip / norm : 1
    this.#steps++
    const rate = (this.#rate * Math.sqrt(1 - BETA_2 ** this.#steps)) / (1 - BETA_1 ** this.#steps)
    for (let i = 0; i < gradient.length; i++) {
      const g = gradient[i] * shrink
      this.#first[i] = BETA_1 * this.#first[i] + (1 - BETA_1) * g
      this.#second[i] = BETA_2 * this.#second[i] + (1 - BETA_2) * g * g
      this.#theta[i] -= (rate * this.#first[i]) / (Math.sqrt(this.#second[i]) + EPSILON)
    }
    this.#raiseToZero()
  }

  #raiseToZero(): void {
    const theta = this.#theta
    const bias = this.#inputs * this.#hidden
    const output = bias + this.#hidden
    for (let i = 0; i < bias; i++) if (theta[i] < 0) theta[i] = 0
    for (let i = output; i < output + this.#hidden; i++) if (theta[i] < 0) theta[i] = 0
  }
}

/** In place. */
export function shuffle(order: Uint32Array, random: Random): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.index(i + 1)
    const kept = order[i]
    order[i] = order[j]
    order[j] = kept
  }
}
