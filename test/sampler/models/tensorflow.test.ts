/** TensorFlow.js back ends: the same scores as the plain way, chosen as asked, never in the way when absent. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { PlainNetwork } from '../../../src/sampler/models/network.ts'
import {
  loadNative,
  loadWasm,
  type TensorSources,
} from '../../../src/sampler/models/tensorflow/load.ts'
import { TensorNetwork } from '../../../src/sampler/models/tensorflow/network.ts'
import { trainWithTensors } from '../../../src/sampler/models/tensorflow/training.ts'
import { FULL_TRAINING, freshNetwork, trainNetwork } from '../../../src/sampler/models/training.ts'
import { LAYOUT, makeRows } from './rows.ts'

/** Float32 sums against sums of doubles. */
const TOLERANCE = 1e-5
const rows = makeRows(2500)
const weights = freshNetwork(LAYOUT, 16, rows, 3)

test('WebAssembly scores as the plain network does, for any number of rows', async () => {
  const backend = await loadWasm(assert.fail)
  assert.ok(backend !== null)
  const tensors = new TensorNetwork('network', '1', weights, LAYOUT, backend)
  const plain = new PlainNetwork('network', '1', weights, LAYOUT)
  const [a, b] = [new Float32Array(2500), new Float32Array(2500)]

  for (const count of [1, 127, 128, 129, 1024, 1025, 2500]) {
    plain.score(rows.vectors, count, a)
    tensors.score(rows.vectors, count, b)

    for (let row = 0; row < count; row++) assert.ok(Math.abs(a[row] - b[row]) < TOLERANCE)
  }
  tensors.dispose()
})

test('failures of the process stay with those who asked for them', async () => {
  const before = process.listenerCount('uncaughtException')

  await loadWasm(assert.fail)

  assert.equal(process.listenerCount('uncaughtException'), before)
})

test('the native package is used in its place where it is there', async () => {
  const { tensors } = (await loadWasm(assert.fail))!
  const sources: TensorSources = { native: async () => tensors, wasm: assert.fail }

  const backend = await loadNative(assert.fail, sources)

  assert.equal(backend?.name, 'native')
})

test('a package that is not there, or does not load, is told in one line and nothing else happens', async () => {
  const told: string[] = []
  const broken = async (): Promise<never> => {
    throw new Error('cannot find libtensorflow\nat somewhere')
  }

  assert.equal(await loadNative(why => told.push(why), { native: broken, wasm: broken }), null)
  assert.equal(await loadWasm(why => told.push(why), { native: broken, wasm: broken }), null)

  assert.deepEqual(told, [
    '@tensorflow/tfjs-node: cannot find libtensorflow',
    'TensorFlow.js: cannot find libtensorflow',
  ])
})

test('training by the library goes the same way as training by hand, pulled or not', async () => {
  const few = makeRows(300)
  const plan = { ...FULL_TRAINING, epochs: 2 }
  const anchor = freshNetwork(LAYOUT, 8, few, 11)
  const start = freshNetwork(LAYOUT, 8, few, 12)

  for (const home of [null, anchor]) {
    const hand = trainNetwork(start, home, few, plan)
    const library = await trainWithTensors(start, home, few, plan)

    for (const [i, value] of hand.parameters.entries()) {
      assert.ok(Math.abs(value - library.parameters[i]) < 1e-3, `${i}: ${value}`)
    }
  }
})
