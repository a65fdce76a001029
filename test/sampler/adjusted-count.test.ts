/** How many spans a sampled one stands for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AdjustedCounts } from '../../src/sampler/adjusted-count.ts'

function countOf(state: string, counts = new AdjustedCounts(() => 0.999)): [number, boolean] {
  const bytes = Buffer.from(`xx${state}yy`)
  const count = counts.of(bytes, 2, bytes.length - 2)
  return [count, counts.isAdjusted]
}

test('reads the threshold of the trace state', () => {
  assert.deepEqual(countOf('ot=th:0'), [1, true])
  assert.deepEqual(countOf('ot=th:8'), [2, true])
  assert.deepEqual(countOf('vendor=x,ot=rv:00000000000001;th:fff'), [4096, true])
})

test('counts one where there is no threshold, or none that is valid', () => {
  for (const state of [
    '',
    'vendor=x',
    'ot=rv:00000000000001',
    'ot=th:xyz',
    '=',
    'ot=th:',
    'x'.repeat(5000),
  ]) {
    assert.deepEqual(countOf(state), [1, false], state.slice(0, 20))
  }
})

test('rounds by chance so that the sum is right on average', () => {
  let next = 0
  const counts = new AdjustedCounts(() => (next++ % 100) / 100)
  let sum = 0
  // Kept with a probability of 0.75, so each stands for 1 and a third.
  for (let i = 0; i < 300; i++) sum += countOf('ot=th:4', counts)[0]

  assert.ok(Math.abs(sum - 400) <= 3, String(sum))
})

test('does not take one state for another of the same length', () => {
  const counts = new AdjustedCounts()

  assert.deepEqual(
    ['ot=th:8', 'ot=th:c', 'ot=th:8', 'ot=xx:8', '', 'ot=th:c'].map(
      state => countOf(state, counts)[0],
    ),
    [2, 4, 2, 1, 1, 4],
  )
})
