/** Values as attributes and bodies hold them: read from bytes, reached into by keys, and changed as copies. */
import { type AnyValue, readAnyValue } from '../../otlp/any-value.ts'
import {
  readDouble,
  readString,
  readVarint32,
  readVarint64,
  skipVarint,
} from '../../otlp/wire-reader.ts'
import type { PathKey } from '../context.ts'
import {
  Duration,
  EvaluationError,
  Id,
  OtlpList,
  OtlpMessage,
  Time,
  typeName,
  type Value,
} from '../value.ts'

/** Longest list that `x[n]` makes when it fills up to an index. */
const MAX_GROWN_LIST = 10_000

/** Tags of an AnyValue's single values. */
const TEXT_TAG = 0x0a
const BOOL_TAG = 0x10
const INT_TAG = 0x18
const DOUBLE_TAG = 0x21

// hot: bench/micro/rule-contexts.ts
/** Reads an AnyValue; what it gives holds no reference to the bytes. */
export function readValue(bytes: Uint8Array, start: number, end: number): Value {
  if (start === end) return null
  const tag = bytes[start]
  if (tag === TEXT_TAG) {
    const at = skipVarint(bytes, start + 1)
    if (at + readVarint32(bytes, start + 1) === end) return readString(bytes, at, end)
  } else if (tag === INT_TAG) {
    if (skipVarint(bytes, start + 1) === end) return readVarint64(bytes, start + 1)
  } else if (tag === BOOL_TAG) {
    if (start + 2 === end) return bytes[start + 1] !== 0
  } else if (tag === DOUBLE_TAG && start + 9 === end) return readDouble(bytes, start + 1)
  return detach(readAnyValue(bytes, start, end))
}

function detach(value: AnyValue): Value {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (value instanceof Map) {
    for (const [key, item] of value) {
      if (typeof item === 'object' && item !== null) value.set(key, detach(item) as AnyValue)
    }
    return value
  }
  return (value as readonly AnyValue[]).map(detach)
}

/** What a rule may store; `current` is what stands there, for the message. */
export function storable(value: Value, current: Value | undefined): Value {
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Map) {
    for (const item of value.values()) storable(item, current)
    return value
  }
  if (Array.isArray(value)) {
    for (const item of value) storable(item, current)
    return value
  }
  const isOther =
    value instanceof Id ||
    value instanceof Time ||
    value instanceof Duration ||
    value instanceof OtlpMessage ||
    value instanceof OtlpList
  if (!isOther) return value
  throw new EvaluationError(
    `unsupported type ${typeName(value)} for set operation; current value type is ${valueKind(current ?? null)}`,
  )
}

/** The reference's names of value types. */
export function valueKind(value: Value): string {
  if (value === null) return 'Empty'
  if (typeof value === 'string') return 'Str'
  if (typeof value === 'boolean') return 'Bool'
  if (typeof value === 'bigint') return 'Int'
  if (typeof value === 'number') return 'Double'
  if (value instanceof Uint8Array) return 'Bytes'
  return Array.isArray(value) ? 'Slice' : 'Map'
}

/** A key as text; throws EvaluationError when it is none. */
export function textKey(key: PathKey, scope: unknown): string {
  if (key.kind === 'string') return key.value
  if (key.kind === 'int') {
    throw new EvaluationError('unable to resolve a string index in map: invalid key type')
  }
  const value = key.get(scope)
  if (typeof value === 'string') return value
  throw new EvaluationError(
    `unable to resolve a string index in map: could not resolve key for map/slice, expecting 'string' but got '${typeName(value)}'`,
  )
}

function intKey(key: PathKey, scope: unknown): bigint {
  if (key.kind === 'int') return key.value
  if (key.kind === 'string') {
    throw new EvaluationError('unable to resolve an integer index in slice: invalid key type')
  }
  const value = key.get(scope)
  if (typeof value === 'bigint') return value
  throw new EvaluationError(
    `unable to resolve an integer index in slice: could not resolve key for map/slice, expecting 'int64' but got '${typeName(value)}'`,
  )
}

function indexIn(length: number, key: PathKey, scope: unknown): number {
  const index = intKey(key, scope)
  if (index < 0n || index >= BigInt(length)) {
    throw new EvaluationError(`index ${index} out of bounds`)
  }
  return Number(index)
}

/** Goes down from `from`th key on. A key that a map does not have gives null. */
export function valueIn(
  value: Value,
  keys: readonly PathKey[],
  from: number,
  scope: unknown,
): Value {
  for (let i = from; i < keys.length; i++) {
    if (value instanceof Map) {
      const item: Value | undefined = value.get(textKey(keys[i], scope))
      if (item === undefined) return null
      value = item
    } else if (Array.isArray(value)) {
      value = value[indexIn(value.length, keys[i], scope)]
    } else {
      throw new EvaluationError(`type ${valueKind(value)} does not support string indexing`)
    }
  }
  return value
}

/** A copy in which what the keys lead to is another value; maps and lists on the way are made where nothing is. */
export function withValueIn(
  value: Value,
  keys: readonly PathKey[],
  from: number,
  scope: unknown,
  put: Value,
): Value {
  if (from === keys.length) return storable(put, value)
  const key = keys[from]
  if (value instanceof Map) {
    const name = textKey(key, scope)
    const copy = new Map(value)
    return copy.set(name, withValueIn(copy.get(name) ?? null, keys, from + 1, scope, put))
  }
  if (Array.isArray(value)) {
    const index = indexIn(value.length, key, scope)
    return value.with(index, withValueIn(value[index], keys, from + 1, scope, put))
  }
  if (value !== null) {
    throw new EvaluationError(`type ${valueKind(value)} does not support string indexing`)
  }
  const first = key.kind === 'expression' ? key.get(scope) : key.value
  const inner = withValueIn(null, keys, from + 1, scope, put)
  if (typeof first === 'string') return new Map([[first, inner]])
  if (typeof first === 'bigint') return grownList(first, inner)
  throw new EvaluationError(
    'neither a string nor an int index was given, this is an error in the OTTL',
  )
}

function grownList(index: bigint, last: Value): Value {
  if (index >= BigInt(MAX_GROWN_LIST)) throw new EvaluationError(`index ${index} is too large`)
  const list = new Array<Value>(index < 0n ? 0 : Number(index)).fill(null)
  list.push(last)
  return list
}
