/** Attribute values of the short notation, to and from OTLP/JSON. The written text decides what is an integer. */
import type { Span } from '../../../config/problems.ts'
import type { Tree, TreeScalar } from '../../../config/tree.ts'
import type { AnyValue } from '../../../otlp/any-value.ts'

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }
export type JsonObject = Record<string, Json>

/** A KeyValue list of OTLP/JSON. */
export function attributesJson(tree: Tree | undefined): Json[] {
  if (tree?.kind !== 'map') return []
  return [...tree.entries].map(([key, { value }]) => ({ key, value: valueJson(value) }))
}

/** An AnyValue of OTLP/JSON. `{ $bytes: "base64" }` stands for bytes. */
export function valueJson(tree: Tree): JsonObject {
  if (tree.kind === 'list') return { arrayValue: { values: tree.items.map(valueJson) } }
  if (tree.kind === 'map') {
    const bytes = tree.entries.get('$bytes')?.value
    if (tree.entries.size === 1 && bytes?.kind === 'scalar') return { bytesValue: textOf(bytes) }
    return { kvlistValue: { values: attributesJson(tree) } }
  }
  const { value } = tree
  if (value === null) return {}
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return isInteger(tree) ? { intValue: integerText(tree) } : { doubleValue: doubleJson(value) }
}

/** The text as written where YAML saw a number: ids of digits, integers beyond 2^53. */
export function textOf(tree: TreeScalar): string {
  if (typeof tree.value === 'string') return tree.value
  return written(tree.at) || String(tree.value ?? '')
}

export function isInteger(tree: TreeScalar): boolean {
  const text = written(tree.at)
  if (/^[-+]?\d+$/.test(text)) return true
  return Number.isInteger(tree.value) && !/[.eE]/.test(text)
}

export function integerText(tree: TreeScalar): string {
  const text = written(tree.at)
  return /^[-+]?\d+$/.test(text) ? text.replace(/^\+/, '') : String(tree.value)
}

export function doubleJson(value: number): Json {
  if (Number.isNaN(value)) return 'NaN'
  if (Number.isFinite(value)) return value
  return value > 0 ? 'Infinity' : '-Infinity'
}

function written({ source, start, end }: Span): string {
  return source.text.slice(start, end)
}

/** For people, on one line: texts in quotes, a point in every double. */
export function showValue(value: AnyValue | undefined): string {
  if (value === undefined) return 'absent'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return showDouble(value)
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return `[${value.map(showValue).join(', ')}]`
  if (!(value instanceof Map)) return JSON.stringify(value)
  const pairs = [...value].map(([key, each]) => `${showKey(key)}: ${showValue(each)}`)
  return `{${pairs.join(', ')}}`
}

function showDouble(value: number): string {
  const text = String(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

function showKey(key: string): string {
  return /^[\w.]+$/.test(key) ? key : JSON.stringify(key)
}

/** Whether a value is what is written: `5` fits a double too, `5.0` only a double; null fits what is absent. */
export function fitsValue(tree: Tree, value: AnyValue | undefined): boolean {
  if (tree.kind === 'list') {
    if (!Array.isArray(value) || value.length !== tree.items.length) return false
    return tree.items.every((item, i) => fitsValue(item, value[i]))
  }
  if (tree.kind === 'map') return fitsMap(tree, value)
  const written = tree.value
  if (written === null) return value === undefined || value === null
  if (typeof written !== 'number') return value === written
  if (typeof value === 'number') return Object.is(value, written) || value === written
  return typeof value === 'bigint' && isInteger(tree) && String(value) === integerText(tree)
}

function fitsMap(tree: Tree & { kind: 'map' }, value: AnyValue | undefined): boolean {
  const bytes = tree.entries.get('$bytes')?.value
  if (value instanceof Uint8Array) {
    return bytes?.kind === 'scalar' && Buffer.from(value).toString('base64') === bytes.value
  }
  if (!(value instanceof Map) || value.size !== tree.entries.size) return false
  return [...tree.entries].every(([key, entry]) => fitsValue(entry.value, value.get(key)))
}
