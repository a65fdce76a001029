/** Values as JSON text, in the two ways the reference has: for conversions to text and for pdata's AsString. */
import { formatRfc3339Nano } from './rfc3339.ts'
import { Duration, EvaluationError, Id, OtlpList, OtlpMessage, Time, type Value } from './value.ts'

/** How deep values may be nested; decoded ones are shallower already. */
const MAX_DEPTH = 1_000

/**
 * Keys sorted, bytes in base64, int64 in full. With `html` as goccy/go-json writes it (`<`, `>`, `&` escaped, exponents
 * of two digits), else as encoding/json does for pdata. Throws EvaluationError for numbers that JSON lacks.
 */
export function toJson(value: Value, html = true, depth = 0): string {
  if (depth > MAX_DEPTH) throw new EvaluationError(`value is nested deeper than ${MAX_DEPTH}`)
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value)
  if (typeof value === 'number') return numberText(value, html)
  if (typeof value === 'string') return html ? quoteHtml(value) : quotePlain(value)
  if (value instanceof Id) return `[${value.join(',')}]`
  // Empty bytes are a nil slice there.
  if (value instanceof Uint8Array) {
    return value.length === 0 ? 'null' : `"${Buffer.from(value).toString('base64')}"`
  }
  if (Array.isArray(value)) return `[${value.map(item => toJson(item, html, depth + 1)).join(',')}]`
  if (value instanceof Map) return mapText(value, html, depth)
  if (value instanceof Time) return `"${formatRfc3339Nano(value)}"`
  if (value instanceof Duration) return String(value.nanos)
  if (value instanceof OtlpMessage || value instanceof OtlpList) return '{}'
  throw new EvaluationError('unsupported value')
}

function mapText(map: ReadonlyMap<string, Value>, html: boolean, depth: number): string {
  const entries = [...map].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const texts = entries.map(
    ([key, item]) => `${html ? quoteHtml(key) : quotePlain(key)}:${toJson(item, html, depth + 1)}`,
  )
  return `{${texts.join(',')}}`
}

/** As ECMAScript writes numbers, -0 apart. */
export function formatFloat(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function numberText(value: number, html: boolean): string {
  if (!Number.isFinite(value)) throw new EvaluationError(`unsupported value: ${value}`)
  const text = formatFloat(value)
  return html ? text.replace(/e([+-])(\d)$/, 'e$10$2') : text
}

function quotePlain(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, unicodeEscape)
}

function quoteHtml(text: string): string {
  return JSON.stringify(text)
    .replace(/[<>&\u2028\u2029]/g, unicodeEscape)
    .replace(/\\(?:\\|b|f)/g, found =>
      found === '\\b' ? '\\u0008' : found === '\\f' ? '\\u000c' : found,
    )
}

function unicodeEscape(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
}
