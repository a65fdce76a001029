/**
 * The training of `training.ts` by TensorFlow.js: the same rows in the same order, the same loss, pull and clipping. It stands
 * beside the plain one for larger networks than the shipped one, and as the check that the gradients by hand are right.
 */
import { columnsOf, prepareInputs } from '../network.ts'
import type { NetworkWeights } from '../network-weights.ts'
import { Random } from '../random.ts'
import {
  BETA_1,
  BETA_2,
  bringWithin,
  EPSILON,
  rateOf,
  shuffle,
  type TrainingPlan,
  type TrainingSet,
} from '../training.ts'
import type { Tensor, Variable } from './library.ts'
import { type Library, TENSOR_SOURCES } from './load.ts'

/** Places of the weights among the variables; the others are biases. */
const WEIGHTS = [0, 2]

type Model = ReturnType<Library['sequential']>

/** Rejects where TensorFlow.js does not run. */
export async function trainWithTensors(
  start: NetworkWeights,
  anchor: NetworkWeights | null,
  set: TrainingSet,
  plan: TrainingPlan,
): Promise<NetworkWeights> {
  const library = await TENSOR_SOURCES.wasm()
  if (!(await library.startWasm())) throw new Error('TensorFlow.js does not run here')
  const model = makeModel(library, start)
  const inputs = start.inputs.length
  const rows = new Float32Array(set.count * inputs)
  prepareInputs(
    start,
    columnsOf(start, set.layout),
    set.layout.length,
    set.vectors,
    set.count,
    rows,
  )
  const order = Uint32Array.from({ length: set.count }, (_, i) => i)
  const random = new Random(plan.seed)
  const step = makeStep(library, model, anchor, plan)
  for (let epoch = 0; epoch < plan.epochs; epoch++) {
    shuffle(order, random)
    const rate = rateOf(plan, epoch)
    for (let from = 0; from < set.count; from += plan.batch) {
      const batch = order.subarray(from, from + plan.batch)
      step(
        rate,
        gather(rows, inputs, batch),
        gather(set.labels, 1, batch),
        gather(set.weights, 1, batch),
      )
    }
  }
  const parameters = new Float32Array(start.parameters.length)
  let at = 0
  for (const tensor of model.getWeights()) {
    parameters.set(tensor.dataSync(), at)
    at += tensor.size
  }
  model.dispose()
  return { ...start, parameters: bringWithin(parameters, anchor, plan.reach) }
}

function makeModel(library: Library, start: NetworkWeights): Model {
  const { layers, sequential, tensor1d, tensor2d } = library
  const { hidden, parameters } = start
  const inputs = start.inputs.length
  const model = sequential()
  model.add(layers.dense({ units: hidden, inputShape: [inputs], activation: 'relu' }))
  model.add(layers.dense({ units: 1 }))
  const bias = inputs * hidden
  const output = bias + hidden
  model.setWeights([
    tensor2d(parameters.slice(0, bias), [inputs, hidden]),
    tensor1d(parameters.slice(bias, output)),
    tensor2d(parameters.slice(output, output + hidden), [hidden, 1]),
    tensor1d(parameters.slice(output + hidden)),
  ])
  return model
}

type Step = (rate: number, rows: Float32Array, labels: Float32Array, weights: Float32Array) => void

/** One batch: gradient of the loss and the pull, clipped as a whole, given to Adam. */
function makeStep(
  library: Library,
  model: Model,
  anchor: NetworkWeights | null,
  plan: TrainingPlan,
): Step {
  const { add, div, losses, mul, Reduction, relu, sub, tensor2d, tidy, train, variableGrads } =
    library
  const adam = train.adam(plan.learningRate, BETA_1, BETA_2, EPSILON)
  const variables = model.getWeights(true) as Variable[]
  const home = anchor === null ? null : makeModel(library, anchor).getWeights()
  return (rate, rows, labels, weights) => {
    // The library has no other way to change it.
    ;(adam as unknown as { learningRate: number }).learningRate = rate
    const count = labels.length
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    if (!(total > 0)) return
    tidy(() => {
      const x = tensor2d(rows, [count, rows.length / count])
      const y = tensor2d(labels, [count, 1])
      const w = tensor2d(weights, [count, 1])
      const { grads } = variableGrads(() => {
        const logits = model.apply(x) as Tensor
        const loss = losses.sigmoidCrossEntropy(y, logits, w, 0, Reduction.SUM)
        return div(loss, total)
      })
      const pulled = variables.map((variable, i) => {
        const away = home === null ? variable : sub(variable, home[i])
        return add(grads[variable.name], mul(away, plan.pull))
      })
      const norm = normOf(library, pulled)
      const shrink = norm > plan.clip ? plan.clip / norm : 1
      adam.applyGradients(
        variables.map(({ name }, i) => ({ name, tensor: mul(pulled[i], shrink) })),
      )
      for (const i of WEIGHTS) variables[i].assign(relu(variables[i]))
    })
  }
}

function normOf({ square, sum }: Library, tensors: readonly Tensor[]): number {
  return Math.sqrt(tensors.reduce((total, t) => total + sum(square(t)).dataSync()[0], 0))
}

function gather(values: Float32Array, width: number, rows: Uint32Array): Float32Array {
  const gathered = new Float32Array(rows.length * width)
  for (const [to, row] of rows.entries()) {
    gathered.set(values.subarray(row * width, (row + 1) * width), to * width)
  }
  return gathered
}
