/** What is configured of an HTTP client besides where it goes. Keys are those of the collector's `confighttp`. */
import { z } from 'zod'
import {
  authField,
  type CompressionName,
  compressionField,
  compressionParams,
  duration,
  headersMap,
  idle,
  integer,
  tlsClient,
} from '../../config/fields.ts'

const COMPRESSIONS: readonly CompressionName[] = [
  'none',
  'gzip',
  'zstd',
  'zlib',
  'deflate',
  'snappy',
  'x-snappy-framed',
  'lz4',
]

/** Zod pieces for an exporter's schema. */
export function httpClientFields(compression: CompressionName) {
  return {
    compression: compressionField(COMPRESSIONS, compression).describe('Compression of requests.'),
    compression_params: compressionParams.describe('How hard to compress; gzip is at level 1.'),
    headers: headersMap.describe('Headers sent with every request; the values are secret.'),
    tls: tlsClient.describe('TLS towards https:// endpoints.'),
    max_conns_per_host: integer(0).describe(
      'Most connections to one host; 0 is what num_consumers can use.',
    ),
    idle_conn_timeout: duration('90s').describe(
      'Closes unused connections after so long; 0 never.',
    ),
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
      integer(524_288).describe(
        'Accepted for compatibility; writes are gathered without a buffer.',
      ),
    ),
    read_buffer_size: idle(
      integer(0).describe("Accepted for compatibility; reads use the system's size."),
    ),
    auth: authField.describe('Extension that adds credentials to requests.'),
  }
}

export type HttpClientFields = z.output<z.ZodObject<ReturnType<typeof httpClientFields>>>
