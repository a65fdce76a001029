/** Converters that take a lambda: a list's items are given as (index, value), a map's as (key, value). */
import {
  defineFunction,
  type FunctionSpec,
  type Getter,
  type Lambda,
  type Param,
} from '../function.ts'
import { findUnstorable } from '../storable.ts'
import { EvaluationError, typeName, type Value, type ValueMap } from '../value.ts'

const SOURCE: Param = { name: 'Source', type: 'any' }
const PREDICATE: Param = { name: 'Predicate', type: 'lambda' }

type SourceAndLambda = readonly [Getter, Lambda]

export const lambdaFunctions: readonly FunctionSpec[] = [
  defineFunction({
    name: 'All',
    kind: 'converter',
    params: [SOURCE, PREDICATE],
    summary: 'Whether the lambda holds for every item.',
    example: { expr: 'All([1, 2], (_, v) => v > 0)', result: 'true' },
    make([source, predicate]: SourceAndLambda) {
      const holds = predicateOf(predicate)
      return scope => {
        for (const [key, value] of entriesOf(source(scope))) {
          if (!holds(scope, key, value)) return false
        }
        return true
      }
    },
  }),
  defineFunction({
    name: 'Any',
    kind: 'converter',
    params: [SOURCE, PREDICATE],
    summary: 'Whether the lambda holds for an item.',
    example: { expr: 'Any([1, 2], (_, v) => v > 1)', result: 'true' },
    make([source, predicate]: SourceAndLambda) {
      const holds = predicateOf(predicate)
      return scope => {
        for (const [key, value] of entriesOf(source(scope))) {
          if (holds(scope, key, value)) return true
        }
        return false
      }
    },
  }),
  defineFunction({
    name: 'Filter',
    kind: 'converter',
    params: [SOURCE, PREDICATE],
    summary: 'The items for which the lambda holds.',
    example: { expr: 'Filter({"a": 1, "b": 2}, (k, _) => k != "a")', result: '{"b": 2}' },
    make([source, predicate]: SourceAndLambda) {
      const holds = predicateOf(predicate)
      return scope => {
        const from = source(scope)
        const kept = entriesOf(from).filter(([key, value]) => holds(scope, key, value))
        return from instanceof Map ? mapOf(kept) : kept.map(([, value]) => value)
      }
    },
  }),
  defineFunction({
    name: 'Find',
    kind: 'converter',
    params: [SOURCE, PREDICATE, { name: 'Mapper', type: 'lambda', optional: true }],
    summary:
      'The first item for which the lambda holds, or what a second lambda makes of it; nil without one.',
    example: { expr: 'Find([5, 7], (_, v) => v > 5, (i, _) => i)', result: '1' },
    make([source, predicate, mapper]: readonly [Getter, Lambda, Lambda?]) {
      const holds = predicateOf(predicate)
      if (mapper !== undefined) checkParams(mapper, 2)
      return scope => {
        for (const [key, value] of entriesOf(source(scope))) {
          if (!holds(scope, key, value)) continue
          return mapper === undefined ? value : resultOf(mapper, scope, [key, value])
        }
        return null
      }
    },
  }),
  defineFunction({
    name: 'MapEach',
    kind: 'converter',
    params: [SOURCE, { name: 'Mapper', type: 'lambda' }],
    summary: 'The same list or map with what the lambda makes of each value.',
    example: { expr: 'MapEach([1, 2], (_, v) => v * 10)', result: '[10, 20]' },
    make([source, mapper]: SourceAndLambda) {
      checkParams(mapper, 2)
      return scope => {
        const from = source(scope)
        const mapped = entriesOf(from).map(
          ([key, value]): Entry => [key, storable(resultOf(mapper, scope, [key, value]))],
        )
        return from instanceof Map ? mapOf(mapped) : mapped.map(([, value]) => value)
      }
    },
  }),
  defineFunction({
    name: 'MapKeys',
    kind: 'converter',
    params: [
      { name: 'Source', type: 'map' },
      { name: 'KeyMapper', type: 'lambda' },
    ],
    summary: 'The same map with the keys that the lambda gives; the later of two equal ones wins.',
    example: {
      expr: 'MapKeys({"a": 1}, (k, _) => Concat(["x", k], "."))',
      result: '{"x.a": 1}',
    },
    make([source, mapper]: SourceAndLambda) {
      checkParams(mapper, 2)
      return scope => {
        const out = new Map<string, Value>()
        for (const [key, value] of source(scope) as ValueMap) {
          const renamed = mapper.call(scope, [key, value])
          if (typeof renamed !== 'string') throw wrongResult('string', renamed)
          out.set(renamed, value)
        }
        return out
      }
    },
  }),
  defineFunction({
    name: 'Reduce',
    kind: 'converter',
    params: [SOURCE, { name: 'Seed', type: 'any' }, { name: 'Accumulator', type: 'lambda' }],
    summary: 'Goes through the items with (accumulated, key, value); the last result is the value.',
    example: { expr: 'Reduce([1, 2, 3], 0, (acc, _, v) => acc + v)', result: '6' },
    make([source, seed, accumulator]: readonly [Getter, Getter, Lambda]) {
      checkParams(accumulator, 3)
      return scope => {
        const entries = entriesOf(source(scope))
        let result = seed(scope)
        for (const [key, value] of entries) {
          result = resultOf(accumulator, scope, [result, key, value])
          checkSize(result)
        }
        return result
      }
    },
  }),
  defineFunction({
    name: 'When',
    kind: 'converter',
    params: [
      { name: 'Condition', type: 'lambda' },
      { name: 'TrueValue', type: 'any' },
      { name: 'FalseValue', type: 'any' },
    ],
    summary: 'One of two values, as the condition holds or not; the other one is not computed.',
    example: { expr: 'When(() => 1 < 2, "yes", "no")', result: '"yes"' },
    make([condition, trueValue, falseValue]: readonly [Lambda, Getter, Getter]) {
      checkParams(condition, 0)
      return scope => {
        const holds = condition.call(scope, [])
        if (typeof holds !== 'boolean') throw wrongResult('bool', holds)
        return holds ? trueValue(scope) : falseValue(scope)
      }
    },
  }),
]

/** Most values inside of what Reduce gathers: each step could double it. */
export const MAX_GATHERED_VALUES = 100_000

function checkSize(value: Value): void {
  if (countValues(value, 0) <= MAX_GATHERED_VALUES) return
  throw new EvaluationError(`Reduce cannot gather more than ${MAX_GATHERED_VALUES} values`)
}

function countValues(value: Value, before: number): number {
  let count = before + 1
  if (value instanceof Map || Array.isArray(value)) {
    for (const item of value.values()) {
      if (count > MAX_GATHERED_VALUES) break
      count = countValues(item, count)
    }
  }
  return count
}

type Entry = readonly [string | bigint, Value]

function entriesOf(source: Value): readonly Entry[] {
  if (source instanceof Map) return [...source]
  if (Array.isArray(source)) return storable(source).map((value, i): Entry => [BigInt(i), value])
  throw new EvaluationError(`unsupported type provided: ${typeName(source)}`)
}

function mapOf(entries: readonly Entry[]): ValueMap {
  return new Map(entries as readonly (readonly [string, Value])[])
}

function predicateOf(lambda: Lambda): (scope: unknown, key: Value, value: Value) => boolean {
  checkParams(lambda, 2)
  return (scope, key, value) => {
    const holds = lambda.call(scope, [key, value])
    if (typeof holds === 'boolean') return holds
    throw wrongResult('bool', holds)
  }
}

/** As in the reference a lambda's value is never nil. */
function resultOf(lambda: Lambda, scope: unknown, args: readonly Value[]): Value {
  const result = lambda.call(scope, args)
  if (result === null) throw new EvaluationError('the lambda gave nil')
  return result
}

function storable<T extends Value>(value: T): T {
  const wrong = findUnstorable([value])
  if (wrong === undefined) return value
  throw new EvaluationError(`a list or map cannot hold a ${typeName(wrong)}`)
}

function checkParams({ params }: Lambda, count: number): void {
  if (params.length === count) return
  throw new Error(`the lambda should have ${count} parameters, but has ${params.length}`)
}

function wrongResult(wanted: string, given: Value): EvaluationError {
  return new EvaluationError(`the lambda gave ${typeName(given)} instead of ${wanted}`)
}
