/** Attributes under a rule: a repeated KeyValue field in which one entry is found, put or removed without touching the others. */
import { KeyValueCursor } from '../../otlp/any-value.ts'
import { skipVarint } from '../../otlp/wire-reader.ts'
import type { PathKey } from '../context.ts'
import type { KeyedTarget, Target, TextChange } from '../function.ts'
import { NO_MATCH, UNDECIDED } from '../regex-sequence.ts'
import { EvaluationError, typeName, type Value } from '../value.ts'
import type { Cursor } from './cursor.ts'
import { type Field, numberOf } from './field.ts'
import { fieldWriter } from './field-writer.ts'
import type { Message } from './message.ts'
import { PairCache } from './pair-cache.ts'
import { isPlainPair } from './plain-pair.ts'
import { readValue, storable, textKey, valueIn, withValueIn } from './values.ts'

/** Reading is synchronous, so one serves all. */
const pair = new KeyValueCursor()

/** A key with its UTF-8 form, so that finding it compares bytes. */
interface Key {
  readonly text: string
  readonly bytes: Uint8Array
  /** Of a key that is known at load. */
  readonly cache: PairCache | null
}

function pairValue(message: Message, field: number): Value {
  const { bytes } = message
  const start = message.startOf(field)
  const end = message.endOf(field)
  if (isPlainPair(bytes, start, end)) {
    const at = start + 2 + bytes[start + 1]
    return at === end ? null : readValue(bytes, skipVarint(bytes, at + 1), end)
  }
  pair.reset(bytes, start, end)
  return readValue(bytes, pair.valueStart, pair.valueEnd)
}

function putKey(message: Message, number: number, key: Key, value: Value): void {
  const at = message.findPair(number, key.bytes)
  const known =
    typeof value === 'string' && key.cache !== null ? key.cache.find(number, value) : null
  if (known === null) fieldWriter.pair(number, key.text, value)
  const bytes = known ?? fieldWriter.bytes
  const length = known === null ? fieldWriter.length : known.length
  if (at < 0) message.append(number, bytes, 0, length)
  else message.replace(at, bytes, 0, length)
}

/** `attributes`: the whole map, and its single entries for editors. */
export function attributesPath(field: Field): Target {
  const { place } = field
  return {
    get: scope => {
      const cursor = scope as Cursor
      const number = numberOf(field, cursor)
      return number === 0 ? null : readAll(cursor.places[place], number)
    },
    set: (scope, value) => {
      const cursor = scope as Cursor
      const number = numberOf(field, cursor)
      if (value !== null && !(value instanceof Map)) {
        const type = typeName(value)
        throw new EvaluationError(`unsupported type provided for setting a pcommon.Map: ${type}`)
      }
      if (number !== 0) putAll(cursor.places[place], number, value ?? new Map())
    },
    keyed: new Entries(field),
  }
}

function readAll(message: Message, number: number): Map<string, Value> {
  const map = new Map<string, Value>()
  const count = message.count
  for (let i = message.next(number, 0); i < count; i = message.next(number, i + 1)) {
    pair.reset(message.bytes, message.startOf(i), message.endOf(i))
    const key = pair.key()
    if (!map.has(key)) map.set(key, readValue(message.bytes, pair.valueStart, pair.valueEnd))
  }
  return map
}

function putAll(message: Message, number: number, map: ReadonlyMap<string, Value>): void {
  storable(map, null)
  if (map.size === 0) {
    message.clear(number)
    return
  }
  const { bytes, length } = fieldWriter.pairs(number, map)
  message.putAll(number, bytes, 0, length)
}

class Entries implements KeyedTarget {
  readonly #field: Field

  constructor(field: Field) {
    this.#field = field
  }

  has(scope: unknown, key: string): boolean {
    const cursor = scope as Cursor
    const message = cursor.places[this.#field.place]
    return message.findPair(numberOf(this.#field, cursor), keyBytes(key)) >= 0
  }

  getKey(scope: unknown, key: string): Value | undefined {
    const cursor = scope as Cursor
    const message = cursor.places[this.#field.place]
    const at = message.findPair(numberOf(this.#field, cursor), keyBytes(key))
    return at < 0 ? undefined : pairValue(message, at)
  }

  setKey(scope: unknown, key: string, value: Value): void {
    const cursor = scope as Cursor
    const number = numberOf(this.#field, cursor)
    const stored = storable(value, null)
    if (number !== 0) {
      putKey(cursor.places[this.#field.place], number, rareKey(key), stored)
    }
  }

  deleteKey(scope: unknown, key: string): void {
    const cursor = scope as Cursor
    const message = cursor.places[this.#field.place]
    const at = message.findPair(numberOf(this.#field, cursor), keyBytes(key))
    if (at >= 0) message.remove(at)
  }

  keys(scope: unknown): string[] {
    const cursor = scope as Cursor
    const message = cursor.places[this.#field.place]
    const number = numberOf(this.#field, cursor)
    const keys: string[] = []
    const count = message.count
    for (let i = message.next(number, 0); i < count; i = message.next(number, i + 1)) {
      pair.reset(message.bytes, message.startOf(i), message.endOf(i))
      keys.push(pair.key())
    }
    return keys
  }
}

/** Editors name the same few keys again and again. */
const MAX_CACHED_KEYS = 1024
const cachedKeys = new Map<string, Uint8Array>()

function rareKey(text: string): Key {
  return { text, bytes: keyBytes(text), cache: null }
}

function keyBytes(key: string): Uint8Array {
  let bytes = cachedKeys.get(key)
  if (bytes === undefined) {
    if (cachedKeys.size >= MAX_CACHED_KEYS) cachedKeys.clear()
    cachedKeys.set(key, (bytes = Buffer.from(key)))
  }
  return bytes
}

function fixedKey(text: string): Key {
  return { text, bytes: Buffer.from(text), cache: new PairCache(text) }
}

/** Tags of a key, of a value, and of the text in it. */
const KEY_TAG = 0x0a
const VALUE_TAG = 0x12
const TEXT_TAG = 0x0a
/** Up to here all lengths in a pair are single bytes. */
const SHORT_PAIR = 0x7f

/** Changes the text of a pair in the usual short form; false when it is none. */
function changeText(
  message: Message,
  number: number,
  key: Uint8Array,
  change: TextChange,
): boolean {
  const at = message.findPair(number, key)
  if (at < 0) return false
  const { bytes } = message
  const start = message.startOf(at)
  const end = message.endOf(at)
  const value = start + 2 + key.length
  const isShort =
    end - start <= SHORT_PAIR &&
    bytes[start] === KEY_TAG &&
    bytes[start + 1] === key.length &&
    bytes[value] === VALUE_TAG &&
    value + 2 + bytes[value + 1] === end &&
    bytes[value + 2] === TEXT_TAG &&
    value + 4 + bytes[value + 3] === end
  if (!isShort) return false
  const length = change.run(bytes, value + 4, end)
  if (length === UNDECIDED) return false
  if (length === NO_MATCH) return true
  const written = fieldWriter.textPair(number, key, change.out, length)
  message.replace(at, written.bytes, 0, written.length)
  return true
}

/** `attributes["key"]` and what nests below it. */
export function attributePath(field: Field, keys: readonly PathKey[]): Target {
  const { place } = field
  const [first] = keys
  const fixed = first.kind === 'string' ? fixedKey(first.value) : null
  const changer = (scope: unknown, change: TextChange): boolean => {
    const cursor = scope as Cursor
    const number = numberOf(field, cursor)
    return number !== 0 && changeText(cursor.places[place], number, fixed!.bytes, change)
  }
  return {
    ...(fixed !== null && keys.length === 1 && { changeText: changer }),
    get: scope => {
      const cursor = scope as Cursor
      const number = numberOf(field, cursor)
      if (number === 0) return null
      const key = fixed === null ? keyBytes(textKey(first, scope)) : fixed.bytes
      const message = cursor.places[place]
      const at = message.findPair(number, key)
      if (at < 0) return null
      const value = pairValue(message, at)
      return keys.length === 1 ? value : valueIn(value, keys, 1, scope)
    },
    set: (scope, value) => {
      const cursor = scope as Cursor
      const number = numberOf(field, cursor)
      if (number === 0) return
      const key = fixed ?? rareKey(textKey(first, scope))
      const message = cursor.places[place]
      if (keys.length === 1) {
        putKey(message, number, key, storable(value, null))
        return
      }
      const at = message.findPair(number, key.bytes)
      const before = at < 0 ? null : pairValue(message, at)
      putKey(message, number, key, withValueIn(before, keys, 1, scope, value))
    },
  }
}
