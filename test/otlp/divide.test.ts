/** Dividing a request makes of each group what encoding its items alone makes, byte for byte. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { divide } from '../../src/otlp/divide.ts'
import { type EncodePart, encodedSize, encodeParts, flatten } from '../../src/otlp/encode.ts'
import { indexRequestReference } from '../../src/otlp/kernel/reference.ts'
import { isWireFault } from '../../src/otlp/request-index.ts'
import { Selection } from '../../src/otlp/selection.ts'
import { SIGNALS } from '../../src/otlp/signal.ts'
import { splitParts } from '../../src/otlp/split.ts'
import { arbitraryTree, type Tree } from './wire-tree.ts'

/** What stands for "in no group". */
const OUT = 4
const choices = fc.array(fc.nat({ max: OUT }), { minLength: 1, maxLength: 40 })

function partOf({ bytes, index }: Tree, selection: Selection | null = null): EncodePart {
  const items = selection === null ? index.items : selection.count
  return { payload: { bytes }, index, selection, edits: null, items }
}

/** Numbers groups in the order in which they appear. */
function group(items: number, chosen: readonly number[]): { groups: Int32Array; count: number } {
  const numbers = new Map<number, number>()
  const groups = Int32Array.from({ length: items }, (_, item) => {
    const choice = chosen[item % chosen.length]
    if (choice === OUT) return -1
    if (!numbers.has(choice)) numbers.set(choice, numbers.size)
    return numbers.get(choice)!
  })
  return { groups, count: numbers.size }
}

function alone(tree: Tree, groups: Int32Array, number: number): EncodePart {
  const selection = Selection.none(tree.index.items)
  for (const [item, own] of groups.entries()) if (own === number) selection.set(item)
  return partOf(tree, selection)
}

const encodeOne = (part: EncodePart): Uint8Array => flatten(encodeParts([part]))

for (const signal of SIGNALS) {
  test(`each group of ${signal} becomes what encoding it alone makes`, () => {
    fc.assert(
      fc.property(arbitraryTree({ signal, edited: false }), choices, (tree, chosen) => {
        const { groups, count } = group(tree.index.items, chosen)

        const parts = divide(partOf(tree), groups, count)

        assert.equal(parts.length, count)
        for (const [number, part] of parts.entries()) {
          const expected = alone(tree, groups, number)
          const bytes = encodeOne(expected)
          assert.deepEqual([...encodeOne(part)], [...bytes])
          assert.equal(encodedSize([part]), bytes.length)
          assert.equal(part.items, expected.items)
        }
      }),
      { numRuns: 300 },
    )
  })
}

test('a group can be cut further', () => {
  fc.assert(
    fc.property(arbitraryTree({ signal: 'traces', edited: false }), choices, (tree, chosen) => {
      const { groups, count } = group(tree.index.items, chosen)

      const parts = divide(partOf(tree), groups, count)

      for (const [number, part] of parts.entries()) {
        const { levels, items } = part.index
        assert.equal(items, part.selection === null ? part.items : tree.index.items)
        const index = indexRequestReference('traces', part.payload.bytes)
        assert.ok(!isWireFault(index))
        assert.deepEqual(levels, index.levels)
        const limits = { maxItems: 1 }
        const [pieces, expected] = [part, alone(tree, groups, number)].map(whole =>
          splitParts([whole], limits).pieces.map(piece => [...flatten(encodeParts(piece))]),
        )
        assert.deepEqual(pieces, expected)
      }
    }),
  )
})

test('an envelope that is long is not repeated at once for each of many groups', () => {
  const items = 100
  const bytes = Buffer.concat(
    [...Array(items)].map(() => Buffer.from('0a041202120 0'.replace(' ', ''), 'hex')),
  )
  const long = Buffer.concat([
    bytes,
    Buffer.from('fa01', 'hex'),
    Buffer.from([0xc8, 0x01]),
    Buffer.alloc(200),
  ])
  const index = indexRequestReference('traces', long)
  assert.ok(!isWireFault(index))
  const part = { payload: { bytes: long }, index, selection: null, edits: null, items }

  const parts = divide(
    part,
    Int32Array.from({ length: items }, (_, item) => item),
    items,
  )

  assert.ok(parts.every(({ payload }) => payload.bytes === long))
  assert.equal(encodedSize(parts), items * (6 + 204))
})
