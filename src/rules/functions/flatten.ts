/** Lifts nested maps and lists to one level, as the reference's flatten does. */
import { EvaluationError, type Value, type ValueMap } from '../value.ts'

/** Most keys that flattening gives. */
export const MAX_FLATTENED_KEYS = 100_000

export interface FlattenOptions {
  readonly prefix: string
  /** How many levels are lifted. */
  readonly maxDepth: number
  /** A key that is taken gets a number; without it the later value wins. */
  readonly resolvesConflicts: boolean
}

interface Flattening extends FlattenOptions {
  readonly result: Map<string, Value>
  readonly conflicts: Map<string, number>
}

export function flattenMap(map: ValueMap, options: FlattenOptions): ValueMap {
  const work = {
    ...options,
    result: new Map<string, Value>(),
    conflicts: new Map<string, number>(),
  }
  addMap(work, map, options.prefix, 0)
  return work.result
}

function addMap(work: Flattening, map: ValueMap, prefix: string, depth: number): void {
  const start = prefix === '' ? '' : `${prefix}.`
  for (const [key, value] of map) addValue(work, start + key, value, depth)
}

function addValue(work: Flattening, key: string, value: Value, depth: number): void {
  if (depth >= work.maxDepth) put(work, key, value)
  else if (value instanceof Map) addMap(work, value, key, depth + 1)
  else if (Array.isArray(value)) addList(work, key, value, depth)
  else put(work, key, value)
}

/** With conflicts resolved, plain items of a list take the list's own key, numbered only as conflicts. */
function addList(work: Flattening, key: string, list: readonly Value[], depth: number): void {
  const isDeep = depth + 1 < work.maxDepth
  for (const [i, item] of list.entries()) {
    if (isDeep && item instanceof Map) addMap(work, item, `${key}.${i}`, depth + 2)
    // The reference puts no dot between a list's number and the number of an item inside.
    else if (isDeep && Array.isArray(item)) addNested(work, `${key}.${i}`, item, depth + 2)
    else put(work, work.resolvesConflicts ? key : `${key}.${i}`, item)
  }
}

function addNested(work: Flattening, key: string, list: readonly Value[], depth: number): void {
  for (const [i, item] of list.entries()) addValue(work, `${key}${i}`, item, depth + 1)
}

function put(
  { result, conflicts, resolvesConflicts }: Flattening,
  key: string,
  value: Value,
): void {
  if (result.size >= MAX_FLATTENED_KEYS) {
    throw new EvaluationError(`a map cannot be flattened to more than ${MAX_FLATTENED_KEYS} keys`)
  }
  if (!resolvesConflicts || !result.has(key)) {
    if (resolvesConflicts) conflicts.set(key, 0)
    result.set(key, value)
    return
  }
  const number = conflicts.get(key) ?? 0
  conflicts.set(key, number + 1)
  result.set(`${key}.${number}`, value)
}
