/** Every function's example, which docs/ottl.md shows, gives the result that stands beside it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileStatement, compileValue } from '../../../src/rules/compile.ts'
import type { ContextSpec } from '../../../src/rules/context.ts'
import type { FunctionSpec, KeyedTarget, Target } from '../../../src/rules/function.ts'
import { standardFunctions } from '../../../src/rules/functions/index.ts'
import type { Value, ValueMap } from '../../../src/rules/value.ts'
import { printExample } from './print-example.ts'

interface Cell {
  value: Value
}

function cellTarget(cell: Cell, key?: string): Target {
  const map = () => cell.value as ValueMap
  if (key !== undefined) {
    return {
      get: () => map().get(key) ?? null,
      set: (_, value) => {
        cell.value = new Map([...map(), [key, value]])
      },
    }
  }
  const keyed: KeyedTarget = {
    has: (_, name) => map().has(name),
    getKey: (_, name) => map().get(name),
    setKey: (_, name, value) => {
      cell.value = new Map([...map(), [name, value]])
    },
    deleteKey: (_, name) => {
      cell.value = new Map([...map()].filter(([each]) => each !== name))
    },
    keys: () => [...map().keys()],
  }
  const set: Target['set'] = (_, value) => {
    cell.value = value
  }
  return { get: () => cell.value, set, keyed }
}

function exampleContext(attributes: Cell): ContextSpec {
  return {
    name: 'log',
    resolve: ([{ name, keys }]) => {
      if (name !== 'attributes') return undefined
      const [key] = keys
      return cellTarget(attributes, key?.kind === 'string' ? key.value : undefined)
    },
    paths: ['attributes'],
    enums: new Map(),
    functions: [],
  }
}

function resultOf({ kind, example }: FunctionSpec): string {
  const attributes: Cell = { value: new Map() }
  const options = { context: exampleContext(attributes), functions: standardFunctions }
  if (example.before !== undefined)
    attributes.value = compileValue(example.before, options).get(null)
  if (kind === 'converter') return printExample(compileValue(example.expr, options).get(null))
  compileStatement(example.expr, options).run(null)
  return printExample(attributes.value)
}

for (const spec of standardFunctions) {
  test(`the example of ${spec.name} gives what it says`, () => {
    const result = resultOf(spec)
    const isVarying = /^<.*>$/.test(spec.example.result)
    if (!isVarying) assert.equal(result, spec.example.result)
  })
}

test('names are unique, and summaries are one line that ends in a full stop', () => {
  const names = standardFunctions.map(spec => spec.name)
  assert.equal(new Set(names).size, names.length)
  for (const { name, summary } of standardFunctions) {
    assert.match(summary, /^[^\n]{10,160}\.$/, name)
  }
})
