/** Conversions between kinds of values that parameters ask for, as the reference's standard getters do them. */
import type { Getter, ParamType } from './function.ts'
import { toJson } from './json-text.ts'
import { parseFloat64 } from './parse-float.ts'
import { findUnstorable } from './storable.ts'
import { Duration, EvaluationError, Id, Time, typeName, type Value } from './value.ts'

/** What a getter for a parameter of this type gives; undefined for types that are not getters. */
export function converterOf(type: ParamType): ((value: Value) => Value) | undefined {
  return CONVERTERS[type]
}

export function convertedGetter(get: Getter, convert: (value: Value) => Value): Getter {
  return scope => convert(get(scope))
}

const CONVERTERS: Readonly<Partial<Record<ParamType, (value: Value) => Value>>> = {
  any: value => value,
  string: onlyText,
  int: exactly('int64', value => typeof value === 'bigint'),
  float: exactly('float64', value => typeof value === 'number'),
  bool: exactly('bool', value => typeof value === 'boolean'),
  map: onlyMap,
  list: onlyList,
  time: exactly('time', value => value instanceof Time),
  duration: exactly('duration', value => value instanceof Duration),
  bytes: exactly('[]byte', value => value instanceof Uint8Array && !(value instanceof Id)),
  stringLike: toText,
  intLike: toInt,
  floatLike: toFloat,
  boolLike: toBool,
  bytesLike: toBytes,
}

function onlyText(value: Value): Value {
  if (typeof value === 'string') return value
  throw new EvaluationError(`expected string but got ${typeName(value)}`)
}

function onlyMap(value: Value): Value {
  if (value instanceof Map) return value
  throw new EvaluationError(`expected pcommon.Map but got ${typeName(value)}`)
}

function onlyList(value: Value): Value {
  if (!Array.isArray(value)) {
    throw new EvaluationError(`expected pcommon.Slice but got ${typeName(value)}`)
  }
  const wrong = findUnstorable(value)
  if (wrong !== undefined) throw new EvaluationError(`a list cannot hold a ${typeName(wrong)}`)
  return value
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
  if (value instanceof Uint8Array && !(value instanceof Id)) {
    return Buffer.from(value).toString('hex')
  }
  return toJson(value)
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

function toFloat(value: Value): Value {
  if (value === null || typeof value === 'number') return value
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value)
  if (typeof value !== 'string') throw unsupported(value)
  const parsed = parseFloat64(value)
  if (parsed !== undefined) return parsed
  throw new EvaluationError(`cannot parse ${JSON.stringify(value)} as a float`)
}

function toBool(value: Value): Value {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'bigint') return value !== 0n
  if (typeof value === 'number') return value !== 0
  if (typeof value !== 'string') throw unsupported(value)
  if (/^(?:1|t|T|TRUE|true|True)$/.test(value)) return true
  if (/^(?:0|f|F|FALSE|false|False)$/.test(value)) return false
  throw new EvaluationError(`cannot parse ${JSON.stringify(value)} as a bool`)
}

function toBytes(value: Value): Value {
  if (value instanceof Id) throw unsupported(value)
  if (value === null || value instanceof Uint8Array) return value
  if (typeof value === 'string') return Uint8Array.from(Buffer.from(value))
  if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0)
  const view = new DataView(new ArrayBuffer(8))
  if (typeof value === 'bigint') view.setBigInt64(0, value)
  else if (typeof value === 'number') view.setFloat64(0, value)
  else throw unsupported(value)
  return new Uint8Array(view.buffer)
}
