/** The models beside the network: what is odd scores above what is usual, state survives, nothing odd breaks them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Blend } from '../../../src/sampler/models/blend.ts'
import { HalfSpaceTrees } from '../../../src/sampler/models/half-space-trees.ts'
import { HeuristicModel, RulesModel } from '../../../src/sampler/models/hand-made.ts'
import { IsolationForest } from '../../../src/sampler/models/isolation-forest.ts'
import { isOnline, type OnlineModel } from '../../../src/sampler/models/model.ts'
import { areaUnderCurve } from '../../../src/sampler/models/score-quality.ts'
import { VECTOR_NAMES } from '../../../src/sampler/observe/vector.ts'
import { LAYOUT, makeRows } from './rows.ts'

const COLUMNS = ['self_1', 'gap_1', 'shift']
const KINDS: readonly (readonly [string, (seed: number) => OnlineModel])[] = [
  ['isolation forest', seed => new IsolationForest(LAYOUT, { columns: COLUMNS, seed })],
  ['half-space trees', seed => new HalfSpaceTrees(LAYOUT, { columns: COLUMNS, seed })],
]

for (const [name, make] of KINDS) {
  test(`${name}: odd rows score above usual ones`, () => {
    const model = make(1)
    const traffic = makeRows(8000, 5, 50)
    const unseen = makeRows(2000, 6, 20)
    const scores = new Float32Array(unseen.count)

    model.learn(traffic.vectors, traffic.count)
    model.score(unseen.vectors, unseen.count, scores)

    const auc = areaUnderCurve(scores, unseen.labels, unseen.count)
    assert.ok(auc > 0.9, `AUC ${auc}`)
    assert.ok(scores.every(score => score >= 0 && score <= 1))
  })

  test(`${name}: before it has learned it says nothing`, () => {
    const scores = new Float32Array(4).fill(9)

    make(1).score(makeRows(4).vectors, 4, scores)

    assert.deepEqual([...scores], [0, 0, 0, 0])
  })

  test(`${name}: a snapshot brings back the same scores, and refuses what it is not`, () => {
    const model = make(3)
    const traffic = makeRows(3000, 8)
    model.learn(traffic.vectors, traffic.count)
    const bytes = model.snapshot()
    const back = make(3)
    const [a, b] = [new Float32Array(100), new Float32Array(100)]

    assert.equal(back.restore(bytes), true)
    model.score(traffic.vectors, 100, a)
    back.score(traffic.vectors, 100, b)

    assert.deepEqual(a, b)
    assert.equal(back.restore(bytes.subarray(0, bytes.length - 1)), false)
    assert.equal(back.restore(new Uint8Array(0)), false)
    const changed = bytes.slice()
    changed[bytes.length >> 1] ^= 1
    assert.equal(back.restore(changed), false)
    for (const [other, makeOther] of KINDS) {
      if (other !== name) assert.equal(makeOther(3).restore(bytes), false)
    }
  })

  test(`${name}: rows that are all alike, or no numbers, do no harm`, () => {
    const model = make(1)
    const alike = new Float32Array(LAYOUT.length * 1000).fill(0.5)
    const broken = new Float32Array(LAYOUT.length * 1000).fill(Number.NaN)
    const scores = new Float32Array(1000)

    model.learn(alike, 1000)
    model.learn(broken, 1000)
    model.score(broken, 1000, scores)

    assert.ok(isOnline(model))
    assert.ok(scores.every(score => score >= 0 && score <= 1))
  })
}

test('rules score by what a trace says of itself, the worst sign first', () => {
  const row = (signs: Record<string, number>): number => {
    const vector = Float32Array.from(VECTOR_NAMES, name => signs[name] ?? 0)
    const out = new Float32Array(1)
    new RulesModel(VECTOR_NAMES).score(vector, 1, out)
    return out[0]
  }

  const fault = row({ server_faults: 1, errors: 3 })
  const exception = row({ exceptions: 1, errors: 1 })
  const error = row({ errors: 1 })
  const client = row({ client_faults: 2 })
  assert.ok(fault > exception && exception > error && error > client && client > 0)
  assert.equal(row({ self_1: 5, heuristic: 9 }), 0)
})

test('the heuristic keeps its order from 0 to 1', () => {
  const values = [0, -1, Number.NaN, 0.5, 3, 1e30, Infinity]
  const vectors = new Float32Array(values.length * LAYOUT.length)
  for (const [row, value] of values.entries()) {
    vectors[row * LAYOUT.length + LAYOUT.indexOf('heuristic')] = value
  }
  const out = new Float32Array(values.length)

  new HeuristicModel(LAYOUT).score(vectors, values.length, out)

  assert.deepEqual([...out.subarray(0, 3)], [0, 0, 0])
  for (let i = 3; i < out.length; i++) assert.ok(out[i] >= out[i - 1] && out[i] <= 1)
})

test('a blend ranks what both find odd first, over any number of rows', () => {
  const heuristic = new HeuristicModel(LAYOUT)
  const blend = new Blend(heuristic, heuristic, LAYOUT)
  const rows = makeRows(2500)
  const [alone, blended] = [new Float32Array(2500), new Float32Array(2500)]

  heuristic.score(rows.vectors, 2500, alone)
  blend.score(rows.vectors, 2500, blended)

  for (let row = 0; row < 2500; row++) assert.ok(Math.abs(alone[row] - blended[row]) < 1e-5)
})
