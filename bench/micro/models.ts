/**
 * Answers: what does a score cost, by model and by how many traces are scored at once? Nanoseconds per trace, best of many rounds;
 * then what one fine-tuning over a full buffer of rows takes.
 *
 *   node --import tsx bench/micro/models.ts
 */

import { HalfSpaceTrees } from '../../src/sampler/models/half-space-trees.ts'
import { IsolationForest } from '../../src/sampler/models/isolation-forest.ts'
import { makeUpRows } from '../../src/sampler/models/made-up-rows.ts'
import { isOnline, type Model } from '../../src/sampler/models/model.ts'
import { openModel } from '../../src/sampler/models/open.ts'
import { sliceRows } from '../../src/sampler/models/rows.ts'
import { ModelStore } from '../../src/sampler/models/store.ts'
import { FINE_TUNING } from '../../src/sampler/models/training.ts'
import { runTraining } from '../../src/sampler/models/training-job.ts'
import { VECTOR_NAMES } from '../../src/sampler/observe/vector.ts'
import { compareWays, type Way } from '../compare-ways.ts'

const BATCHES = [1, 10, 100, 1024]
const TUNING_ROWS = 4096

const layout = VECTOR_NAMES
const rows = makeUpRows({ systems: 3, traces: 8_000, seed: 5 })
const plain = await openModel('network', { layout, backend: 'plain' })
const models: readonly (readonly [string, Model])[] = [
  ['rules', await openModel('rules', { layout })],
  ['heuristic', await openModel('heuristic', { layout })],
  ['network, plain', plain],
  ['network, WebAssembly', await openModel('network', { layout, backend: 'wasm' })],
  ['isolation forest', new IsolationForest(layout)],
  ['half-space trees', new HalfSpaceTrees(layout)],
]
for (const [, model] of models) if (isOnline(model)) model.learn(rows.vectors, rows.count)

for (const batch of BATCHES) {
  console.log(`${batch} traces at once`)
  const out = new Float32Array(batch)
  compareWays(
    batch,
    models.map(([name, model]): Way => [name, () => model.score(rows.vectors, batch, out)]),
  )
}
console.log('learning, 1024 traces at once')
compareWays(
  1024,
  models.flatMap(([name, model]): Way[] =>
    isOnline(model) ? [[name, () => model.learn(rows.vectors, 1024)]] : [],
  ),
)

const { weights } = await new ModelStore().read('network')
const set = sliceRows(rows, 0, TUNING_ROWS)
const start = performance.now()
runTraining({ start: weights, anchor: weights, set, plan: FINE_TUNING, heldOut: 0.2 })
console.log(`fine-tuning over ${set.count} rows: ${(performance.now() - start).toFixed(0)} ms`)
