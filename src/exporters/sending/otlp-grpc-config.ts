/** What is configured of OTLP over gRPC besides where it goes. Keys and defaults are those of the collector's `otlp_grpc`. */
import { z } from 'zod'
import {
  authField,
  compressionField,
  compressionParams,
  headersMap,
  idle,
  integer,
  keepaliveClient,
  tlsClient,
} from '../../config/fields.ts'
import { sendingFields } from './config.ts'

/** Zod pieces for an exporter's schema. */
export const otlpGrpcFields = {
  compression: compressionField(['none', 'gzip', 'zstd', 'snappy'], 'gzip').describe(
    'Compression of requests.',
  ),
  compression_params: compressionParams.describe('How hard to compress; gzip is at level 1.'),
  headers: headersMap.describe('Metadata sent with every request; the values are secret.'),
  tls: tlsClient.describe('TLS towards the destination; on unless insecure is set.'),
  keepalive: keepaliveClient.describe('Pings on connections; absent is every 10s while waiting.'),
  balancer_name: z
    .enum(['round_robin', 'pick_first'])
    .default('round_robin')
    .describe('How requests are spread over the addresses of the endpoint.'),
  wait_for_ready: z
    .boolean()
    .default(false)
    .describe('An attempt waits for a connection until its timeout instead of failing at once.'),
  authority: z
    .string()
    .optional()
    .describe('What :authority says instead of the host in endpoint.'),
  connections_per_address: integer(1, { min: 1, max: 64 }).describe(
    'Connections to each address of the endpoint.',
  ),
  write_buffer_size: idle(
    integer(524_288).describe('Accepted for compatibility; writes are gathered without a buffer.'),
  ),
  read_buffer_size: idle(
    integer(0).describe("Accepted for compatibility; reads use the system's size."),
  ),
  auth: authField.describe('Extension that adds credentials to requests.'),
  ...sendingFields('5s'),
}

export type OtlpGrpcFields = z.output<z.ZodObject<typeof otlpGrpcFields>>
