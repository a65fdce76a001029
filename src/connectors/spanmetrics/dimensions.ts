/** Dimensions as a configuration lists them: what they add to the key of a series, and to its attributes when it is made. */
import { KeyValueCursor } from '../../otlp/any-value.ts'
import { BYTES, FieldCursor, readString } from '../../otlp/wire-reader.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import type { DimensionConfig } from './config.ts'
import { compileGlob } from './glob.ts'
import type { KeyBuffer } from './key-buffer.ts'
import type { SpanFields, WantedKeys } from './span-fields.ts'

/** Keys of attributes for which it is remembered whether a glob matches. */
const MAX_REMEMBERED = 10_000
const MAX_REMEMBERED_CHARS = 256
const NO_PAIRS: readonly Pair[] = []
const SPAN_ATTRIBUTES = 9

/** An attribute where it stands. */
export interface Pair {
  readonly key: string
  readonly bytes: Uint8Array
  /** Of the AnyValue's content. */
  readonly start: number
  readonly end: number
}

/** Where dimensions are looked for that the span itself does not have: its resource, or an event and its resource. */
export interface Fallback {
  /** By number of a wanted key: content of the AnyValue, null = absent. */
  readonly values: readonly (Uint8Array | null)[]
  /** For globs: all attributes, by key in ascending order; empty where nobody asks. */
  readonly pairs: readonly Pair[]
}

/** Numbers of wanted keys, given out while the lists of a configuration are compiled. */
export class KeyNumbers {
  readonly names: string[] = []

  of(name: string): number {
    const found = this.names.indexOf(name)
    return found >= 0 ? found : this.names.push(name) - 1
  }
}

interface Named {
  readonly number: number
  readonly name: string
  /** Content of an AnyValue. */
  readonly preset: Uint8Array | null
}

export class DimensionList {
  readonly #named: readonly Named[]
  readonly #globs: GlobKeys | null

  constructor(dimensions: readonly DimensionConfig[], numbers: KeyNumbers) {
    this.#named = dimensions.flatMap(({ name, default: preset }) =>
      name === undefined || name === ''
        ? []
        : [{ number: numbers.of(name), name, preset: preset === undefined ? null : text(preset) }],
    )
    const globs = dimensions.flatMap(({ glob }) => (glob === undefined ? [] : [compileGlob(glob)]))
    const expressions = globs.filter(glob => glob instanceof RegExp)
    this.#globs = expressions.length === 0 ? null : new GlobKeys(expressions)
  }

  get isEmpty(): boolean {
    return this.#named.length === 0 && this.#globs === null
  }

  // hot: bench/micro/spanmetrics.ts
  writeKey(key: KeyBuffer, bytes: Uint8Array, span: SpanPlace, fallback: Fallback): void {
    const { wanted } = span.fields
    for (let i = 0; i < this.#named.length; i++) {
      const { number, preset } = this.#named[i]
      if (wanted.starts[number] >= 0) {
        key.value(bytes, wanted.starts[number], wanted.ends[number])
        continue
      }
      const value = fallback.values[number] ?? preset
      if (value === null) key.absent()
      else key.value(value, 0, value.length)
    }
    if (this.#globs === null) return
    for (const pair of this.#globs.match(bytes, span, fallback)) {
      const name = Buffer.from(pair.key)
      key.text(name, 0, name.length)
      key.value(pair.bytes, pair.start, pair.end)
    }
  }

  /** Adds the content of a KeyValue for each dimension; a later one of the same name takes the place of an earlier. */
  collect(
    into: Map<string, Uint8Array>,
    bytes: Uint8Array,
    span: SpanPlace,
    fallback: Fallback,
  ): void {
    const { wanted } = span.fields
    for (const { number, name, preset } of this.#named) {
      const value = ownValue(bytes, wanted, number) ?? fallback.values[number] ?? preset
      if (value !== null) into.set(name, keyValue(name, value))
    }
    if (this.#globs === null) return
    for (const { key, bytes: from, start, end } of this.#globs.match(bytes, span, fallback)) {
      into.set(key, keyValue(key, from.subarray(start, end)))
    }
  }
}

/** The span that is looked at: its fields, and where its content stands. */
export interface SpanPlace {
  readonly fields: SpanFields
  start: number
  end: number
}

class GlobKeys {
  readonly #globs: readonly RegExp[]
  readonly #known = new Map<string, boolean>()

  constructor(globs: readonly RegExp[]) {
    this.#globs = globs
  }

  /** Attributes of the span by key, then those of the fallback whose key the span does not have. */
  match(bytes: Uint8Array, { start, end }: SpanPlace, fallback: Fallback): Pair[] {
    const own = readPairs(bytes, start, end, SPAN_ATTRIBUTES)
    const keys = new Set(own.map(({ key }) => key))
    const others = fallback.pairs.filter(({ key }) => !keys.has(key))
    return [...own, ...others].filter(({ key }) => this.#matches(key))
  }

  #matches(key: string): boolean {
    let found = this.#known.get(key)
    if (found === undefined) {
      found = this.#globs.some(glob => glob.test(key))
      if (key.length > MAX_REMEMBERED_CHARS) return found
      if (this.#known.size >= MAX_REMEMBERED) this.#known.clear()
      this.#known.set(key, found)
    }
    return found
  }
}

/** KeyValue fields with this number, by key in ascending order; of a key that occurs twice the first one. */
export function readPairs(bytes: Uint8Array, start: number, end: number, number: number): Pair[] {
  const pairs = new Map<string, Pair>()
  const field = new FieldCursor(bytes, start, end)
  const cursor = new KeyValueCursor()
  while (field.next()) {
    if (field.number !== number || field.wire !== BYTES) continue
    cursor.reset(bytes, field.start, field.end)
    const key = readString(bytes, cursor.keyStart, cursor.keyEnd)
    if (pairs.has(key)) continue
    pairs.set(key, { key, bytes, start: cursor.valueStart, end: cursor.valueEnd })
  }
  return pairs.size === 0
    ? (NO_PAIRS as Pair[])
    : [...pairs.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

function ownValue(bytes: Uint8Array, wanted: WantedKeys, number: number): Uint8Array | null {
  const start = wanted.starts[number]
  return start < 0 ? null : bytes.subarray(start, wanted.ends[number])
}

const writer = new Writer()

/** Content of a KeyValue; `value` is the content of its AnyValue and is copied. */
export function keyValue(key: string, value: Uint8Array): Uint8Array {
  return writer.reset().string(1, key).bytes(2, value).finish()
}

/** Content of an AnyValue that is a string. */
export function text(value: string): Uint8Array {
  return writer.reset().string(1, value).finish()
}

/** Content of an AnyValue that is a boolean. */
export function bool(value: boolean): Uint8Array {
  return writer.reset().bool(2, value).finish()
}
