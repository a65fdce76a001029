/** A selection behaves as a set of numbers, whatever window its bits are kept for. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Selection } from '../../src/otlp/selection.ts'

const LENGTH = 200
const at = fc.nat({ max: LENGTH - 1 })
const step = fc.tuple(fc.constantFrom('set', 'clear', 'slice', 'clone'), at, at)

function list(selection: Selection): number[] {
  return Array.from({ length: LENGTH }, (_, i) => i).filter(i => selection.has(i))
}

test('holds what was set and not cleared, through slices and copies', () => {
  fc.assert(
    fc.property(at, at, fc.array(step), (from, to, steps) => {
      let selection = Selection.range(LENGTH, from, to)
      let model = new Set(Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i))
      for (const [what, a, b] of steps) {
        if (what === 'set') {
          selection.set(a)
          model.add(a)
        } else if (what === 'clear') {
          selection.clear(a)
          model.delete(a)
        } else if (what === 'clone') selection = selection.clone()
        else if (a % 3 === 0) {
          selection = selection.slice(a, b)
          model = new Set([...model].filter(i => i >= a && i < b))
        }
      }

      const expected = [...model].sort((a, b) => a - b)
      assert.deepEqual(list(selection), expected)
      assert.equal(selection.count, expected.length)
      assert.ok(expected.every(i => i >= selection.from && i < selection.to))
    }),
    { numRuns: 500 },
  )
})

test('begins with all or none', () => {
  const all = Selection.all(LENGTH)

  assert.deepEqual([all.count, list(all).length, all.from, all.to], [LENGTH, LENGTH, 0, LENGTH])
  assert.deepEqual(list(Selection.none(LENGTH)), [])
})
