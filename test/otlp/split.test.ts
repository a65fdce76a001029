/** Pieces keep their limits to the byte, hold every item once and in order, and cost nothing when nothing is cut. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type EncodePart, encodedSize, encodeParts, flatten } from '../../src/otlp/encode.ts'
import { PartSizes } from '../../src/otlp/part-sizes.ts'
import { Selection } from '../../src/otlp/selection.ts'
import { SIGNALS } from '../../src/otlp/signal.ts'
import { type SplitLimits, splitParts } from '../../src/otlp/split.ts'
import { arbitraryTree, encodeNaively, type Tree } from './wire-tree.ts'

interface TreePart extends EncodePart {
  readonly tree: Tree
}

function partOf(tree: Tree, edited: boolean, selection: Selection | null = null): TreePart {
  const items = selection === null ? tree.index.items : selection.count
  const edits = edited ? tree.edits : null
  return { tree, payload: { bytes: tree.bytes }, index: tree.index, selection, edits, items }
}

function isIn(part: EncodePart, item: number): boolean {
  return part.selection === null || part.selection.has(item)
}

function naiveBytes(part: TreePart): Uint8Array {
  return encodeNaively(part.tree, item => isIn(part, item), part.edits !== null)
}

/** What is in, as `part.item` names in order. */
function listItems(inputs: readonly TreePart[], parts: readonly TreePart[]): string[] {
  return parts.flatMap(part => {
    const number = inputs.findIndex(input => input.payload === part.payload)
    const items = Array.from({ length: part.index.items }, (_, item) => item)
    return items.filter(item => isIn(part, item)).map(item => `${number}.${item}`)
  })
}

function arbitraryParts(edited: boolean): fc.Arbitrary<TreePart[]> {
  return fc.tuple(fc.constantFrom(...SIGNALS), fc.boolean()).chain(([signal, singleData]) =>
    fc.array(
      fc
        .tuple(arbitraryTree({ signal, edited, maxChildren: 6, singleData }), fc.nat())
        .map(([tree, seed]) => partOf(tree, edited, someSelection(tree.index.items, seed))),
      { minLength: 1, maxLength: 4 },
    ),
  )
}

/** Null, or without each item whose number divides by a small number. */
function someSelection(items: number, seed: number): Selection | null {
  const step = seed % 5
  if (step < 2) return null
  const selection = Selection.all(items)
  for (let item = 0; item < items; item += step) selection.clear(item)
  return selection
}

function checkPieces(inputs: readonly TreePart[], limits: SplitLimits): void {
  const { pieces, oversize } = splitParts(inputs, limits)
  const maxBytes = limits.maxBytes || Number.POSITIVE_INFINITY
  const maxItems = limits.maxItems || Number.POSITIVE_INFINITY
  for (const piece of pieces) {
    const bytes = flatten(encodeParts(piece))
    assert.deepEqual([...bytes], [...Buffer.concat(piece.map(naiveBytes))])
    assert.ok(bytes.length <= maxBytes, `${bytes.length} bytes over ${maxBytes}`)
    assert.equal(encodedSize(piece), bytes.length)
    const items = listItems(inputs, piece).length
    assert.ok(items <= maxItems)
    assert.equal(
      piece.reduce((sum, part) => sum + part.items, 0),
      items,
    )
  }
  for (const part of oversize) {
    assert.ok(part.items <= 1)
    assert.ok(naiveBytes(part).length > maxBytes)
  }
  const apart = new Set(listItems(inputs, oversize))
  const expected = listItems(inputs, inputs)
  assert.deepEqual(
    pieces.flatMap(piece => listItems(inputs, piece)),
    expected.filter(name => !apart.has(name)),
  )
  assert.equal(new Set(expected).size, expected.length)
}

for (const edited of [false, true]) {
  const what = edited ? 'edited' : 'plain'

  test(`cuts ${what} parts by items`, () => {
    fc.assert(
      fc.property(arbitraryParts(edited), fc.integer({ min: 1, max: 60 }), (parts, maxItems) => {
        checkPieces(parts, { maxItems })
      }),
      { numRuns: 150 },
    )
  })

  test(`cuts ${what} parts by bytes`, () => {
    fc.assert(
      fc.property(arbitraryParts(edited), fc.integer({ min: 1, max: 5000 }), (parts, maxBytes) => {
        checkPieces(parts, { maxBytes })
      }),
      { numRuns: 250 },
    )
  })

  test(`cuts ${what} parts by both`, () => {
    const limits = fc.record({
      maxItems: fc.integer({ min: 1, max: 40 }),
      maxBytes: fc.integer({ min: 1, max: 3000 }),
    })
    fc.assert(
      fc.property(arbitraryParts(edited), limits, (parts, both) => checkPieces(parts, both)),
      { numRuns: 150 },
    )
  })
}

test('knows the size of a growing piece to the byte', () => {
  const tree = fc.constantFrom(...SIGNALS).chain(signal => arbitraryTree({ signal, edited: true }))
  fc.assert(
    fc.property(tree, fc.nat({ max: 9 }), fc.integer({ min: 1, max: 4 }), (made, from, step) => {
      const sizes = new PartSizes(partOf(made, true))
      const selection = Selection.none(made.index.items)
      for (let item = from; item < made.index.items; item += step) {
        const size = sizes.sizeWith(item)
        sizes.take()
        selection.set(item)

        const alone = partOf(made, true, Selection.range(made.index.items, item, item + 1))
        assert.equal(size, naiveBytes(partOf(made, true, selection)).length)
        assert.equal(sizes.sizeAlone(item), naiveBytes(alone).length)
      }
    }),
    { numRuns: 300 },
  )
})

test('gives back the very parts when they keep the limits', () => {
  const [tree] = fc.sample(arbitraryTree({ signal: 'traces', edited: false }), 1)
  const parts = [partOf(tree, false), partOf(tree, false)]

  const { pieces, oversize } = splitParts(parts, { maxItems: 1000, maxBytes: 1 << 20 })

  assert.equal(pieces.length, 1)
  assert.equal(pieces[0], parts)
  assert.deepEqual(oversize, [])
})

test('does not cut a part for bytes when it keeps the limit by itself', () => {
  const tree = fc
    .sample(arbitraryTree({ signal: 'logs', edited: false, maxChildren: 10 }), 200)
    .find(candidate => candidate.index.items > 5)!
  const parts = Array.from({ length: 5 }, () => partOf(tree, false))

  const { pieces } = splitParts(parts, { maxBytes: Math.floor(tree.bytes.length * 2.5) })

  assert.deepEqual(
    pieces.map(piece => piece.length),
    [2, 2, 1],
  )
  assert.ok(pieces.flat().every(part => parts.includes(part)))
})

test('makes nothing of no parts', () => {
  const { pieces, oversize } = splitParts([], { maxItems: 1 })

  assert.deepEqual([pieces, oversize], [[], []])
})
