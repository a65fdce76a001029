/** Conversions between kinds of values that parameters ask for, as the reference's standard getters do them. */
import type { Getter, ParamType } from './function.ts'
import { Duration, EvaluationError, Time, typeName, type Value } from './value.ts'

/** What a getter for a parameter of this type gives; undefined for types that are not getters. */
export function converterOf(type: ParamType): ((value: Value) => Value) | undefined {
  return CONVERTERS[type]
}

export function convertedGetter(get: Getter, convert: (value: Value) => Value): Getter {
  return scope => convert(get(scope))
}

const CONVERTERS: Readonly<Partial<Record<ParamType, (value: Value) => Value>>> = {
  any: value => value,
  string: exactly('string', value => typeof value === 'string'),
  int: exactly('int64', value => typeof value === 'bigint'),
  float: exactly('float64', value => typeof value === 'number'),
  bool: exactly('bool', value => typeof value === 'boolean'),
  map: exactly('pcommon.Map', value => value instanceof Map),
  list: exactly('pcommon.Slice', value => Array.isArray(value)),
  time: exactly('time.Time', value => value instanceof Time),
  duration: exactly('time.Duration', value => value instanceof Duration),
  bytes: exactly('[]byte', value => value instanceof Uint8Array),
  stringLike: toText,
  intLike: toInt,
  floatLike: toFloat,
  boolLike: toBool,
  bytesLike: toBytes,
}

function exactly(name: string, is: (value: Value) => boolean): (value: Value) => Value {
  return value => {
    if (is(value)) return value
    throw new EvaluationError(`expected ${name} but got ${typeName(value)}`)
  }
}

function unsupported(value: Value): EvaluationError {
  return new EvaluationError(`unsupported type: ${typeName(value)}`)
}

function toText(value: Value): Value {
  if (value === null || typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value === 'object' && !(value instanceof Map) && !Array.isArray(value)) {
    throw unsupported(value)
  }
  return toJson(value)
}

/** JSON as Go writes it: keys sorted, bytes in base64, int64 in full, `<`, `>` and `&` escaped. */
export function toJson(value: Value): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new EvaluationError(`unsupported value: ${value}`)
    return Object.is(value, -0) ? '-0' : String(value)
  }
  if (typeof value === 'string') return quoteJson(value)
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`
  if (Array.isArray(value)) return `[${value.map(toJson).join(',')}]`
  if (value instanceof Map) {
    const entries = [...value].sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([key, item]) => `${quoteJson(key)}:${toJson(item)}`).join(',')}}`
  }
  throw unsupported(value)
}

function quoteJson(text: string): string {
  return JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Text that is not an integer gives null, other kinds throw. */
function toInt(value: Value): Value {
  if (value === null || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number') return floatToInt(value)
  if (typeof value !== 'string') throw unsupported(value)
  if (!/^[-+]?\d+$/.test(value)) return null
  const parsed = BigInt(value.replace('+', ''))
  return parsed === BigInt.asIntN(64, parsed) ? parsed : null
}

/** What is not in int64 becomes its lowest value, as on amd64. */
function floatToInt(value: number): bigint {
  if (!(Math.abs(value) < 2 ** 63)) return -(2n ** 63n)
  return BigInt(Math.trunc(value))
}

const FLOAT_TEXT = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i
const FLOAT_WORD = /^([-+]?)(?:inf|infinity)$/i

function toFloat(value: Value): Value {
  if (value === null || typeof value === 'number') return value
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value)
  if (typeof value !== 'string') throw unsupported(value)
  const word = FLOAT_WORD.exec(value)
  if (word !== null) return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^nan$/i.test(value)) return Number.NaN
  const parsed = FLOAT_TEXT.test(value) ? Number(value) : Number.NaN
  if (!Number.isFinite(parsed))
    throw new EvaluationError(`cannot parse ${quoteJson(value)} as a float`)
  return parsed
}

function toBool(value: Value): Value {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'bigint') return value !== 0n
  if (typeof value === 'number') return value !== 0
  if (typeof value !== 'string') throw unsupported(value)
  if (/^(?:1|t|T|TRUE|true|True)$/.test(value)) return true
  if (/^(?:0|f|F|FALSE|false|False)$/.test(value)) return false
  throw new EvaluationError(`cannot parse ${quoteJson(value)} as a bool`)
}

function toBytes(value: Value): Value {
  if (value === null || value instanceof Uint8Array) return value
  if (typeof value === 'string') return Uint8Array.from(Buffer.from(value))
  if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0)
  const view = new DataView(new ArrayBuffer(8))
  if (typeof value === 'bigint') view.setBigInt64(0, value)
  else if (typeof value === 'number') view.setFloat64(0, value)
  else throw unsupported(value)
  return new Uint8Array(view.buffer)
}
