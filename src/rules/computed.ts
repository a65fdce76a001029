/** Getters that build a value from others: lists, maps, indexed values. */
import { areConstant, constantGetter } from './constant.ts'
import type { ResolvedPath } from './context.ts'
import type { Getter, Target } from './function.ts'
import { indexValue } from './index-value.ts'
import {
  Duration,
  EvaluationError,
  Id,
  OtlpList,
  OtlpMessage,
  Time,
  typeName,
  type Value,
} from './value.ts'

export function listGetter(items: readonly Getter[]): Getter {
  const get: Getter = scope => {
    const list = new Array<Value>(items.length)
    for (let i = 0; i < items.length; i++) list[i] = items[i](scope)
    return list
  }
  return areConstant(items) ? constantGetter(get(undefined)) : get
}

export function mapGetter(keys: readonly string[], items: readonly Getter[]): Getter {
  const get: Getter = scope => {
    const map = new Map<string, Value>()
    for (let i = 0; i < keys.length; i++) {
      const value = items[i](scope)
      checkMapValue(value)
      map.set(keys[i], value)
    }
    return map
  }
  return areConstant(items) ? constantGetter(get(undefined)) : get
}

/** A map holds what attributes can hold, in lists too. */
function checkMapValue(value: Value): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) checkMapValue(item)
    return
  }
  const isRefused =
    value instanceof Id ||
    value instanceof Time ||
    value instanceof Duration ||
    value instanceof OtlpMessage ||
    value instanceof OtlpList
  if (isRefused) throw new EvaluationError(`a map cannot hold a ${typeName(value)}`)
}

export function indexedGetter(get: Getter, keys: readonly Getter[]): Getter {
  return keys.reduce((inner, key) => scope => indexValue(inner(scope), key(scope)), get)
}

/** Reading it gives a map or throws. */
export function mapTarget(path: ResolvedPath): Target {
  const get: Getter = scope => {
    const value = path.get(scope)
    if (value instanceof Map) return value
    throw new EvaluationError(`expected pcommon.Map but got ${typeName(value)}`)
  }
  return { get, set: path.set, keyed: path.keyed }
}
