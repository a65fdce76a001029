/**
 * Attribute values as texts, for formats whose tags are strings: primitives as they are written in JSON, bytes in base64,
 * lists and maps as JSON.
 */
import type { AnyValue } from '../otlp/any-value.ts'

/** The text of a value; a string stays as it is, an empty value is an empty text. */
export function valueText(value: AnyValue): string {
  if (typeof value === 'string') return value
  if (value === null) return ''
  if (typeof value === 'number') return numberText(value)
  if (value instanceof Uint8Array) return base64(value)
  return typeof value === 'object' ? valueJson(value) : String(value)
}

/** The value as JSON: keys of maps in order, so that equal maps are equal texts; what JSON has no number for is a string. */
export function valueJson(value: AnyValue): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value === null) return 'null'
  if (typeof value === 'number') {
    return Number.isFinite(value) ? numberText(value) : `"${value}"`
  }
  if (value instanceof Uint8Array) return `"${base64(value)}"`
  if (value instanceof Map) return mapJson(value)
  if (Array.isArray(value)) return `[${(value as readonly AnyValue[]).map(valueJson).join(',')}]`
  return String(value)
}

export function mapJson(map: ReadonlyMap<string, AnyValue>): string {
  const members = [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${members.map(([key, value]) => `${JSON.stringify(key)}:${valueJson(value)}`).join(',')}}`
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function base64(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')
}
