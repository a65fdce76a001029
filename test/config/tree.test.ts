import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { readYaml } from '../../src/config/read-yaml.ts'
import { Source } from '../../src/config/source.ts'
import { mergeTrees, type Tree, toPlain } from '../../src/config/tree.ts'

type Plain = { readonly [key: string]: Plain | number }

/** Keys decide whether there is a map or a number, so that all trees agree about it, as configurations do. */
const config = fc.letrec<{ map: Plain }>(tie => ({
  map: fc.record(
    {
      a: fc.integer(),
      b: fc.integer(),
      m: fc.oneof({ maxDepth: 3 }, fc.constant({}), tie('map')),
      n: fc.oneof({ maxDepth: 3 }, fc.constant({}), tie('map')),
    },
    { requiredKeys: [], noNullPrototype: true },
  ) as fc.Arbitrary<Plain>,
})).map

function toTree(plain: unknown): Tree {
  return readYaml(new Source('test', JSON.stringify(plain))).tree!
}

/** Order of keys means nothing. */
function assertSame(a: Tree, b: Tree): void {
  assert.deepEqual(toPlain(a), toPlain(b))
}

test('merging does not depend on how sources are grouped', () => {
  fc.assert(
    fc.property(config, config, config, (x, y, z) => {
      const [a, b, c] = [x, y, z].map(toTree)
      assertSame(mergeTrees(mergeTrees(a, b), c), mergeTrees(a, mergeTrees(b, c)))
    }),
  )
})

test('the last source that names a value wins, and nothing else changes', () => {
  const merge = (earlier: Plain | undefined, later: Plain): unknown => {
    const merged: Record<string, unknown> = { ...earlier }
    for (const [key, value] of Object.entries(later)) {
      const before = earlier?.[key]
      const both = typeof value === 'object' && typeof before === 'object'
      merged[key] = both ? merge(before, value) : value
    }
    return merged
  }
  fc.assert(
    fc.property(config, config, (x, y) => {
      assert.deepEqual(toPlain(mergeTrees(toTree(x), toTree(y))), merge(x, y))
    }),
  )
})

test('merging with itself changes nothing', () => {
  fc.assert(
    fc.property(config, x => {
      assertSame(mergeTrees(toTree(x), toTree(x)), toTree(x))
    }),
  )
})

test('every value keeps the place in the source that it came from', () => {
  const a = new Source('a', 'm:\n  x: 1\n  y: 2\n')
  const b = new Source('b', 'm: {y: 3}\n')

  const merged = mergeTrees(readYaml(a).tree!, readYaml(b).tree!)

  const places = (tree: Tree): unknown =>
    tree.kind === 'map'
      ? Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, places(value)]))
      : { ...tree.at.source.locate(tree.at.start), in: tree.at.source.name }
  assert.deepEqual(places(merged), {
    m: { x: { line: 2, column: 6, in: 'a' }, y: { line: 1, column: 8, in: 'b' } },
  })
})

test('columns count characters, not code units', () => {
  const source = new Source('s', '"😀": [1, 2]\n')
  const { tree } = readYaml(source)

  const list = tree?.kind === 'map' ? tree.entries.get('😀')?.value : undefined

  assert.deepEqual(source.locate(list!.at.start), { line: 1, column: 6 })
})
