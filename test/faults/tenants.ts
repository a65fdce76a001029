/** Tenants of fault tests: who they are, by a trusted header or by API keys, and what each may do. */
import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LoadOptions, NumberedLoad } from '../harness/numbered-load.ts'
import type { NumberBook } from '../harness/numbered-spans.ts'
import { atEnd, type Scope } from './kit.ts'

export const TENANT_HEADER = 'x-scope-orgid'
const KEY_ID_CHARS = 12
const SECRET_CHARS = 43

/** One sender: its stream tells its spans apart at the destination. */
export interface Team {
  readonly tenant: string
  readonly stream: number
}

/** The configuration of the extension `tenants`; `limits` by tenant. */
export function tenantsConfig(limits: Readonly<Record<string, object>> = {}): object {
  const header = { name: TENANT_HEADER, trusted_proxies: ['127.0.0.1'] }
  return { identity: { header }, tenants: limits }
}

/** The same with API keys, and the key of each tenant. */
export function tenantsWithKeys(
  folder: string,
  limits: Readonly<Record<string, object>>,
): { config: object; keys: ReadonlyMap<string, string> } {
  const file = join(folder, 'keys.json')
  const keys = new Map(Object.keys(limits).map(tenant => [tenant, randomKey()]))
  writeFileSync(file, keyFile(keys), { mode: 0o600 })
  return { config: { identity: { api_keys: { file } }, tenants: limits }, keys }
}

export function randomKey(): string {
  return `mr_${hex(KEY_ID_CHARS)}_${hex(SECRET_CHARS)}`
}

export function keyMetadata(key: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${key}` }
}

function hex(chars: number): string {
  return randomBytes(chars).toString('hex').slice(0, chars)
}

function keyFile(keys: ReadonlyMap<string, string>): string {
  const entries = [...keys].map(([tenant, key]) => {
    const [, id, secret] = key.split('_')
    return {
      id,
      tenant,
      hash: `sha256:${createHash('sha256').update(secret).digest('hex')}`,
      signals: null,
      created: '2026-01-01T00:00:00Z',
      expires: null,
      revoked: null,
    }
  })
  return JSON.stringify({ version: 1, keys: entries })
}

/** Load of one team that a header names. */
export function loadOf(
  t: Scope,
  team: Team,
  fates: NumberBook,
  options: Omit<LoadOptions, 'stream'>,
): NumberedLoad {
  const metadata = { [TENANT_HEADER]: team.tenant, ...options.metadata }
  const load = new NumberedLoad({ ...options, stream: team.stream, metadata, book: fates })
  atEnd(t, () => load.stop())
  return load
}
