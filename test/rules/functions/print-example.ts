/** Values as the examples of functions write them. */
import { goDurationText } from '../../../src/rules/functions/go-time-text.ts'
import { formatRfc3339Nano } from '../../../src/rules/rfc3339.ts'
import { Duration, OtlpList, OtlpMessage, Time, type Value } from '../../../src/rules/value.ts'

export function printExample(value: Value): string {
  if (value === null) return 'nil'
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return Number.isInteger(value) ? value.toFixed(1) : String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => `${JSON.stringify(key)}: ${printExample(item)}`)
    return `{${entries.join(', ')}}`
  }
  if (value instanceof Time) return formatRfc3339Nano(value)
  if (value instanceof Duration) return goDurationText(value)
  if (value instanceof OtlpMessage || value instanceof OtlpList) return value.type
  return `[${(value as readonly Value[]).map(printExample).join(', ')}]`
}
