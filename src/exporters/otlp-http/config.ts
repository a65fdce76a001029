/** Configuration of `otlp_http`. Keys, defaults and checks are upstream's; what is ours is said in the README. */
import { z } from 'zod'
import {
  authField,
  compressionField,
  compressionParams,
  duration,
  headersMap,
  httpEndpoint,
  idle,
  integer,
  section,
  tlsClient,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { checkSending, sendingFields } from '../sending/config.ts'
import { checkEndpoints, endpointsFields } from '../sending/pool/config.ts'

const COMPRESSIONS = [
  'none',
  'gzip',
  'zstd',
  'zlib',
  'deflate',
  'snappy',
  'x-snappy-framed',
  'lz4',
] as const

const schema = section({
  endpoint: httpEndpoint()
    .optional()
    .describe('URL of the backend; /v1/traces, /v1/metrics and /v1/logs are appended.'),
  traces_endpoint: httpEndpoint().optional().describe('URL for traces, used as it is.'),
  metrics_endpoint: httpEndpoint().optional().describe('URL for metrics, used as it is.'),
  logs_endpoint: httpEndpoint().optional().describe('URL for logs, used as it is.'),
  ...endpointsFields(httpEndpoint()),
  encoding: z.enum(['proto', 'json']).default('proto').describe('Encoding of the messages.'),
  compression: compressionField(COMPRESSIONS, 'gzip').describe('Compression of requests.'),
  compression_params: compressionParams.describe('How hard to compress; gzip is at level 1.'),
  headers: headersMap.describe('Headers sent with every request; the values are secret.'),
  tls: tlsClient.describe('TLS towards https:// endpoints.'),
  max_conns_per_host: integer(0).describe(
    'Most connections to one host; 0 is what num_consumers can use.',
  ),
  idle_conn_timeout: duration('90s').describe('Closes unused connections after so long; 0 never.'),
  disable_keep_alives: z
    .boolean()
    .default(false)
    .describe('Opens a new connection for every request.'),
  max_idle_conns: idle(
    integer(100).describe(
      'Accepted for compatibility; connections are bounded by max_conns_per_host.',
    ),
  ),
  max_idle_conns_per_host: idle(
    integer(0).describe(
      'Accepted for compatibility; connections are bounded by max_conns_per_host.',
    ),
  ),
  write_buffer_size: idle(
    integer(524_288).describe('Accepted for compatibility; writes are gathered without a buffer.'),
  ),
  read_buffer_size: idle(
    integer(0).describe("Accepted for compatibility; reads use the system's size."),
  ),
  auth: authField.describe('Extension that adds credentials to requests.'),
  ...sendingFields('30s'),
})

export type OtlpHttpConfig = z.output<typeof schema>

export const config: ConfigSpec<OtlpHttpConfig> = { schema, check }

function check(config: OtlpHttpConfig): ConfigProblem[] {
  const keys = ['endpoint', 'traces_endpoint', 'metrics_endpoint', 'logs_endpoint'] as const
  return [...checkEndpoints(config, 'http', keys), ...checkSending(config)]
}
