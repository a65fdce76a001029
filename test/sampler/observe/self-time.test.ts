import assert from 'node:assert/strict'
import test from 'node:test'
import { SelfTime } from '../../../src/sampler/observe/self-time.ts'
import { type Row, trace } from './made-trace.ts'

function selfOf(...rows: readonly Row[]): number[] {
  const times = new SelfTime()
  times.read(trace(...rows))
  return [...times.self.subarray(0, rows.length)]
}

test('what children cover together is taken out once', () => {
  const own = selfOf([0, 0, -1, 0, 100], [1, 0, 0, 10, 40], [2, 0, 0, 30, 40])

  assert.deepEqual(own, [40, 40, 40])
})

test('children that begin before or end after their parent count only inside', () => {
  const own = selfOf([0, 0, -1, 50, 100], [1, 0, 0, 0, 70], [2, 0, 0, 140, 500])

  assert.deepEqual(own, [70, 70, 500])
})

test('the order of the rows does not matter', () => {
  const own = selfOf([2, 0, 2, 30, 40], [1, 0, 2, 10, 40], [0, 0, -1, 0, 100])

  assert.deepEqual(own, [40, 40, 40])
})
