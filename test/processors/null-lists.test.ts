/** Lists that are there and empty (`conditions:`), which upstream reads as no entries. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { judgeSection } from '../../src/config/judge.ts'
import { factory as filter } from '../../src/processors/filter/factory.ts'
import { factory as transform } from '../../src/processors/transform/factory.ts'

test('a group of transform may have empty lists', () => {
  const groups = [
    { context: 'span', conditions: null, statements: ['set(name, "x")'] },
    { context: 'span', statements: null },
  ]
  assert.deepEqual(judgeSection(transform.config, { trace_statements: groups }).faults, [])
})

test('a group of filter may have an empty list', () => {
  const groups = [{ context: 'span', conditions: null }]
  assert.deepEqual(judgeSection(filter.config, { trace_conditions: groups }).faults, [])
})
