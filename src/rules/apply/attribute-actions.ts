/** Actions on attributes as `attributes` and `resource` have them: one key after the other, so that all others keep their bytes. */
import { createHash } from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { AttributeAction } from '../../config/fields/attribute-actions.ts'
import type { RequestContext } from '../../core/batch.ts'
import { asString } from '../as-string.ts'
import type { Cursor } from '../contexts/cursor.ts'
import { converterOf } from '../convert.ts'
import type { KeyedTarget } from '../function.ts'
import { parseFloat64 } from '../parse-float.ts'
import { compileRegex, type Regex } from '../regex.ts'
import type { Value } from '../value.ts'
import { configValue } from './config-value.ts'

/** Changes the attributes of what the cursor stands on. */
export type ApplyActions = (scope: Cursor) => void

/** Does one action. */
type Step = (scope: Cursor, attributes: KeyedTarget) => void

/** Undefined when there is none. */
type Source = (scope: Cursor, attributes: KeyedTarget) => Value | undefined

/** The actions must have passed `checkActions`. */
export function compileActions(
  actions: readonly AttributeAction[],
  attributes: KeyedTarget,
): ApplyActions {
  const steps = actions.map(compileAction)
  return scope => {
    for (const step of steps) step(scope, attributes)
  }
}

function compileAction(action: AttributeAction): Step {
  const { key, pattern } = action
  switch (action.action) {
    case 'delete':
      return remove(action)
    case 'hash':
      return hash(action)
    case 'extract':
      return extract(key, compileRegex(pattern))
    case 'convert':
      return convert(key, action.converted_type)
    default:
      return put(action)
  }
}

function put(action: AttributeAction): Step {
  const { key, action: name } = action
  const source = sourceOf(action)
  return (scope, attributes) => {
    const value = source(scope, attributes)
    if (value === undefined) return
    if (name !== 'upsert' && attributes.has(scope, key) !== (name === 'update')) return
    attributes.setKey(scope, key, value)
  }
}

function sourceOf(action: AttributeAction): Source {
  const { from_context: place, from_attribute: key } = action
  if (isGiven(action.value)) {
    const value = configValue(action.value)
    return () => value
  }
  const fallback = isGiven(action.default_value) ? configValue(action.default_value) : undefined
  if (place !== '') {
    const read = contextSource(place)
    return scope => read(scope.request) ?? fallback
  }
  if (key === '') return () => fallback
  return (scope, attributes) =>
    attributes.has(scope, key) ? (attributes.getKey(scope, key) ?? null) : fallback
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** Without a prefix it is metadata, as upstream has it. Receivers keep nothing of credentials, so `auth.` finds nothing. */
function contextSource(place: string): (request: RequestContext) => string | undefined {
  if (place === 'client.address') return ({ peer }) => hostOf(peer)
  if (place.startsWith('auth.')) return () => undefined
  const key = place.replace(/^metadata\./, '').toLowerCase()
  return ({ metadata }) => {
    const values = metadata.get(key)
    return values === undefined || values.length === 0 ? undefined : values.join(';')
  }
}

/** Of `address:port`, `[address]:port`, or an IPv4 address in the clothes of IPv6. */
function hostOf(peer: string): string {
  const colon = peer.lastIndexOf(':')
  const host = colon < 0 ? peer : peer.slice(0, colon)
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  const mapped = bare.toLowerCase().startsWith('::ffff:') ? bare.slice(7) : ''
  return isIPv4(mapped) ? mapped : bare
}

function remove({ key, pattern }: AttributeAction): Step {
  const regex = pattern === '' ? null : compileRegex(pattern)
  return (scope, attributes) => {
    if (key !== '') attributes.deleteKey(scope, key)
    if (regex === null) return
    for (const name of attributes.keys(scope)) {
      if (regex.test(name)) attributes.deleteKey(scope, name)
    }
  }
}

function hash({ key, pattern }: AttributeAction): Step {
  const regex = pattern === '' ? null : compileRegex(pattern)
  return (scope, attributes) => {
    if (key !== '' && attributes.has(scope, key)) hashKey(scope, attributes, key)
    if (regex === null) return
    const seen = new Set<string>()
    for (const name of attributes.keys(scope)) {
      if (!regex.test(name)) continue
      // A key may not stand there twice; if it does, nothing of it may stay readable.
      if (seen.has(name)) attributes.deleteKey(scope, name)
      else seen.add(name)
    }
    for (const name of seen) hashKey(scope, attributes, name)
  }
}

function hashKey(scope: Cursor, attributes: KeyedTarget, key: string): void {
  attributes.setKey(scope, key, hashed(attributes.getKey(scope, key) ?? null))
}

/** SHA-256 as hex; what has no bytes of its own that upstream would hash becomes an empty text. */
function hashed(value: Value): string {
  const bytes = hashedBytes(value)
  return bytes === undefined ? '' : createHash('sha256').update(bytes).digest('hex')
}

function hashedBytes(value: Value): Uint8Array | string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0)
  const view = new DataView(new ArrayBuffer(8))
  if (typeof value === 'bigint') view.setBigInt64(0, value, true)
  else if (typeof value === 'number') view.setFloat64(0, value, true)
  else return undefined
  return new Uint8Array(view.buffer)
}

/** Groups that took no part give an empty text. */
function extract(key: string, regex: Regex): Step {
  return (scope, attributes) => {
    const value = attributes.getKey(scope, key)
    const match = typeof value === 'string' ? regex.find(value) : null
    if (match === null) return
    for (const [group, name] of regex.groupNames.entries()) {
      if (name !== '') attributes.setKey(scope, name, match.groups[group] ?? '')
    }
  }
}

function convert(key: string, type: string): Step {
  const change = type === 'string' ? asString : numberOf(type)
  return (scope, attributes) => {
    if (!attributes.has(scope, key)) return
    const value = attributes.getKey(scope, key) ?? null
    const converted = change(value)
    if (converted !== undefined && converted !== value) attributes.setKey(scope, key, converted)
  }
}

const toInt = converterOf('intLike')!
const toFloat = converterOf('floatLike')!

/** What cannot be converted stays. */
function numberOf(type: string): (value: Value) => Value | undefined {
  const isInt = type === 'int'
  return value => {
    if (value === null || typeof value === 'object') return undefined
    if (isInt) return toInt(value) ?? undefined
    return typeof value === 'string' ? parseFloat64(value) : toFloat(value)
  }
}
