/** How senders show who they are, as configured: the keys of the extension `tenants` that this folder reads. */
import { z } from 'zod'
import {
  duration,
  httpEndpoint,
  integer,
  optionalSection,
  secret,
  section,
  textField,
  textList,
  type Wrong,
  wrong,
} from '../../config/fields.ts'
import type { TenantId } from '../../core/batch.ts'
import type { Signal } from '../../core/signal.ts'
import { readNetwork } from '../policy/address-list.ts'
import { compileSubjectPattern } from './subject-pattern.ts'
import { isTenantId, TENANT_ID_RULE } from './tenant-id.ts'

const DEFAULT_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const

/** `none` is not among them: nothing switches it on. */
const ALGORITHMS = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'HS256', 'HS384', 'HS512'] as const),
]

const SIGNAL_NAMES = ['traces', 'metrics', 'logs'] as const satisfies readonly Signal[]

export const SUBJECT_SOURCES = [
  ...(['subject_cn', 'subject_o', 'subject_ou'] as const),
  ...(['san_dns', 'san_uri', 'san_email'] as const),
]

const tenantId = () => textField<TenantId>(readTenantId, { type: 'string' })

const signals = (text: string) =>
  z.preprocess(value => value ?? undefined, z.array(z.enum(SIGNAL_NAMES)).optional()).describe(text)

const apiKeys = optionalSection({
  file: z
    .string()
    .min(1)
    .describe(
      'File of hashed keys, written by `millrace tenants key`; read again when it changes.',
    ),
  header: textField(readHeaderName, { type: 'string' })
    .prefault('x-api-key' as never)
    .describe('Header that may carry a key instead of `Authorization: Bearer` or `ApiKey`.'),
})

const jwtIssuer = z
  .strictObject({
    issuer: z.string().min(1).describe('What `iss` must say.'),
    audience: textList().describe('One of these must be in `aud`; none configured is any.'),
    jwks_url: httpEndpoint().optional().describe('Where the public keys of the issuer are.'),
    jwks_file: z
      .string()
      .optional()
      .describe('File with the keys instead, a JWK set; read again when it changes.'),
    algorithms: z
      .array(z.enum(ALGORITHMS))
      .min(1)
      .default([...DEFAULT_ALGORITHMS])
      .describe('Signatures that are accepted. HS256 and its kin need a jwks_file.'),
    tenant_claim: z
      .string()
      .min(1)
      .default('tenant')
      .describe(
        'Claim that names the tenant; dots lead into objects where no claim has this name.',
      ),
    tenant: tenantId()
      .optional()
      .describe('Tenant of all tokens of this issuer, instead of a claim.'),
    signals_claim: z
      .string()
      .default('')
      .describe('Claim that lists what may be sent, a list or words; empty is everything.'),
    clock_skew: duration('30s', { maxMs: 600_000 }).describe(
      'How far the clock of the issuer may be off.',
    ),
    max_age: duration('0s').describe('Refuses tokens issued longer ago; 0 is any.'),
    require_expiry: z.boolean().default(true).describe('Refuses tokens that never expire.'),
    refresh_interval: duration('10m', { minMs: 1000 }).describe(
      'Keys of jwks_url are fetched again after so long.',
    ),
    timeout: duration('5s', { positive: true }).describe('Of one fetch of the keys.'),
  })
  .superRefine((issuer, context) => {
    for (const message of findIssuerFaults(issuer)) context.addIssue({ code: 'custom', message })
  })

function refuseTwins(
  issuers: readonly { readonly issuer: string }[],
  context: z.core.$RefinementCtx,
): void {
  const names = issuers.map(({ issuer }) => issuer)
  const twice = names.findIndex((name, i) => names.indexOf(name) < i)
  if (twice < 0) return
  const message = 'is the issuer of an entry before'
  context.addIssue({ code: 'custom', message, path: [twice, 'issuer'] } as never)
}

function findIssuerFaults(issuer: {
  jwks_url?: string
  jwks_file?: string
  algorithms: readonly string[]
}): string[] {
  const isUrl = issuer.jwks_url !== undefined
  const isFile = issuer.jwks_file !== undefined
  if (isUrl === isFile) return ['takes exactly one of jwks_url and jwks_file']
  const isSymmetric = issuer.algorithms.some(name => name.startsWith('HS'))
  return isSymmetric && isUrl ? ['has HS algorithms, whose keys cannot come from a jwks_url'] : []
}

const certificateRule = z
  .strictObject({
    from: z.enum(SUBJECT_SOURCES).default('subject_cn').describe('Part of the certificate.'),
    pattern: textField(
      text => {
        const compiled = compileSubjectPattern(text)
        return typeof compiled === 'string'
          ? wrong(compiled, 'such as {tenant}.agents.example')
          : text
      },
      { type: 'string' },
    )
      .prefault('{tenant}' as never)
      .describe('What it must look like; `{tenant}` is the tenant, `*` any text without "/".'),
    tenant: tenantId().optional().describe('Tenant of all that match, where the pattern has none.'),
    signals: signals('What may be sent; absent is everything.'),
  })
  .superRefine(({ pattern, tenant }, context) => {
    const compiled = compileSubjectPattern(pattern)
    if (typeof compiled === 'string' || compiled.namesTenant !== (tenant !== undefined)) return
    const message = 'takes exactly one of tenant and {tenant} in its pattern'
    context.addIssue({ code: 'custom', message })
  })

const basic = optionalSection({
  htpasswd: section({
    file: z.string().default('').describe('htpasswd file; read again when it changes.'),
    inline: secret().optional().describe('The same as text; its users come first.'),
  }).describe('Users and their hashed passwords; one of file and inline, or both.'),
  users: z
    .record(z.string(), tenantId())
    .default({})
    .describe('Tenant by user; who is not named is a tenant of that name.'),
}).superRefine((section, context) => {
  if (section === undefined || section.htpasswd.file !== '' || section.htpasswd.inline) return
  context.addIssue({ code: 'custom', message: 'has no users: neither htpasswd.file nor inline' })
})

const proxyHeader = optionalSection({
  name: textField(readHeaderName, { type: 'string' })
    .prefault('x-scope-orgid' as never)
    .describe('Header that names the tenant.'),
  trusted_proxies: z
    .array(textField(readNetwork, { type: 'string' }))
    .min(1)
    .describe(
      'Addresses and networks (CIDR) that are believed; from others the header is refused.',
    ),
})

const guessing = section({
  failures: integer(20, { min: 0 }).describe(
    'Wrong credentials from one address before it has to wait; 0 is no limit.',
  ),
  window: duration('1m', { positive: true }).describe('Time in which they are forgotten.'),
  max_addresses: integer(10_000, { min: 16, max: 1_000_000 }).describe(
    'Addresses that are remembered; the one that failed longest ago makes room.',
  ),
})

/** Keys for a `section` of an extension; each method that is absent is off. */
export const identityFields = {
  api_keys: apiKeys.describe('Keys made by `millrace tenants key`.'),
  jwt: z
    .preprocess(value => value ?? [], z.array(jwtIssuer).superRefine(refuseTwins))
    .prefault([] as never)
    .describe('Issuers of JSON Web Tokens, sent as `Authorization: Bearer`.'),
  certificates: z
    .preprocess(value => value ?? [], z.array(certificateRule))
    .prefault([] as never)
    .describe('How client certificates name tenants; the first rule that matches counts.'),
  basic: basic.describe('User and password, `Authorization: Basic`.'),
  header: proxyHeader.describe('A header set by trusted proxies.'),
  anonymous: tenantId()
    .optional()
    .describe('Tenant of those who show nothing; absent turns them away.'),
  guessing: guessing.describe('Limit on guessing credentials.'),
} as const

export type IdentityConfig = z.output<z.ZodObject<typeof identityFields>>
export type JwtIssuerConfig = z.output<typeof jwtIssuer>
export type CertificateRuleConfig = z.output<typeof certificateRule>

function readTenantId(text: string): TenantId | Wrong {
  return isTenantId(text) ? text : wrong('is not the id of a tenant', TENANT_ID_RULE)
}

function readHeaderName(text: string): string | Wrong {
  const name = text.toLowerCase()
  return /^[a-z0-9][a-z0-9_.-]{0,127}$/.test(name)
    ? name
    : wrong('is not a header that gRPC and HTTP can carry', 'letters, digits and "-"')
}
