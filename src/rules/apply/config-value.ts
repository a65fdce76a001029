/** A value as it stands in a configuration, as a telemetry value. */
import type { Value } from '../value.ts'

/** Whole numbers are integers, as YAML has them for the reference too. */
export function configValue(value: unknown): Value {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(configValue)
  return new Map(Object.entries(value as object).map(([key, item]) => [key, configValue(item)]))
}
