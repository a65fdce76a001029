/** The body of a log record: any value, indexed when it is a map or a list, and as text. */
import { asString } from '../as-string.ts'
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
  get: scope => asString(bodyOf(scope)),
  set: (scope, value) => {
    if (typeof value !== 'string') throw mismatch('string', value)
    putBody(scope, value)
  },
})
