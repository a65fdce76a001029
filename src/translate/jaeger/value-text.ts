/** Lists and maps as JSON text, which is how they go into a tag: Jaeger's values are scalars. */
import type { AnyValue } from '../../otlp/any-value.ts'

/** Keys of maps in order, so that equal maps are equal texts. */
export function valueText(value: AnyValue): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`
  if (value instanceof Map) return mapText(value)
  return `[${(value as readonly AnyValue[]).map(valueText).join(',')}]`
}

function mapText(map: ReadonlyMap<string, AnyValue>): string {
  const pairs = [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${valueText(value)}`).join(',')}}`
}
