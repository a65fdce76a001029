/** Configuration of `bearertokenauth`. Keys, defaults and checks are upstream's; `tenant` is ours. */
import { z } from 'zod'
import { secret, section, textField, wrong } from '../../config/fields.ts'
import { DEFAULT_TENANT } from '../../core/batch.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { isTenantId, TENANT_ID_RULE } from '../../tenancy/identity/tenant-id.ts'

const MAX_TOKENS = 10_000

const schema = section({
  header: textField(readHeader, { type: 'string' })
    .prefault('Authorization' as never)
    .describe('Header that carries the token.'),
  scheme: z.string().default('Bearer').describe('Word before the token; empty is the token alone.'),
  token: secret().optional().describe('The token.'),
  tokens: z
    .preprocess(value => value ?? [], z.array(secret()).max(MAX_TOKENS))
    .prefault([] as never)
    .describe('Several tokens, all of which receivers accept; exporters send the first.'),
  filename: z
    .string()
    .default('')
    .describe('File with a token a line, instead; read again when it changes.'),
  tenant: textField(
    text => (isTenantId(text) ? text : wrong('is not the id of a tenant', TENANT_ID_RULE)),
    { type: 'string' },
  )
    .prefault(DEFAULT_TENANT as never)
    .describe('Tenant of those who show a token.'),
})

export type BearerTokenConfig = z.output<typeof schema>

export const config: ConfigSpec<BearerTokenConfig> = { schema, check }

function check({ token, tokens, filename }: BearerTokenConfig): ConfigProblem[] {
  const hasToken = token !== undefined && token.reveal() !== ''
  const expected = 'token, tokens or filename'
  if (!hasToken && tokens.length === 0 && filename === '') {
    return [{ path: [], message: 'has no token', expected }]
  }
  if (hasToken && tokens.length > 0) {
    return [{ path: ['tokens'], message: 'stands beside token', expected: 'one of the two' }]
  }
  return []
}

function readHeader(text: string): string | ReturnType<typeof wrong> {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(text)
    ? text
    : wrong('is not a header that gRPC and HTTP can carry', 'letters, digits and "-"')
}
