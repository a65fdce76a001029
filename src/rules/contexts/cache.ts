/** `cache`: a map of the rules' own, empty whenever the cursor comes to something. */
import type { PathKey, ResolvedPath } from '../context.ts'
import type { KeyedTarget } from '../function.ts'
import { EvaluationError, typeName, type Value, type ValueMap } from '../value.ts'
import type { Cursor } from './cursor.ts'
import type { PathMaker } from './paths.ts'
import { storable, textKey, valueIn, withValueIn } from './values.ts'

/** Entries that a cache may have. */
export const MAX_ENTRIES = 10_000

const EMPTY: ValueMap = new Map()

function cacheOf(scope: unknown): ValueMap {
  return (scope as Cursor).cache ?? EMPTY
}

/** Values are immutable, and the map is one that a rule may have put somewhere: it is changed as a copy. */
function putKey(scope: unknown, key: string, value: Value): void {
  const cache = new Map(cacheOf(scope))
  if (cache.size >= MAX_ENTRIES && !cache.has(key)) throw new EvaluationError('the cache is full')
  ;(scope as Cursor).cache = cache.set(key, value)
}

const ENTRIES: KeyedTarget = {
  has: (scope, key) => cacheOf(scope).has(key),
  getKey: (scope, key) => cacheOf(scope).get(key),
  setKey: (scope, key, value) => putKey(scope, key, storable(value, null)),
  deleteKey: (scope, key) => {
    const cache = new Map(cacheOf(scope))
    if (cache.delete(key)) (scope as Cursor).cache = cache
  },
  keys: scope => [...cacheOf(scope).keys()],
}

const WHOLE: ResolvedPath = {
  get: cacheOf,
  set: (scope, value) => {
    if (value !== null && !(value instanceof Map)) {
      const type = typeName(value)
      throw new EvaluationError(`unsupported type provided for setting a pcommon.Map: ${type}`)
    }
    ;(scope as Cursor).cache = value as ValueMap | null
  },
  keyed: ENTRIES,
}

export const cachePath: PathMaker = keys => (keys.length === 0 ? WHOLE : cacheKey(keys))

function cacheKey(keys: readonly PathKey[]): ResolvedPath {
  const [first] = keys
  return {
    get: scope => {
      const value = cacheOf(scope).get(textKey(first, scope))
      return value === undefined ? null : valueIn(value, keys, 1, scope)
    },
    set: (scope, value) => {
      const key = textKey(first, scope)
      const before = cacheOf(scope).get(key) ?? null
      putKey(scope, key, withValueIn(before, keys, 1, scope, value))
    },
  }
}
