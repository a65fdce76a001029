/** What clients and servers share in their configuration: TLS, headers, compression, keepalive, authentication, CORS. Keys are upstream's. */
import { z } from 'zod'
import { Secret } from '../../util/secret.ts'
import {
  duration,
  extensionReference,
  integer,
  optionalSection,
  secret,
  textField,
  wrong,
} from './basic.ts'

const TLS_VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const

type TlsVersion = (typeof TLS_VERSIONS)[number]

/** The empty text is the same as absent. */
function tlsVersion<P extends TlsVersion | undefined>(preset: P): z.ZodType<TlsVersion | P> {
  const choice = preset === undefined ? z.enum(TLS_VERSIONS).optional() : z.enum(TLS_VERSIONS)
  const absent = (value: unknown) => (value === '' || value === undefined ? preset : value)
  const field = z.preprocess(absent, choice)
  return (preset === undefined ? field.optional() : field.prefault(preset)) as unknown as z.ZodType<
    TlsVersion | P
  >
}

const tlsFields = {
  ca_file: z
    .string()
    .optional()
    .describe('File with the certificates of trusted authorities, PEM.'),
  ca_pem: secret().optional().describe('Certificates of trusted authorities as PEM text.'),
  include_system_ca_certs_pool: z
    .boolean()
    .default(false)
    .describe("Trusts the system's authorities besides ca_file or ca_pem."),
  cert_file: z.string().optional().describe('File with the own certificate chain, PEM.'),
  cert_pem: secret().optional().describe('Own certificate chain as PEM text.'),
  key_file: z.string().optional().describe('File with the private key of the certificate, PEM.'),
  key_pem: secret().optional().describe('Private key of the certificate as PEM text.'),
  min_version: tlsVersion('1.2').describe('Oldest TLS version to accept.'),
  max_version: tlsVersion(undefined).describe('Newest TLS version; absent is the newest.'),
  cipher_suites: z
    .array(z.string())
    .default([])
    .describe("TLS 1.2 cipher suites by their IANA names; empty is the runtime's choice."),
  include_insecure_cipher_suites: z
    .boolean()
    .default(false)
    .describe('Allows cipher suites that are known to be weak.'),
  curve_preferences: z
    .array(z.enum(['X25519', 'P521', 'P256', 'P384', 'X25519MLKEM768']))
    .default([])
    .describe("Key agreement curves in order; empty is the runtime's choice."),
  reload_interval: duration('0s').describe(
    'How often certificate files are read again; 0 reads them when they change.',
  ),
} as const

/** Keys of a server's `tls` section, for `section`, `optionalSection` or a wider shape. */
export const tlsServerFields = {
  ...tlsFields,
  client_ca_file: z
    .string()
    .optional()
    .describe(
      'File with the authorities for client certificates; clients must then show one (mTLS).',
    ),
  client_ca_file_reload: z
    .boolean()
    .default(false)
    .describe('Reads client_ca_file again when it changes.'),
} as const

/** Keys of a client's `tls` section. */
export const tlsClientFields = {
  ...tlsFields,
  insecure: z.boolean().default(false).describe('Speaks without TLS.'),
  insecure_skip_verify: z
    .boolean()
    .default(false)
    .describe("Does not check the server's certificate. For tests only."),
  server_name_override: z
    .string()
    .optional()
    .describe('Name that the certificate must carry instead of the host in the endpoint.'),
} as const

/** Optional `tls` section of a server; absent means no TLS. */
export const tlsServer = optionalSection(tlsServerFields).superRefine((tls, context) => {
  if (tls === undefined) return
  for (const message of findTlsFaults(tls)) context.addIssue({ code: 'custom', message })
  if (!hasCertificate(tls) && !hasKey(tls)) {
    const message = 'has neither certificate nor key'
    context.addIssue({ code: 'custom', message, params: { expected: 'cert_file and key_file' } })
  }
})
export type TlsServerConfig = NonNullable<z.output<typeof tlsServer>>

/** Optional `tls` section of a client; what absent means is the component's choice. */
export const tlsClient = optionalSection(tlsClientFields).superRefine((tls, context) => {
  if (tls === undefined) return
  for (const message of findTlsFaults(tls)) context.addIssue({ code: 'custom', message })
})
export type TlsClientConfig = NonNullable<z.output<typeof tlsClient>>

type CommonTls = z.output<z.ZodObject<typeof tlsFields>>

function hasCertificate(tls: CommonTls): boolean {
  return isSet(tls.cert_file) || isSet(tls.cert_pem)
}

function hasKey(tls: CommonTls): boolean {
  return isSet(tls.key_file) || isSet(tls.key_pem)
}

/** The empty text is the same as absent, as in upstream. */
function isSet(value: string | Secret | undefined): boolean {
  return value !== undefined && (value instanceof Secret ? value.reveal() : value) !== ''
}

/** Rules between the keys that servers and clients share. */
function findTlsFaults(tls: CommonTls): string[] {
  const faults: string[] = []
  for (const kind of ['ca', 'cert', 'key'] as const) {
    if (isSet(tls[`${kind}_file`]) && isSet(tls[`${kind}_pem`])) {
      faults.push(`has both ${kind}_file and ${kind}_pem; only one of them may be set`)
    }
  }
  if (hasCertificate(tls) !== hasKey(tls)) {
    faults.push('has a certificate without key, or a key without certificate; it takes both')
  }
  if (tls.max_version !== undefined && tls.max_version < tls.min_version) {
    faults.push('has a min_version greater than its max_version')
  }
  return faults
}

export type HeadersConfig = Readonly<Record<string, Secret>>

const headerValue = textField<Secret>(
  text =>
    /[\r\n\0]/.test(text)
      ? wrong('has a line break in it', 'a text of one line')
      : new Secret(text),
  { type: 'string', writeOnly: true },
)

/** Header names with secret values: a map, or upstream's list of `{name, value}`. */
export const headersMap: z.ZodType<HeadersConfig> = z
  .preprocess(headersFromList, z.record(z.string(), headerValue))
  .prefault({}) as unknown as z.ZodType<HeadersConfig>

function headersFromList(value: unknown): unknown {
  if (value === null) return {}
  if (!Array.isArray(value)) return value
  if (!value.every(isNameAndValue)) return value
  return Object.fromEntries(value.map(item => [String(item.name), item.value ?? '']))
}

function isNameAndValue(item: unknown): item is { name: unknown; value?: unknown } {
  return typeof item === 'object' && item !== null && 'name' in item
}

const COMPRESSIONS = ['none', 'gzip', 'zstd', 'snappy', 'zlib', 'deflate', 'lz4'] as const
export type CompressionName = (typeof COMPRESSIONS)[number] | 'x-snappy-framed'

/** `compression` of a client. The empty text is the same as none, as upstream has it. */
export function compressionField(
  choices: readonly CompressionName[] = ['none', 'gzip', 'zstd', 'snappy'],
  defaultChoice: CompressionName = 'gzip',
): z.ZodType<CompressionName> {
  return z
    .preprocess(value => (value === '' ? 'none' : value), z.enum(choices))
    .prefault(defaultChoice) as unknown as z.ZodType<CompressionName>
}

/** `compression_params` of an HTTP client. */
export const compressionParams = optionalSection({
  level: integer(0, { min: -2, max: 22 }).describe(
    "Level for gzip, zlib and deflate (1 to 9, -1) or zstd (1 to 22); 0 is the codec's default.",
  ),
})

/** `keepalive` of a gRPC server. Durations of 0 mean never. */
export const keepaliveServer = optionalSection({
  server_parameters: optionalSection({
    max_connection_idle: duration('0s').describe('Closes a connection without calls for so long.'),
    max_connection_age: duration('0s').describe(
      'Asks clients to connect anew after so long; 10 % jitter is added.',
    ),
    max_connection_age_grace: duration('0s').describe('Time for calls to end after that.'),
    time: duration('2h').describe('Pings a client after so long without any frame.'),
    timeout: duration('20s').describe(
      'Closes the connection if a ping is not answered in this time.',
    ),
  }).describe('When connections are pinged and closed.'),
  enforcement_policy: optionalSection({
    min_time: duration('5m').describe('A client may not ping more often than this.'),
    permit_without_stream: z
      .boolean()
      .default(false)
      .describe('Allows pings on connections without calls.'),
  }).describe('What pings of clients are allowed.'),
})

/** `keepalive` of a gRPC client. */
export const keepaliveClient = optionalSection({
  time: duration('10s').describe('Pings the server after so long without any frame.'),
  timeout: duration('10s').describe(
    'Closes the connection if a ping is not answered in this time.',
  ),
  permit_without_stream: z
    .boolean()
    .default(false)
    .describe('Pings also when no call is in flight.'),
})

/** `auth` of a server or client: names an extension. */
export const authField = optionalSection({
  authenticator: extensionReference().describe('Extension that checks or adds credentials.'),
  request_params: z
    .array(z.string())
    .default([])
    .describe('Query parameters handed to the authenticator (HTTP servers).'),
})

/** `cors` of an HTTP server. */
export const corsField = optionalSection({
  allowed_origins: z
    .array(z.string())
    .default([])
    .describe('Origins that browsers may send from; `*` stands for any part.'),
  allowed_headers: z
    .array(z.string())
    .default([])
    .describe('Request headers besides the usual ones that browsers may send.'),
  exposed_headers: z
    .array(z.string())
    .default([])
    .describe('Response headers that scripts in browsers may read.'),
  max_age: integer(0).describe('Seconds for which browsers keep the answer; 0 leaves it to them.'),
})
