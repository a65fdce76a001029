/** Converters of maps and lists. */
import { asString } from '../as-string.ts'
import { compare, compareText } from '../compare.ts'
import { constantOf } from '../constant.ts'
import { defineFunction, type FunctionSpec, type Getter } from '../function.ts'
import { EvaluationError, typeName, type Value, type ValueMap } from '../value.ts'
import { checkStorable } from './storable.ts'

export const collectionFunctions: readonly FunctionSpec[] = [
  defineFunction({
    name: 'Keys',
    kind: 'converter',
    params: [{ name: 'Target', type: 'map' }],
    summary: 'The keys of a map, as a list.',
    example: { expr: 'Keys({"a": 1, "b": 2})', result: '["a", "b"]' },
    make:
      ([target]: readonly Getter[]) =>
      scope => [...(target(scope) as ValueMap).keys()],
  }),
  defineFunction({
    name: 'Values',
    kind: 'converter',
    params: [{ name: 'Target', type: 'map' }],
    summary: 'The values of a map, as a list.',
    example: { expr: 'Values({"a": 1, "b": 2})', result: '[1, 2]' },
    make:
      ([target]: readonly Getter[]) =>
      scope => [...(target(scope) as ValueMap).values()],
  }),
  defineFunction({
    name: 'ContainsValue',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'list' },
      { name: 'Item', type: 'any' },
    ],
    summary: 'Whether a list holds a value equal to the given one.',
    example: { expr: 'ContainsValue(["a", "b"], "b")', result: 'true' },
    make([target, item]: readonly Getter[]) {
      return scope => {
        const list = target(scope) as readonly Value[]
        const wanted = item(scope)
        for (const each of list) if (compare(each, '==', wanted)) return true
        return false
      }
    },
  }),
  defineFunction({
    name: 'Sort',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'any' },
      { name: 'Order', type: 'literalString', optional: true },
    ],
    summary:
      'A list sorted, "asc" (without it) or "desc"; numbers by value, mixed lists by their texts.',
    example: { expr: 'Sort([3, 1, 2], "desc")', result: '[3, 2, 1]' },
    make([target, order = 'asc']: readonly [Getter, string?]) {
      if (order !== 'asc' && order !== 'desc') throw new Error('Order must be "asc" or "desc"')
      const isLiteral = constantOf(target) !== undefined
      return scope => {
        const list = target(scope)
        // The reference takes maps in lists of the telemetry (unsorted), but not in list literals.
        if (isLiteral) checkStorable(list)
        if (Array.isArray(list)) return sorted(list, order === 'desc')
        throw new EvaluationError(`cannot sort a ${typeName(list)}`)
      }
    },
  }),
  defineFunction({
    name: 'SliceToMap',
    kind: 'converter',
    params: [
      { name: 'Target', type: 'list' },
      { name: 'KeyPath', type: 'literalString', list: true, optional: true },
      { name: 'ValuePath', type: 'literalString', list: true, optional: true },
    ],
    summary:
      'A map of the items of a list, by their position or by what stands at a path inside of each.',
    example: {
      expr: 'SliceToMap([{"name": "a", "port": 80}], ["name"], ["port"])',
      result: '{"a": 80}',
    },
    make([target, keyPath, valuePath]: readonly [
      Getter,
      (readonly string[])?,
      (readonly string[])?,
    ]) {
      return scope => {
        const map = new Map<string, Value>()
        for (const [i, item] of (target(scope) as readonly Value[]).entries()) {
          const key = keyPath === undefined ? String(i) : extract(item, keyPath)
          const value = valuePath === undefined ? item : extract(item, valuePath)
          if (typeof key !== 'string') {
            throw new EvaluationError(`the key of element ${i} is not a string: ${typeName(key)}`)
          }
          map.set(key, value)
        }
        return map
      }
    },
  }),
  defineFunction({
    name: 'Coalesce',
    kind: 'converter',
    params: [{ name: 'Values', type: 'any', list: true }],
    summary: 'The first of the values that is not nil.',
    example: { expr: 'Coalesce([nil, "b", "c"])', result: '"b"' },
    make([values]: readonly [readonly Getter[]]) {
      if (values.length === 0) throw new Error('Values must not be empty')
      return scope => {
        for (const get of values) {
          const value = get(scope)
          if (value !== null) return value
        }
        return null
      }
    },
  }),
]

function extract(item: Value, path: readonly string[]): Value {
  if (!(item instanceof Map)) {
    throw new EvaluationError(`elements must be maps when a path is given, not ${typeName(item)}`)
  }
  if (path.length === 0) throw new EvaluationError('must provide at least one path item')
  let value: Value = item
  for (const name of path) {
    const found: Value | undefined = value instanceof Map ? value.get(name) : undefined
    if (found === undefined) {
      throw new EvaluationError(`the provided object does not contain the path ${path.join('.')}`)
    }
    value = found
  }
  return value
}

/** Lists with a map, a list or bytes in them stay as they are. */
function sorted(list: readonly Value[], isDescending: boolean): readonly Value[] {
  const order = orderOf(list)
  if (order === null) return list
  const direction = isDescending ? -1 : 1
  return list.toSorted((a, b) => direction * order(a, b))
}

type Order = (a: Value, b: Value) => number

function orderOf(list: readonly Value[]): Order | null {
  let hasText = false
  let hasFloat = false
  for (const item of list) {
    if (typeof item === 'number') hasFloat = true
    else if (item === null || typeof item === 'string' || typeof item === 'boolean') hasText = true
    else if (typeof item !== 'bigint') return null
  }
  if (hasText) return (a, b) => compareText(asString(a), asString(b))
  if (hasFloat) return (a, b) => compareNumbers(Number(a), Number(b))
  return (a, b) => ((a as bigint) < (b as bigint) ? -1 : (a as bigint) > (b as bigint) ? 1 : 0)
}

/** NaN before all others. */
function compareNumbers(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
  return a < b ? -1 : a > b ? 1 : 0
}
