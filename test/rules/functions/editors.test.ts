/** Editors do the same key by key and on whole maps, and touch nothing that stays. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileStatement } from '../../../src/rules/compile.ts'
import type { ContextSpec } from '../../../src/rules/context.ts'
import type { KeyedTarget, Target } from '../../../src/rules/function.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import { EvaluationError, type Value, type ValueMap } from '../../../src/rules/value.ts'

interface Cell {
  value: Value
  /** Keys that were written or removed, `*` for the whole. */
  readonly touched: string[]
}

function target(cell: Cell, isKeyed: boolean): Target {
  const change = (edit: (map: Map<string, Value>) => void, key: string): void => {
    const map = new Map(cell.value as ValueMap)
    edit(map)
    cell.value = map
    cell.touched.push(key)
  }
  const keyed: KeyedTarget = {
    has: (_, key) => (cell.value as ValueMap).has(key),
    getKey: (_, key) => (cell.value as ValueMap).get(key),
    setKey: (_, key, value) => change(map => map.set(key, value), key),
    deleteKey: (_, key) => {
      if ((cell.value as ValueMap).has(key)) change(map => map.delete(key), key)
    },
    keys: () => [...(cell.value as ValueMap).keys()],
  }
  const set: Target['set'] = (_, value) => {
    cell.value = value
    cell.touched.push('*')
  }
  return { get: () => cell.value, set, ...(isKeyed ? { keyed } : {}) }
}

function run(statement: string, value: Value, isKeyed = false): Cell {
  const cell: Cell = { value, touched: [] }
  const context: ContextSpec = {
    name: 'log',
    resolve: ([{ name }]) => (name === 'attributes' ? target(cell, isKeyed) : undefined),
    paths: ['attributes'],
    enums: new Map(),
    functions: [],
  }
  compileStatement(statement, { context, functions: standardFunctions }).run(null)
  return cell
}

const STATEMENTS = [
  'delete_key(attributes, "a")',
  'keep_keys(attributes, ["a", "b"])',
  'limit(attributes, 2, ["c"])',
  'merge_maps(attributes, {"a": 1, "z": 2}, "insert")',
  'merge_maps(attributes, {"a": 1, "z": 2}, "update")',
  'merge_maps(attributes, {"a": 1, "z": 2}, "upsert")',
  'flatten(attributes)',
  'flatten(attributes, "p", 2, true)',
  'stringify_all(attributes)',
  'truncate_all(attributes, 3)',
  'truncate_all(attributes, 3, truncation_marker = "…")',
  'replace_all_patterns(attributes, "value", "a+", "<$0>")',
  'replace_all_patterns(attributes, "value", "b", "$0", SHA256, "h:%s")',
  'replace_all_patterns(attributes, "key", "[ab]", "x")',
  'replace_all_matches(attributes, "*a?", "A")',
  'delete_matching_keys(attributes, "a|b")',
  'keep_matching_keys(attributes, "a|b")',
]

const leaf: fc.Arbitrary<Value> = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀') }),
  fc.bigInt({ min: -5n, max: 5n }),
  fc.constantFrom(null, true, 1.5, Number.NaN, Uint8Array.of(1, 2)),
)
const value: fc.Arbitrary<Value> = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 3 }),
  fc
    .uniqueArray(fc.tuple(fc.constantFrom('x', 'y'), leaf), { selector: ([key]) => key })
    .map(entries => new Map(entries)),
)
const attributes = fc
  .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'ab', 'd.e'), value), {
    selector: ([key]) => key,
  })
  .map(entries => new Map<string, Value>(entries))

test('every map editor gives the same map key by key as on the whole', () => {
  fc.assert(
    fc.property(attributes, map => {
      for (const statement of STATEMENTS) {
        assert.deepEqual(run(statement, map, true).value, run(statement, map).value, statement)
      }
    }),
    { numRuns: 300 },
  )
})

test('writes only the keys that change', () => {
  const map = new Map<string, Value>([
    ['a', 'aaaa'],
    ['b', 1n],
    ['c', 'c'],
  ])
  const touched = (statement: string): string[] => run(statement, map, true).touched
  assert.deepEqual(touched('truncate_all(attributes, 3)'), ['a'])
  assert.deepEqual(touched('delete_key(attributes, "nope")'), [])
  assert.deepEqual(touched('keep_keys(attributes, ["a", "c"])'), ['b'])
  assert.deepEqual(touched('replace_all_patterns(attributes, "value", "^a", "x")'), ['a'])
  assert.deepEqual(touched('replace_all_patterns(attributes, "key", "^z", "x")'), [])
  assert.deepEqual(touched('stringify_all(attributes)'), ['b'])
  assert.deepEqual(touched('limit(attributes, 3, [])'), [])
})

test('globs: characters, ranges, alternatives and escapes', () => {
  for (const [glob, text, isMatch] of [
    ['*', '', true],
    ['/user/*/x', '/user/a/b/x', true],
    ['a?c', 'a😀c', true],
    ['a?c', 'ac', false],
    ['[!a-c]', 'd', true],
    ['[a-c]', 'd', false],
    ['[abc]x', 'bx', true],
    ['{get,po*} /', 'post /', true],
    ['{a,{b,c}d}', 'cd', true],
    ['a,b', 'a,b', true],
    ['a}b', 'a}b', true],
    ['{a', 'a', true],
    ['\\\\*', '*', true],
    ['\\\\*', 'x', false],
    ['a.c', 'abc', false],
  ] as const) {
    const { value } = run(`replace_match(attributes, "${glob}", "yes")`, text)
    assert.equal(value === 'yes', isMatch, `${glob} against ${text}`)
  }
  for (const glob of ['[', '[]', '[!]', '[c-a]', '[a-cx]', '[a-']) {
    assert.throws(() => run(`replace_match(attributes, "${glob}", "")`, ''), { name: 'RuleError' })
  }
})

test('append takes no maps, and delete_index stays inside the list', () => {
  assert.deepEqual(run('append(attributes, [1, nil])', 'a').value, ['a', [1n, null]])
  assert.throws(() => run('append(attributes, {"a": 1})', null), EvaluationError)
  assert.deepEqual(run('delete_index(attributes, 1, 3)', [1n, 2n, 3n]).value, [1n])
  assert.deepEqual(run('delete_index(attributes, 0, 0)', []).value, [])
  for (const range of ['3', '-1', '1, 5', '2, 1']) {
    assert.throws(() => run(`delete_index(attributes, ${range})`, [1n, 2n, 3n]), EvaluationError)
  }
})

test('what Reduce gathers is bounded', () => {
  const list = `[${'1, '.repeat(40)}1]`
  const doubling = `set(attributes, Reduce(${list}, 1, (acc, _, v) => [acc, acc]))`
  assert.throws(() => run(doubling, null), EvaluationError)
})
