/** Getters that build a value from others: lists, maps, indexed values. */
import { areConstant, constantGetter } from './constant.ts'
import type { ResolvedPath } from './context.ts'
import type { Getter, Target } from './function.ts'
import { indexValue } from './index-value.ts'
import { findUnstorable, isUnstorable } from './storable.ts'
import { EvaluationError, typeName, type Value } from './value.ts'

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
  const wrong = Array.isArray(value)
    ? findUnstorable(value)
    : isUnstorable(value)
      ? value
      : undefined
  if (wrong !== undefined) throw new EvaluationError(`a map cannot hold a ${typeName(wrong)}`)
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
