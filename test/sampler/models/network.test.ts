/** The network: plain against a slow reference and against TensorFlow.js, its file form, its training. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { PlainNetwork } from '../../../src/sampler/models/network.ts'
import {
  decodeWeights,
  encodeWeights,
  INPUT_CLIP,
  isSound,
  type NetworkWeights,
  parameterCount,
} from '../../../src/sampler/models/network-weights.ts'
import { areaUnderCurve, quantile } from '../../../src/sampler/models/score-quality.ts'
import { FULL_TRAINING, freshNetwork, trainNetwork } from '../../../src/sampler/models/training.ts'
import { judge, runTraining, runTrainingApart } from '../../../src/sampler/models/training-job.ts'
import { LAYOUT, makeRows } from './rows.ts'

const rows = makeRows(600)
const start = freshNetwork(['self_1', 'gap_1', 'shift', 'errors'], 6, rows, 7)

test('the plain network computes what the definition says, for any number of units', () => {
  for (const hidden of [1, 3, 4, 5, 16]) {
    const weights = freshNetwork(LAYOUT, hidden, rows, hidden)
    const out = new Float32Array(rows.count)

    new PlainNetwork('network', '1', weights, LAYOUT).score(rows.vectors, rows.count, out)

    for (let row = 0; row < rows.count; row++) {
      const vector = rows.vectors.subarray(row * LAYOUT.length, (row + 1) * LAYOUT.length)
      assert.ok(Math.abs(out[row] - scoreByDefinition(weights, vector)) < 1e-6)
    }
  }
})

test('scores stay from 0 to 1 whatever stands in a row', () => {
  const network = new PlainNetwork('network', '1', start, LAYOUT)
  const value = fc.oneof(fc.float(), fc.constantFrom(Number.NaN, Infinity, -Infinity, 3e38))
  const out = new Float32Array(1)

  fc.assert(
    fc.property(fc.array(value, { minLength: 6, maxLength: 6 }), vector => {
      network.score(Float32Array.from(vector), 1, out)
      return out[0] >= 0 && out[0] <= 1
    }),
  )
})

test('inputs are found by name, wherever the layout has them', () => {
  const turned = [...LAYOUT].reverse()
  const vector = rows.vectors.slice(0, LAYOUT.length)
  const out = new Float32Array(2)

  new PlainNetwork('network', '1', start, LAYOUT).score(vector, 1, out)
  new PlainNetwork('network', '1', start, turned).score(
    vector.slice().reverse(),
    1,
    out.subarray(1),
  )

  assert.equal(out[0], out[1])
})

test('a layout without an input of the network is refused by name', () => {
  assert.throws(() => new PlainNetwork('network', '1', start, ['self_1', 'gap_1', 'shift']), {
    name: 'RangeError',
    message: 'the vector has no errors',
  })
})

test('weights come back from their bytes as they were', () => {
  const back = decodeWeights(start.inputs, start.hidden, encodeWeights(start))

  assert.deepEqual(back, start)
})

test('bytes that are not such weights are refused', () => {
  const bytes = encodeWeights(start)
  const withNaN = bytes.slice()
  new DataView(withNaN.buffer).setFloat32(withNaN.length - 4, Number.NaN, true)
  const withoutScale = bytes.slice()
  withoutScale.fill(0, start.inputs.length * 4, start.inputs.length * 8)

  for (const [hidden, broken] of [
    [6, bytes.subarray(1)],
    [5, bytes],
    [0, bytes],
    [6, withNaN],
    [6, withoutScale],
  ] as const) {
    assert.equal(decodeWeights(start.inputs, hidden, broken), null)
  }
})

test('training tells symptomatic rows from clean ones that it has not seen', () => {
  const trained = trainNetwork(start, null, rows, FULL_TRAINING)

  const before = judge(start, makeRows(600, 99))
  const after = judge(trained, makeRows(600, 99))
  assert.ok(after.auc > 0.97, `AUC ${after.auc}`)
  assert.ok(after.coverage > 0.9, `coverage ${after.coverage}`)
  assert.ok(before.auc < after.auc)
})

test('the same seed trains the same weights, and the start is not touched', () => {
  const kept = start.parameters.slice()

  const first = trainNetwork(start, null, rows, { ...FULL_TRAINING, epochs: 2 })
  const second = trainNetwork(start, null, rows, { ...FULL_TRAINING, epochs: 2 })

  assert.deepEqual(first.parameters, second.parameters)
  assert.deepEqual(start.parameters, kept)
})

test('a trained network never scores a row lower because one of its inputs is higher', () => {
  const upside = { ...rows, labels: rows.labels.map(label => 1 - label) }
  for (const set of [rows, upside]) {
    const weights = trainNetwork(start, null, set, { ...FULL_TRAINING, epochs: 3 })
    const network = new PlainNetwork('network', '1', weights, LAYOUT)
    const [before, after] = [new Float32Array(100), new Float32Array(100)]
    network.score(rows.vectors, 100, before)
    for (let column = 0; column < LAYOUT.length; column++) {
      const raised = rows.vectors.slice()
      for (let row = 0; row < 100; row++) raised[row * LAYOUT.length + column] += 0.7

      network.score(raised, 100, after)

      for (let row = 0; row < 100; row++) assert.ok(after[row] >= before[row])
    }
  }
})

test('a strong pull holds the weights where the anchor is', () => {
  const plan = { ...FULL_TRAINING, epochs: 5 }

  const free = trainNetwork(start, start, rows, { ...plan, pull: 0 })
  const held = trainNetwork(start, start, rows, { ...plan, pull: 10 })

  assert.ok(distance(held, start) < distance(free, start) / 4)
})

test('weights end within reach of the anchor, however often they are trained', () => {
  const plan = { ...FULL_TRAINING, epochs: 3, reach: 0.1 }
  let weights = start
  for (let round = 0; round < 10; round++) weights = trainNetwork(weights, start, rows, plan)

  assert.ok(distance(weights, start) <= 0.1001 * Math.hypot(...start.parameters))
  assert.ok(distance(weights, start) > 0)
})

test('rows of no weight and rows that are no numbers do no harm', () => {
  const odd = makeRows(64)
  odd.vectors.fill(Number.NaN, 0, 60)
  odd.vectors[70] = Infinity

  const trained = trainNetwork(
    start,
    null,
    { ...odd, weights: new Float32Array(64) },
    FULL_TRAINING,
  )
  const trainedToo = trainNetwork(start, null, odd, { ...FULL_TRAINING, epochs: 3 })

  assert.deepEqual(trained.parameters, start.parameters)
  assert.ok(isSound(trainedToo))
})

test('a training in a thread of its own has the same result as one in place', async () => {
  const job = {
    start,
    anchor: start,
    set: rows,
    plan: { ...FULL_TRAINING, epochs: 3 },
    heldOut: 0.2,
  }

  const apart = await runTrainingApart(job, new AbortController().signal)

  assert.deepEqual(apart, runTraining(job))
})

test('a training that is aborted ends at once', async () => {
  const plan = { ...FULL_TRAINING, epochs: 1e6 }
  const job = { start, anchor: null, set: rows, plan, heldOut: 0.2 }
  const running = new AbortController()

  const result = runTrainingApart(job, running.signal)
  running.abort()

  await assert.rejects(result, /aborted/)
})

test('the area under the curve counts ties as half', () => {
  assert.equal(areaUnderCurve([0.1, 0.9], [0, 1], 2), 1)
  assert.equal(areaUnderCurve([0.9, 0.1], [0, 1], 2), 0)
  assert.equal(areaUnderCurve([0.5, 0.5, 0.5], [0, 1, 0], 3), 0.5)
  assert.equal(areaUnderCurve([0.2, 0.3], [0, 0], 2), 0.5)
  assert.equal(quantile([5, 1, 3, 2, 4], 5, 0.8), 4)
})

function scoreByDefinition(weights: NetworkWeights, vector: Float32Array): number {
  const { inputs, hidden, parameters, center, scale } = weights
  assert.equal(parameters.length, parameterCount(inputs.length, hidden))
  const x = inputs.map((name, i) => {
    const value = (vector[LAYOUT.indexOf(name as (typeof LAYOUT)[number])] - center[i]) / scale[i]
    return Math.max(-INPUT_CLIP, Math.min(INPUT_CLIP, value))
  })
  let logit = parameters.at(-1)!
  for (let j = 0; j < hidden; j++) {
    let sum = parameters[inputs.length * hidden + j]
    for (let i = 0; i < inputs.length; i++) sum += x[i] * parameters[i * hidden + j]
    logit += Math.max(0, sum) * parameters[(inputs.length + 1) * hidden + j]
  }
  return 1 / (1 + Math.exp(-logit))
}

function distance(a: NetworkWeights, b: NetworkWeights): number {
  return Math.hypot(...a.parameters.map((value, i) => value - b.parameters[i]))
}
