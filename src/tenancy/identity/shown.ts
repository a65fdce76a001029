/**
 * Reads what a request shows of its sender. Anything that two readers could read in two ways is refused: a header twice, two
 * kinds of credentials, a scheme without a value.
 */
import type { Credentials } from '../../core/identity.ts'
import { looksLikeApiKey } from './key-format.ts'

/** Longer values are not looked at. Tokens with many groups in them have some kilobytes. */
const MAX_CREDENTIAL_CHARS = 16_384

export type ShownKind = 'api_key' | 'jwt' | 'basic'

export interface Shown {
  readonly kind: ShownKind
  readonly value: string
}

/** Which of the methods are configured. */
export interface Readable {
  /** Lower-case header that may carry a key; empty when keys are not in use. */
  readonly keyHeader: string
  readonly jwt: boolean
  readonly basic: boolean
}

/** Null when nothing is shown that any configured method reads. */
export function readShown(credentials: Credentials, methods: Readable): Shown | 'malformed' | null {
  const hasKeys = methods.keyHeader !== ''
  if (!hasKeys && !methods.jwt && !methods.basic) return null
  const authorization = credentials.header('authorization')
  const keys = hasKeys ? credentials.header(methods.keyHeader) : []
  const count = authorization.length + (methods.keyHeader === 'authorization' ? 0 : keys.length)
  if (count === 0) return null
  if (count > 1) return 'malformed'
  if (authorization.length === 0) return readKeyHeader(keys[0])
  return readAuthorization(authorization[0], methods)
}

function readKeyHeader(text: string): Shown | 'malformed' {
  return isSound(text) ? { kind: 'api_key', value: text } : 'malformed'
}

function readAuthorization(text: string, methods: Readable): Shown | 'malformed' {
  const space = text.indexOf(' ')
  if (space <= 0 || text.length > MAX_CREDENTIAL_CHARS) return 'malformed'
  const value = text.slice(space + 1)
  if (!isSound(value)) return 'malformed'
  const hasKeys = methods.keyHeader !== ''
  switch (text.slice(0, space).toLowerCase()) {
    case 'bearer':
      if (hasKeys && (looksLikeApiKey(value) || !methods.jwt)) return { kind: 'api_key', value }
      return methods.jwt ? { kind: 'jwt', value } : 'malformed'
    case 'apikey':
      return hasKeys ? { kind: 'api_key', value } : 'malformed'
    case 'basic':
      return methods.basic ? { kind: 'basic', value } : 'malformed'
    default:
      return 'malformed'
  }
}

/** One word of printable ASCII without a comma, which joins values of a header that came twice. */
function isSound(text: string): boolean {
  return text.length <= MAX_CREDENTIAL_CHARS && /^[\x21-\x2b\x2d-\x7e]+$/.test(text)
}
