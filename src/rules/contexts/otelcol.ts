/** `otelcol.*`: what is known about the client of the request. Read-only. */
import type { PathKey, ResolvedPath } from '../context.ts'
import { EvaluationError, type Value } from '../value.ts'
import type { Cursor } from './cursor.ts'
import { type PathMaker, type PathTable, plain } from './paths.ts'
import { textKey, valueIn } from './values.ts'

function readOnly(name: string, get: (cursor: Cursor) => Value): ResolvedPath {
  return {
    get: scope => get(scope as Cursor),
    set: () => {
      throw new EvaluationError(`"otelcol.${name}" is read-only and cannot be modified`)
    },
  }
}

/** Names of metadata are looked up without regard to case. */
function metadataPath(name: string): PathMaker {
  const whole = readOnly(name, cursor => new Map(cursor.request.metadata))
  return keys => (keys.length === 0 ? whole : metadataKey(name, keys))
}

function metadataKey(name: string, keys: readonly PathKey[]): ResolvedPath {
  const [first] = keys
  return readOnly(name, cursor => {
    const values = cursor.request.metadata.get(textKey(first, cursor).toLowerCase())
    if (values === undefined || values.length === 0) return null
    if (keys.length > 2) {
      throw new EvaluationError('cannot index into string slice more than once')
    }
    return valueIn([...values], keys, 1, cursor)
  })
}

/** Millrace's receivers keep no attributes of a client's credentials. */
const authAttributes: PathMaker = keys => {
  const value = keys.length === 0 ? new Map() : null
  return readOnly('client.auth.attributes', () => value)
}

export const OTELCOL: PathTable = {
  'client.addr': plain(
    readOnly('client.addr', cursor => (cursor.request.peer === '' ? null : cursor.request.peer)),
  ),
  'client.metadata': metadataPath('client.metadata'),
  'client.auth.attributes': authAttributes,
  'grpc.metadata': metadataPath('grpc.metadata'),
}
