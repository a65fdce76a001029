/** Values of expressions as people read them, on one line and cut where they grow long. */
import { Duration, OtlpList, OtlpMessage, Time, type Value } from '../value.ts'

const MAX_TEXT = 200

export function showValue(value: Value): string {
  const text = show(value)
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text
}

function show(value: Value): string {
  if (value === null) return 'nil'
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return Number.isInteger(value) ? value.toFixed(1) : String(value)
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
  if (value instanceof Map) {
    return `{${[...value].map(([key, each]) => `${JSON.stringify(key)}: ${show(each)}`).join(', ')}}`
  }
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`
  if (value instanceof Time) return showTime(value)
  if (value instanceof Duration) return `${Number(value.nanos) / 1e9}s`
  if (value instanceof OtlpMessage) return `<${value.type}>`
  if (value instanceof OtlpList) return `<${value.items.length} ${value.type}>`
  return String(value)
}

function showTime({ unixNano }: Time): string {
  const seconds = unixNano / 1_000_000_000n
  const nanos = String(((unixNano % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)
  const date = new Date(Number(seconds) * 1000)
  if (Number.isNaN(date.getTime())) return `${unixNano}ns`
  return `${date.toISOString().slice(0, 19)}.${nanos.padStart(9, '0')}Z`
}
