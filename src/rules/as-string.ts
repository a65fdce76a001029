/** Text of a telemetry value as pdata's Value.AsString writes it; strings stay as they are, bytes are base64. */
import { formatFloat, toJson } from './json-text.ts'
import { EvaluationError, type Value } from './value.ts'

export function asString(value: Value): string {
  if (value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return formatFloat(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  try {
    return toJson(value, false)
  } catch (error) {
    // What JSON cannot hold, such as NaN inside a map, leaves nothing.
    if (error instanceof EvaluationError) return ''
    throw error
  }
}
