/** Runs of items over several parts, with and without items that are out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stretch } from '../../../src/exporters/sending/stretch.ts'
import type { EncodePart } from '../../../src/otlp/encode-part.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import { sampleRequest } from '../../harness/samples.ts'

/** Of as many items as the list is long; those that are false are out. */
function partOf(isIn: readonly boolean[] | number): EncodePart {
  const length = typeof isIn === 'number' ? isIn : isIn.length
  const { bytes } = sampleRequest('traces', 0, length)
  const index = indexRequest('traces', bytes)
  assert.ok(!isWireFault(index))
  const edits = null
  if (typeof isIn === 'number')
    return { payload: { bytes }, index, selection: null, edits, items: length }
  const selection = Selection.none(length)
  for (const [item, is] of isIn.entries()) if (is) selection.set(item)
  return { payload: { bytes }, index, selection, edits, items: selection.count }
}

/** Each item that is in, as its part and its place there. */
function listed(parts: readonly EncodePart[], all: readonly EncodePart[]): string[] {
  return parts.flatMap(part => {
    const number = all.findIndex(({ payload }) => payload === part.payload)
    const places = Array.from({ length: part.index.items }, (_, item) => item)
    const own = places.filter(item => part.selection?.has(item) ?? true)
    assert.equal(own.length, part.items)
    return own.map(item => `${number}/${item}`)
  })
}

test('takes exactly the items from one number to another', () => {
  const part = fc.oneof(fc.array(fc.boolean(), { minLength: 1, maxLength: 70 }), fc.nat(70))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), fc.nat(200), fc.nat(200), (shapes, a, b) => {
      const all = shapes.map(partOf)
      const items = listed(all, all)
      const [from, to] = [Math.min(a, b, items.length), Math.min(Math.max(a, b), items.length)]

      assert.deepEqual(listed(stretch(all, from, to), all), items.slice(from, to))
    }),
  )
})

test('gives whole parts as they are', () => {
  const all = [partOf(3), partOf([true, false, true]), partOf(2)]

  const found = stretch(all, 0, 5)

  assert.equal(found[0], all[0])
  assert.equal(found[1], all[1])
  assert.equal(found.length, 2)
})
