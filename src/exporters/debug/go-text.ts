/** Values as the OpenTelemetry Collector's debug exporter writes them, that is as Go's `fmt` and `time` would. */
import type { AnyValue, Bytes, Integer, KeyValue } from './messages.ts'

/** `%f`: six decimals, never an exponent. */
export function fixed(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.000000`
  return Object.is(value, -0) ? '-0.000000' : value.toFixed(6)
}

/** `%v` of a float: shortest digits, exponent below 1e-4 and from 1e21 with at least two digits. */
export function shortest(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  const size = Math.abs(value)
  if (size === 0 || (size >= 1e-4 && size < 1e21)) return String(value)
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}

/** `2006-01-02 15:04:05.999999999 +0000 UTC`: trailing zeros of the fraction are cut. */
export function timestamp(unixNano: Integer): string {
  const nanos = BigInt(unixNano.toString())
  const seconds = nanos / 1_000_000_000n
  const fraction = (nanos % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  const date = new Date(Number(seconds) * 1000)
  const text = date.toISOString().slice(0, 19).replace('T', ' ')
  return `${text}${fraction === '' ? '' : `.${fraction}`} +0000 UTC`
}

export function hex(id: Bytes): string {
  return Buffer.from(id).toString('hex')
}

const TYPE_OF_FIELD: Readonly<Record<string, string>> = {
  stringValue: 'Str',
  boolValue: 'Bool',
  intValue: 'Int',
  doubleValue: 'Double',
  arrayValue: 'Slice',
  kvlistValue: 'Map',
  bytesValue: 'Bytes',
}

/** `Str(text)`, `Int(5)`, `Map({"a":1})`. */
export function typedValue(value: AnyValue | null): string {
  return `${TYPE_OF_FIELD[presentField(value)] ?? 'Empty'}(${plainValue(value)})`
}

/** The value alone: strings bare, lists and maps as JSON with sorted keys, bytes in base64. */
export function plainValue(value: AnyValue | null): string {
  switch (presentField(value)) {
    case '':
      return ''
    case 'stringValue':
      return value!.stringValue
    case 'doubleValue':
      return plainDouble(value!.doubleValue)
    case 'bytesValue':
      return base64(value!.bytesValue)
    default:
      return jsonValue(value)
  }
}

/** `key=value` of each. */
export function pairs(attributes: readonly KeyValue[]): string[] {
  return attributes.map(({ key, value }) => `${key}=${plainValue(value)}`)
}

/** One line each under a header; `indent` is what stands before the arrow of the header itself. */
export function pushAttributes(
  lines: string[],
  header: string,
  attributes: readonly KeyValue[],
  indent = '',
): void {
  if (attributes.length === 0) return
  lines.push(`${header}:`)
  for (const { key, value } of attributes) {
    lines.push(`${indent}     -> ${key}: ${typedValue(value)}`)
  }
}

/** The member of the oneof that is set; the last one on the wire where a sender set several. */
function presentField(value: AnyValue | null): string {
  return value === null ? '' : (Object.keys(value).at(-1) ?? '')
}

/** JSON text; 64-bit integers keep all digits, which JSON.stringify could not do. */
function jsonValue(value: AnyValue | null): string {
  switch (presentField(value)) {
    case 'stringValue':
      return JSON.stringify(value!.stringValue)
    case 'boolValue':
      return String(value!.boolValue)
    case 'intValue':
      return value!.intValue.toString()
    case 'doubleValue':
      return plainDouble(value!.doubleValue)
    case 'bytesValue':
      return JSON.stringify(base64(value!.bytesValue))
    case 'arrayValue':
      return `[${value!.arrayValue.values.map(jsonValue).join(',')}]`
    case 'kvlistValue':
      return jsonMap(value!.kvlistValue.values)
    default:
      return 'null'
  }
}

function jsonMap(entries: readonly KeyValue[]): string {
  const byKey = new Map(entries.map(({ key, value }) => [key, value]))
  const keys = [...byKey.keys()].sort()
  const members = keys.map(key => `${JSON.stringify(key)}:${jsonValue(byKey.get(key) ?? null)}`)
  return `{${members.join(',')}}`
}

function plainDouble(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function base64(bytes: Bytes): string {
  return Buffer.from(bytes).toString('base64')
}
