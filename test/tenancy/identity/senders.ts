/** What the tests of senders share: credentials made by hand, a configuration read by its schema, a folder for files. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { PeerCertificate } from 'node:tls'
import { section } from '../../../src/config/fields.ts'
import type { AuthOutcome, Credentials } from '../../../src/core/identity.ts'
import { type IdentityConfig, identityFields } from '../../../src/tenancy/identity/fields.ts'

interface ShownByHand {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly address?: string
  readonly certificate?: PeerCertificate | null
}

export function showing({
  headers = {},
  address = '192.0.2.7',
  certificate = null,
}: ShownByHand = {}): Credentials {
  return {
    address,
    header: name => {
      const value = headers[name] ?? []
      return typeof value === 'string' ? [value] : value
    },
    certificate: () => certificate,
  }
}

export function bearer(token: string, address?: string): Credentials {
  return showing({ headers: { authorization: `Bearer ${token}` }, address })
}

export function basicAuth(user: string, password: string, address?: string): Credentials {
  const encoded = Buffer.from(`${user}:${password}`).toString('base64')
  return showing({ headers: { authorization: `Basic ${encoded}` }, address })
}

/** As users write it; throws what the schema says. */
export function configured(written: Readonly<Record<string, unknown>>): IdentityConfig {
  return section(identityFields).parse(written) as IdentityConfig
}

export function summary(outcome: AuthOutcome): string {
  if (outcome.kind === 'denied') return `${outcome.code}: ${outcome.reason}`
  const { tenant, method, subject, signals } = outcome.identity
  return `${tenant} by ${method} ${subject} for ${signals?.join(',') ?? 'all'}`.replace('  ', ' ')
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-identity-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
