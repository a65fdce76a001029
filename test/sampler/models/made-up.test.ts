/** Systems that never were: their traces are traces, and what an incident touched is known. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { FAULT_KINDS } from '../../../src/sampler/models/inject.ts'
import { makeUpRows } from '../../../src/sampler/models/made-up-rows.ts'
import { MadeUpSystem } from '../../../src/sampler/models/made-up-system.ts'
import { Random } from '../../../src/sampler/models/random.ts'
import { varyingColumns } from '../../../src/sampler/models/rows.ts'
import { areaUnderCurve } from '../../../src/sampler/models/score-quality.ts'
import { AT, VECTOR_LENGTH } from '../../../src/sampler/observe/vector.ts'
import { SPAN_ERROR } from '../../../src/sampler/trace-spans.ts'

const TRAITS = { services: 8, endpoints: 5, noise: 0.4 }

test('every span stands below one before it, within a trace of bounded size', () => {
  const system = new MadeUpSystem(TRAITS, new Random(1))

  for (let i = 0; i < 500; i++) {
    const { count, parent, duration, start } = system.next()
    assert.ok(count >= 1 && count <= 256)
    for (let row = 0; row < count; row++) {
      assert.ok(row === 0 ? parent[row] === -1 : parent[row] >= 0 && parent[row] < row)
      assert.ok(duration[row] >= 0 && start[row] >= (row === 0 ? 0 : start[parent[row]]))
    }
    assert.equal(system.touched, false)
  }
})

for (const kind of FAULT_KINDS) {
  test(`an incident of kind ${kind} touches traces, and leaves the others as they were`, () => {
    const system = new MadeUpSystem(TRAITS, new Random(7))
    let touched = 0
    for (let tries = 0; tries < 10 && touched === 0; tries++) {
      system.setIncident(system.makeIncident(kind))
      for (let i = 0; i < 300; i++) {
        const { flags } = system.next()
        if (!system.touched) continue
        touched++
        if (kind === 'error') assert.ok(flags.some(flag => (flag & SPAN_ERROR) !== 0))
      }
    }
    system.setIncident(null)

    assert.ok(touched > 0)
    assert.equal(system.next().touched, false)
  })
}

test('rows can be made again by their seed, and what was touched stands out', () => {
  const plan = { systems: 2, traces: 6_000, seed: 3 }

  const rows = makeUpRows(plan)

  assert.deepEqual(makeUpRows(plan).vectors, rows.vectors)
  const heuristic = Float32Array.from(
    { length: rows.count },
    (_, row) => rows.vectors[row * VECTOR_LENGTH + AT.heuristic],
  )
  const auc = areaUnderCurve(heuristic, rows.labels, rows.count)
  assert.ok(auc > 0.7, `AUC ${auc}`)
  assert.ok(!varyingColumns(rows).includes('links'))
})
