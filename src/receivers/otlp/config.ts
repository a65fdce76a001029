/** Configuration of `otlp`: the keys and defaults of the Go collector, except that requests may have 64 MiB. */
import { z } from 'zod'
import {
  authField,
  byteSize,
  corsField,
  duration,
  idle,
  integer,
  keepaliveServer,
  listenEndpoint,
  optionalSection,
  section,
  tlsServer,
  urlPath,
} from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import { HTTP_EXPORT_PATH } from '../../core/signal.ts'
import { ENCODINGS } from '../../net/compression.ts'
import type { GuestLimits } from '../../net/guests.ts'
import { cipherList } from '../../net/tls-names.ts'
import { splitHostPort } from '../../util/host-port.ts'

/** What the specification advises; upstream has 4 MiB for gRPC and 20 MiB for HTTP. */
const MAX_REQUEST_MIB = 64

/** Each costs some 20 KiB and a file descriptor. */
const MAX_CONNECTIONS = 8192

/** Not upstream's: there the number of file descriptors is the limit, and reaching it locks everybody out. */
const connectionLimits = {
  max_connections: integer(MAX_CONNECTIONS).describe(
    'Connections at one time; the oldest on which no request was let in makes room for one more. 0 is no limit.',
  ),
  max_connections_per_address: integer(0).describe(
    'Connections from one address at one time; 0 is no limit.',
  ),
}

const transport = z
  .enum(['tcp', 'tcp4', 'tcp6', 'unix'])
  .default('tcp')
  .describe('`unix` makes `endpoint` the path of a socket.')

const grpc = optionalSection({
  endpoint: listenEndpoint('localhost:4317').describe('Address to listen on, host:port.'),
  transport,
  tls: tlsServer.describe('Encrypts, and with `client_ca_file` demands client certificates.'),
  max_recv_msg_size_mib: integer(MAX_REQUEST_MIB, { max: 2047 }).describe(
    'Largest request in MiB, as it comes and after inflating; 0 is the default.',
  ),
  max_concurrent_streams: integer(0, { max: 0xffffffff }).describe(
    'Calls at one time on a connection; 0 is 1000.',
  ),
  read_buffer_size: idle(
    integer(0).describe('Accepted for compatibility; reading needs no buffer.'),
  ),
  write_buffer_size: idle(
    integer(0).describe('Accepted for compatibility; answers need no buffer.'),
  ),
  keepalive: keepaliveServer.describe('Pings, and when connections are closed.'),
  include_metadata: z
    .boolean()
    .default(false)
    .describe('Hands request headers on with the data, for `metadata_keys` and the like.'),
  auth: authField.describe('Authenticator that checks every request.'),
  ...connectionLimits,
}).describe('OTLP over gRPC; present, even empty, means on.')

const http = optionalSection({
  endpoint: listenEndpoint('localhost:4318').describe('Address to listen on, host:port.'),
  transport,
  tls: tlsServer.describe('Encrypts, and with `client_ca_file` demands client certificates.'),
  cors: corsField.describe('Lets scripts of web pages send.'),
  auth: authField.describe('Authenticator that checks every request.'),
  max_request_body_size: byteSize(MAX_REQUEST_MIB << 20).describe(
    'Largest body, as it comes and after inflating; 0 is the default.',
  ),
  include_metadata: z
    .boolean()
    .default(false)
    .describe('Hands request headers on with the data, for `metadata_keys` and the like.'),
  traces_url_path: urlPath(HTTP_EXPORT_PATH.traces).describe('Path of the traces.'),
  metrics_url_path: urlPath(HTTP_EXPORT_PATH.metrics).describe('Path of the metrics.'),
  logs_url_path: urlPath(HTTP_EXPORT_PATH.logs).describe('Path of the logs.'),
  profiles_url_path: idle(
    urlPath('/v1development/profiles').describe(
      'Accepted for compatibility; profiles are not received.',
    ),
  ),
  response_headers: z
    .record(z.string(), z.string())
    .default({})
    .describe('Headers added to every answer.'),
  compression_algorithms: z
    .array(z.enum(['', ...ENCODINGS]))
    .default(['', ...ENCODINGS])
    .describe('Encodings that a body may have; plain bodies are always taken.'),
  read_header_timeout: duration('1m', { positive: true }).describe('Time for the headers to come.'),
  read_timeout: duration('0s').describe(
    'Time for a body to come; 0 allows pauses of 30 s and a mean of at least 4 KiB/s.',
  ),
  write_timeout: duration('30s').describe('Time for a client to take its answer; 0 is 30 s.'),
  idle_timeout: duration('1m').describe('Closes connections without requests after this time.'),
  keep_alives_enabled: z.boolean().default(true).describe('Connections serve many requests.'),
  ...connectionLimits,
}).describe('OTLP over HTTP; present, even empty, means on.')

const schema = section({
  protocols: section({ grpc, http }).describe('At least one of `grpc` and `http`.'),
})

export type OtlpReceiverConfig = z.output<typeof schema>
export type GrpcConfig = NonNullable<OtlpReceiverConfig['protocols']['grpc']>
export type HttpConfig = NonNullable<OtlpReceiverConfig['protocols']['http']>

export const config: ConfigSpec<OtlpReceiverConfig> = { schema, check }

function check({ protocols }: OtlpReceiverConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  if (protocols.grpc === undefined && protocols.http === undefined) {
    problems.push({
      path: ['protocols'],
      message: 'must specify at least one protocol when using the OTLP receiver',
      expected: 'grpc, http or both',
    })
  }
  for (const name of ['grpc', 'http'] as const) {
    const protocol = protocols[name]
    if (protocol !== undefined) problems.push(...checkProtocol(['protocols', name], protocol))
  }
  return problems
}

function checkProtocol(
  path: readonly string[],
  protocol: GrpcConfig | HttpConfig,
): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const { endpoint } = protocol
  if (protocol.transport !== 'unix' && typeof splitHostPort(endpoint) === 'string') {
    problems.push({
      path: [...path, 'endpoint'],
      message: 'is the path of a socket, but `transport` is not unix',
      expected: 'host:port, or transport: unix',
    })
  }
  try {
    cipherList(protocol.tls?.cipher_suites ?? [])
  } catch (error) {
    problems.push({
      path: [...path, 'tls', 'cipher_suites'],
      message: (error as Error).message,
      expected: 'IANA names of TLS 1.2 suites',
    })
  }
  return problems
}

/** The limit in bytes, where 0 stands for the default. */
export function maxMessageBytes({ max_recv_msg_size_mib: mib }: GrpcConfig): number {
  return (mib || MAX_REQUEST_MIB) * 1024 * 1024
}

export function maxBodyBytes({ max_request_body_size: bytes }: HttpConfig): number {
  return bytes || MAX_REQUEST_MIB * 1024 * 1024
}

export function guestLimits(config: GrpcConfig | HttpConfig): GuestLimits {
  return {
    maxConnections: config.max_connections,
    maxPerAddress: config.max_connections_per_address,
  }
}
