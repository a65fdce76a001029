/** What `millrace tenants key` does to the list of keys, as pure functions. */
import type { Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import type { StoredKey } from './key-file.ts'
import { createApiKey, formatApiKey, hashSecret } from './key-format.ts'

export interface NewKey {
  readonly tenant: string
  readonly name: string
  readonly signals: readonly Signal[] | null
  /** Null is never. */
  readonly expiresMs: number | null
}

export interface MadeKey {
  readonly key: StoredKey
  /** Shown once, kept nowhere. */
  readonly text: string
}

export type KeyState = 'active' | 'expired' | 'revoked'

export function makeKey(wanted: NewKey, nowMs: number, replaces?: string): MadeKey {
  const parts = createApiKey()
  const { tenant, name, signals, expiresMs } = wanted
  const key: StoredKey = {
    id: parts.id,
    tenant,
    name,
    hash: `sha256:${hashSecret(parts.secret)}`,
    signals,
    created: timeText(nowMs),
    expires: expiresMs === null ? null : timeText(expiresMs),
    revoked: null,
    ...(replaces !== undefined && { replaces }),
  }
  return { key, text: formatApiKey(parts) }
}

/** The old key goes on for `overlapMs`, and no longer than it would have. */
export function rotateKey(
  keys: readonly StoredKey[],
  id: string,
  overlapMs: number,
  expiresMs: number | null,
  nowMs: number,
): { readonly keys: readonly StoredKey[]; readonly made: MadeKey; readonly old: StoredKey } {
  const before = findKey(keys, id)
  if (stateOf(before, nowMs) !== 'active') {
    throw new MillraceError('MILLRACE_IDENTITY_KEY_UNKNOWN', `${id} is not active any more.`)
  }
  const made = makeKey({ ...before, expiresMs }, nowMs, id)
  const ownEnd = before.expires === null ? Number.POSITIVE_INFINITY : Date.parse(before.expires)
  const old = { ...before, expires: timeText(Math.min(ownEnd, nowMs + overlapMs)) }
  return { keys: [...keys.map(key => (key.id === id ? old : key)), made.key], made, old }
}

export function revokeKey(
  keys: readonly StoredKey[],
  id: string,
  nowMs: number,
): { readonly keys: readonly StoredKey[]; readonly old: StoredKey } {
  const before = findKey(keys, id)
  const old = { ...before, revoked: before.revoked ?? timeText(nowMs) }
  return { keys: keys.map(key => (key.id === id ? old : key)), old }
}

export function stateOf(key: StoredKey, nowMs: number): KeyState {
  if (key.revoked !== null) return 'revoked'
  return key.expires !== null && Date.parse(key.expires) <= nowMs ? 'expired' : 'active'
}

function findKey(keys: readonly StoredKey[], id: string): StoredKey {
  const found = keys.find(key => key.id === id)
  if (found !== undefined) return found
  throw new MillraceError('MILLRACE_IDENTITY_KEY_UNKNOWN', `No key has the id ${id}.`)
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
