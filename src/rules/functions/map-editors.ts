/** Editors of maps that need no regular expression; attributes are changed key by key, the others stay as they are. */
import { asString } from '../as-string.ts'
import { areConstant } from '../constant.ts'
import { defineFunction, type FunctionSpec, type Getter, type Target } from '../function.ts'
import type { Value, ValueMap } from '../value.ts'
import { flattenMap } from './flatten.ts'
import { changeValues, removeKeys } from './map-editing.ts'
import { truncateText } from './truncate.ts'

const TARGET = { name: 'Target', type: 'mapTarget' } as const

export const mapEditors: readonly FunctionSpec[] = [
  defineFunction({
    name: 'delete_key',
    kind: 'editor',
    params: [TARGET, { name: 'Key', type: 'string' }],
    summary: 'Removes a key from a map.',
    example: {
      before: '{"token": "x", "user": "u"}',
      expr: 'delete_key(attributes, "token")',
      result: '{"user": "u"}',
    },
    make([target, key]: readonly [Target, Getter]) {
      const { keyed } = target
      if (keyed !== undefined) {
        return scope => {
          keyed.deleteKey(scope, key(scope) as string)
          return null
        }
      }
      return scope => {
        const before = target.get(scope) as ValueMap
        const name = key(scope) as string
        if (!before.has(name)) return null
        const after = new Map(before)
        after.delete(name)
        target.set(scope, after)
        return null
      }
    },
  }),
  defineFunction({
    name: 'keep_keys',
    kind: 'editor',
    params: [TARGET, { name: 'Keys', type: 'string', list: true }],
    summary: 'Removes all keys of a map but these.',
    example: {
      before: '{"token": "x", "user": "u"}',
      expr: 'keep_keys(attributes, ["user"])',
      result: '{"user": "u"}',
    },
    make([target, keys]: readonly [Target, readonly Getter[]]) {
      const known = areConstant(keys) ? new Set(keys.map(key => key(undefined))) : null
      return scope => {
        const kept = known ?? new Set(keys.map(key => key(scope)))
        removeKeys(target, scope, key => kept.has(key))
        return null
      }
    },
  }),
  defineFunction({
    name: 'limit',
    kind: 'editor',
    params: [
      TARGET,
      { name: 'Limit', type: 'literalInt' },
      { name: 'PriorityKeys', type: 'literalString', list: true },
    ],
    summary: 'Keeps at most so many keys of a map: the priority keys, then the first ones.',
    example: {
      before: '{"a": 1, "b": 2, "service": "s"}',
      expr: 'limit(attributes, 2, ["service"])',
      result: '{"a": 1, "service": "s"}',
    },
    make([target, limit, priorityKeys]: readonly [Target, bigint, readonly string[]]) {
      return limiter(target, limit, priorityKeys)
    },
  }),
  defineFunction({
    name: 'merge_maps',
    kind: 'editor',
    params: [TARGET, { name: 'Source', type: 'map' }, { name: 'Strategy', type: 'literalString' }],
    summary:
      'Puts the entries of a map into another: insert (new keys), update (keys that are there) or upsert (both).',
    example: {
      before: '{"a": 1}',
      expr: 'merge_maps(attributes, {"a": 2, "b": 3}, "insert")',
      result: '{"a": 1, "b": 3}',
    },
    make([target, source, strategy]: readonly [Target, Getter, string]) {
      return merger(target, source, strategy)
    },
  }),
  defineFunction({
    name: 'flatten',
    kind: 'editor',
    params: [
      TARGET,
      { name: 'Prefix', type: 'literalString', optional: true },
      { name: 'Depth', type: 'literalInt', optional: true },
      { name: 'ResolveConflicts', type: 'literalBool', optional: true },
    ],
    summary: 'Lifts the entries of nested maps and lists to the top, with dotted keys.',
    example: {
      before: '{"http": {"method": "GET", "codes": [200, 204]}}',
      expr: 'flatten(attributes)',
      result: '{"http.method": "GET", "http.codes.0": 200, "http.codes.1": 204}',
    },
    make([target, prefix, depth, resolvesConflicts]: readonly [
      Target,
      string?,
      bigint?,
      boolean?,
    ]) {
      if (depth !== undefined && depth < 1n) throw new Error('Depth must be greater than 0')
      const options = {
        prefix: prefix ?? '',
        maxDepth: depth === undefined ? Number.POSITIVE_INFINITY : Number(depth),
        resolvesConflicts: resolvesConflicts ?? false,
      }
      return scope => {
        target.set(scope, flattenMap(target.get(scope) as ValueMap, options))
        return null
      }
    },
  }),
  defineFunction({
    name: 'stringify_all',
    kind: 'editor',
    params: [TARGET],
    summary: 'Turns every value of a map into text.',
    example: {
      before: '{"a": 1, "b": [true]}',
      expr: 'stringify_all(attributes)',
      result: '{"a": "1", "b": "[true]"}',
    },
    make([target]: readonly [Target]) {
      return scope => {
        changeValues(target, scope, value =>
          typeof value === 'string' ? undefined : asString(value),
        )
        return null
      }
    },
  }),
  defineFunction({
    name: 'truncate_all',
    kind: 'editor',
    params: [
      TARGET,
      { name: 'Limit', type: 'literalInt' },
      { name: 'Utf8Safe', type: 'literalBool', optional: true },
      { name: 'TruncationMarker', type: 'literalString', optional: true },
    ],
    summary:
      'Cuts text values of a map to so many bytes, the marker included; never inside a character.',
    example: {
      before: '{"query": "select 1", "n": 1}',
      expr: 'truncate_all(attributes, 7, truncation_marker = "…")',
      result: '{"query": "sele…", "n": 1}',
    },
    make([target, limit, , marker = '']: readonly [Target, bigint, boolean?, string?]) {
      if (limit < 0n) throw new Error(`Limit ${limit} cannot be negative`)
      const markerBytes = Buffer.byteLength(marker)
      if (BigInt(markerBytes) > limit) throw new Error('the marker is longer than Limit')
      const maxBytes = Number(limit)
      return scope => {
        changeValues(target, scope, value =>
          typeof value === 'string' ? truncateText(value, maxBytes, marker) : undefined,
        )
        return null
      }
    },
  }),
]

function limiter(target: Target, limit: bigint, priorityKeys: readonly string[]): Getter {
  if (limit < BigInt(priorityKeys.length)) {
    throw new Error(`Limit ${limit} cannot be less than the ${priorityKeys.length} PriorityKeys`)
  }
  const isPriority = new Set(priorityKeys)
  const most = Number(limit)
  return scope => {
    const { keyed } = target
    const keys =
      keyed === undefined ? [...(target.get(scope) as ValueMap).keys()] : keyed.keys(scope)
    if (keys.length <= most) return null
    let count = 0
    const present = new Set(keys)
    for (const key of priorityKeys) if (present.has(key)) count++
    removeKeys(target, scope, key => isPriority.has(key) || count++ < most)
    return null
  }
}

const STRATEGIES = ['insert', 'update', 'upsert']

function merger(target: Target, source: Getter, strategy: string): Getter {
  if (!STRATEGIES.includes(strategy)) {
    throw new Error(`Strategy must be one of ${STRATEGIES.join(', ')}`)
  }
  const { keyed } = target
  const takes = (exists: boolean): boolean =>
    strategy === 'upsert' || exists === (strategy === 'update')
  if (keyed !== undefined) {
    return scope => {
      for (const [key, value] of source(scope) as ValueMap) {
        if (takes(keyed.has(scope, key))) keyed.setKey(scope, key, value)
      }
      return null
    }
  }
  return scope => {
    const after = new Map<string, Value>(target.get(scope) as ValueMap)
    for (const [key, value] of source(scope) as ValueMap) {
      if (takes(after.has(key))) after.set(key, value)
    }
    target.set(scope, after)
    return null
  }
}
