/** A context whose paths are the entries of a map: for tests of the language that are not about telemetry. */
import type { ContextSpec, PathKey, PathSegment, ResolvedPath } from '../../../src/rules/context.ts'
import type { KeyedTarget } from '../../../src/rules/function.ts'
import { indexValue } from '../../../src/rules/index-value.ts'
import { EvaluationError, isMap, type Value, type ValueMap } from '../../../src/rules/value.ts'

/** Mutable; the values in it are not. */
export type MemoryScope = Map<string, Value>

/** Path and the kind of what it holds; `any` may hold all. */
export const MEMORY_PATHS: Readonly<Record<string, string>> = {
  text: 'string',
  count: 'int',
  ratio: 'float',
  flag: 'bool',
  data: 'bytes',
  start: 'time',
  took: 'duration',
  trace_id: 'id',
  span_id: 'id',
  body: 'any',
  list: 'list',
  attributes: 'map',
}

const KEYED = new Set(['body', 'list', 'attributes'])

export const memoryContext: ContextSpec = {
  name: 'span',
  resolve,
  paths: Object.keys(MEMORY_PATHS),
  enums: new Map([
    ['ONE', 1n],
    ['SPAN_KIND_SERVER', 2n],
  ]),
  functions: [],
}

function resolve(segments: readonly PathSegment[]): ResolvedPath | undefined {
  const [{ name, keys }, ...rest] = segments
  if (!(name in MEMORY_PATHS) || rest.length > 0) return undefined
  if (keys.length === 0) return whole(name)
  if (!KEYED.has(name)) return undefined
  return {
    get: scope => keys.reduce((value, key) => at(value, keyOf(key, scope)), read(scope, name)),
    set: (scope, value) => write(scope, name, put(read(scope, name), keys, scope, value)),
  }
}

function whole(name: string): ResolvedPath {
  const map = (scope: unknown): ValueMap => {
    const value = read(scope, name)
    if (isMap(value)) return value
    throw new EvaluationError(`${name} is no map`)
  }
  const keyed: KeyedTarget = {
    has: (scope, key) => map(scope).has(key),
    getKey: (scope, key) => map(scope).get(key),
    setKey: (scope, key, value) => write(scope, name, new Map([...map(scope), [key, value]])),
    deleteKey: (scope, key) =>
      write(scope, name, new Map([...map(scope)].filter(([each]) => each !== key))),
    keys: scope => [...map(scope).keys()],
  }
  const path = {
    get: (scope: unknown) => read(scope, name),
    set: (scope: unknown, value: Value) => write(scope, name, value),
  }
  return name === 'attributes' ? { ...path, keyed } : path
}

function read(scope: unknown, name: string): Value {
  return (scope as MemoryScope).get(name) ?? null
}

/** Attributes stay a map whatever is put there. */
function write(scope: unknown, name: string, value: Value): void {
  if (name === 'attributes' && !isMap(value)) throw new EvaluationError('attributes are a map')
  ;(scope as MemoryScope).set(name, value)
}

function keyOf(key: PathKey, scope: unknown): Value {
  return key.kind === 'expression' ? key.get(scope) : key.value
}

/** A missing entry is nil, as in attributes. */
function at(value: Value, key: Value): Value {
  if (value === null) return null
  if (isMap(value) && typeof key === 'string') return value.get(key) ?? null
  return indexValue(value, key)
}

function put(value: Value, keys: readonly PathKey[], scope: unknown, leaf: Value): Value {
  if (keys.length === 0) return leaf
  const [first, ...rest] = keys
  const key = keyOf(first, scope)
  if (isMap(value) && typeof key === 'string') {
    return new Map([...value, [key, put(value.get(key) ?? null, rest, scope, leaf)]])
  }
  const inner = put(indexValue(value, key), rest, scope, leaf)
  return (value as readonly Value[]).map((item, i) => (BigInt(i) === key ? inner : item))
}
