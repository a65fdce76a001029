/** Which values stay inside of expressions: no attribute, list or map of telemetry can hold them. */
import { Duration, Id, OtlpList, OtlpMessage, Time, type Value } from './value.ts'

export function isUnstorable(value: Value): boolean {
  if (typeof value !== 'object' || value === null) return false
  return (
    value instanceof Time ||
    value instanceof Duration ||
    value instanceof Id ||
    value instanceof OtlpMessage ||
    value instanceof OtlpList
  )
}

/** The first such value in the list or in lists inside of it. */
export function findUnstorable(list: readonly Value[]): Value | undefined {
  for (const item of list) {
    if (isUnstorable(item)) return item
    const inner = Array.isArray(item) ? findUnstorable(item) : undefined
    if (inner !== undefined) return inner
  }
  return undefined
}
