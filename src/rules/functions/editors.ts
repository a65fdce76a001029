/** Editors of one value and of lists: set, append, delete_index. */
import { defineFunction, type FunctionSpec, type Getter, type Target } from '../function.ts'
import { EvaluationError, typeName, type Value } from '../value.ts'
import { checkStorable } from './storable.ts'

/** Longest list that append makes. */
export const MAX_APPENDED_LENGTH = 100_000

export const valueEditors: readonly FunctionSpec[] = [
  defineFunction({
    name: 'set',
    kind: 'editor',
    params: [
      { name: 'Target', type: 'target' },
      { name: 'Value', type: 'any' },
    ],
    summary: 'Writes a value to a path; nil leaves the path as it is.',
    example: { expr: 'set(attributes["team"], "core")', result: '{"team": "core"}' },
    make([target, value]: readonly [Target, Getter]) {
      return scope => {
        const given = value(scope)
        if (given !== null) target.set(scope, given)
        return null
      }
    },
  }),
  defineFunction({
    name: 'append',
    kind: 'editor',
    params: [
      { name: 'Target', type: 'target' },
      { name: 'Value', type: 'any', optional: true },
      { name: 'Values', type: 'any', list: true, optional: true },
    ],
    summary:
      'Adds values at the end of a list; a single value becomes a list first, nil an empty one.',
    example: {
      before: '{"tags": "eu"}',
      expr: 'append(attributes["tags"], "prod")',
      result: '{"tags": ["eu", "prod"]}',
    },
    make([target, value, values]: readonly [Target, Getter?, (readonly Getter[])?]) {
      if (value === undefined && values === undefined) {
        throw new Error("at least one of 'value' and 'values' must be given")
      }
      const added = [...(value === undefined ? [] : [value]), ...(values ?? [])]
      return scope => {
        const items = startOf(target.get(scope))
        for (const each of added) {
          const item = each(scope)
          checkStorable(item)
          items.push(item)
        }
        if (items.length > MAX_APPENDED_LENGTH) {
          throw new EvaluationError(`a list cannot grow beyond ${MAX_APPENDED_LENGTH} values`)
        }
        target.set(scope, items)
        return null
      }
    },
  }),
  defineFunction({
    name: 'delete_index',
    kind: 'editor',
    params: [
      { name: 'Target', type: 'target' },
      { name: 'StartIndex', type: 'int' },
      { name: 'EndIndex', type: 'int', optional: true },
    ],
    summary:
      'Removes the values from the start index up to, not including, the end index; one value without it.',
    example: {
      before: '{"tags": ["a", "b", "c"]}',
      expr: 'delete_index(attributes["tags"], 0, 2)',
      result: '{"tags": ["c"]}',
    },
    make([target, startIndex, endIndex]: readonly [Target, Getter, Getter?]) {
      return scope => {
        const list = target.get(scope)
        if (!Array.isArray(list)) {
          throw new EvaluationError(`expected pcommon.Slice but got ${typeName(list)}`)
        }
        const start = startIndex(scope) as bigint
        const end = endIndex === undefined ? start + 1n : (endIndex(scope) as bigint)
        const length = BigInt(list.length)
        if (start !== 0n || end !== length) checkRange(start, end, length)
        target.set(scope, [...list.slice(0, Number(start)), ...list.slice(Number(end))])
        return null
      }
    },
  }),
]

function startOf(value: Value): Value[] {
  if (value === null) return []
  if (Array.isArray(value)) return value.slice()
  checkStorable(value)
  return [value]
}

function checkRange(start: bigint, end: bigint, length: bigint): void {
  if (start < 0n || start >= length) {
    throw new EvaluationError(`startIndex ${start} out of bounds for slice of length ${length}`)
  }
  if (end < start) {
    throw new EvaluationError(`endIndex ${end} cannot be less than startIndex ${start}`)
  }
  if (end > length) {
    throw new EvaluationError(
      `deletion range [${start}:${end}] out of bounds for slice of length ${length}`,
    )
  }
}
