/** The body of a log record: any value, indexed when it is a map or a list, and as text. */
import type { PathKey, ResolvedPath } from '../context.ts'
import type { Target } from '../function.ts'
import { EvaluationError, type Value } from '../value.ts'
import { type Cursor, ITEM } from './cursor.ts'
import { mismatch } from './field.ts'
import { fieldWriter } from './field-writer.ts'
import { type PathMaker, plain, slotAt } from './paths.ts'
import { putWritten } from './scalars.ts'
import { readValue, storable, valueIn, valueKind, withValueIn } from './values.ts'

const BODY = 5

function bodyOf(scope: unknown): Value {
  const message = (scope as Cursor).places[ITEM]
  const at = message.findOnly(BODY)
  return at < 0 ? null : readValue(message.bytes, message.startOf(at), message.endOf(at))
}

function putBody(scope: unknown, value: Value): void {
  putWritten((scope as Cursor).places[ITEM], BODY, fieldWriter.value(BODY, value))
}

const WHOLE: Target = {
  get: bodyOf,
  set: (scope, value) => putBody(scope, storable(value, bodyOf(scope))),
}

function indexable(scope: unknown): Value {
  const body = bodyOf(scope)
  if (body instanceof Map || Array.isArray(body)) return body
  throw new EvaluationError(`log bodies of type ${valueKind(body)} cannot be indexed`)
}

function bodyKey(keys: readonly PathKey[]): ResolvedPath {
  return {
    get: scope => valueIn(indexable(scope), keys, 0, scope),
    set: (scope, value) => putBody(scope, withValueIn(indexable(scope), keys, 0, scope, value)),
  }
}

const whole = plain(WHOLE, slotAt(ITEM, 'body', 'value'))

export const bodyPath: PathMaker = keys => (keys.length === 0 ? whole(keys) : bodyKey(keys))

export const bodyTextPath: PathMaker = plain({
  get: scope => textOf(bodyOf(scope)),
  set: (scope, value) => {
    if (typeof value !== 'string') throw mismatch('string', value)
    putBody(scope, value)
  },
})

/** As pdata writes values as text: a string itself, bytes in base64, maps and lists in JSON; "" where JSON has no way. */
function textOf(value: Value): string {
  if (value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number') return numberText(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return jsonOf(value) ?? ''
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value)
  if (Number.isNaN(value)) return 'NaN'
  return value < 0 ? '-Inf' : '+Inf'
}

function jsonOf(value: Value): string | undefined {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') {
    return String(value)
  }
  if (typeof value === 'number') return Number.isFinite(value) ? numberText(value) : undefined
  if (typeof value === 'string') return quote(value)
  if (value instanceof Uint8Array) return quote(Buffer.from(value).toString('base64'))
  if (Array.isArray(value)) {
    const items = value.map(jsonOf)
    return items.includes(undefined) ? undefined : `[${items.join(',')}]`
  }
  if (!(value instanceof Map)) return undefined
  const entries: string[] = []
  for (const [key, item] of [...value].sort(([a], [b]) => Buffer.compare(bytes(a), bytes(b)))) {
    const json = jsonOf(item)
    if (json === undefined) return undefined
    entries.push(`${quote(key)}:${json}`)
  }
  return `{${entries.join(',')}}`
}

function bytes(text: string): Buffer {
  return Buffer.from(text)
}

function quote(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, c => `\\u${c.charCodeAt(0).toString(16)}`)
}
