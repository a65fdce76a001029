/**
 * Configuration of the gRPC and HTTP servers that receivers listen with: the keys and defaults of the Go collector, except
 * that requests of OTLP, and those over gRPC, may have 64 MiB and that connections are bounded. Apart because otlp, jaeger
 * and zipkin have the same.
 */
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
  tlsServer,
} from '../../config/fields.ts'
import type { ConfigProblem } from '../../core/factory.ts'
import { ENCODINGS } from '../../net/compression.ts'
import type { GuestLimits } from '../../net/guests.ts'
import { cipherList } from '../../net/tls-names.ts'
import { splitHostPort } from '../../util/host-port.ts'

/** What the OTLP specification advises; upstream has 4 MiB for gRPC, and breaks on its own batches, and 20 MiB for HTTP. */
const MAX_REQUEST_MIB = 64

/**
 * Of formats that are translated, as upstream has it: the text of a small span becomes three times its length in memory
 * for as long as it takes.
 */
export const MAX_TRANSLATED_MIB = 20

/** Each costs some 20 KiB and a file descriptor. */
const MAX_CONNECTIONS = 8192

type Fields<S extends Readonly<Record<string, z.ZodType>>> = z.output<
  z.ZodObject<S, z.core.$strict>
>

export type GrpcServerConfig = Fields<ReturnType<typeof grpcServerFields>>
export type HttpServerConfig = Fields<ReturnType<typeof httpServerFields>>

/** Not upstream's: there the number of file descriptors is the limit, and reaching it locks everybody out. */
function connectionLimits() {
  return {
    max_connections: integer(MAX_CONNECTIONS).describe(
      'Connections at one time; the oldest on which no request was let in makes room for one more. 0 is no limit.',
    ),
    max_connections_per_address: integer(0).describe(
      'Connections from one address at one time; 0 is no limit.',
    ),
  }
}

/** What every server has, with the address where it listens unless told otherwise. */
function serverFields(endpoint: string) {
  return {
    endpoint: listenEndpoint(endpoint).describe('Address to listen on, host:port.'),
    transport: z
      .enum(['tcp', 'tcp4', 'tcp6', 'unix'])
      .default('tcp')
      .describe('`unix` makes `endpoint` the path of a socket.'),
    tls: tlsServer.describe('Encrypts, and with `client_ca_file` demands client certificates.'),
    auth: authField.describe('Authenticator that checks every request.'),
    include_metadata: z
      .boolean()
      .default(false)
      .describe('Hands request headers on with the data, for `metadata_keys` and the like.'),
  }
}

/** Keys of a gRPC server's section. */
export function grpcServerFields(endpoint: string) {
  return {
    ...serverFields(endpoint),
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
    ...connectionLimits(),
  }
}

/** Keys of an HTTP server's section. */
export function httpServerFields(endpoint: string, maxBodyMib = MAX_REQUEST_MIB) {
  const maxBodyBytes = maxBodyMib * 1024 * 1024
  return {
    ...serverFields(endpoint),
    cors: corsField.describe('Lets scripts of web pages send.'),
    max_request_body_size: byteSize(maxBodyBytes)
      .transform(bytes => bytes || maxBodyBytes)
      .describe('Largest body, as it comes and after inflating; 0 is the default.'),
    response_headers: z
      .record(z.string(), z.string())
      .default({})
      .describe('Headers added to every answer.'),
    compression_algorithms: z
      .array(z.enum(['', ...ENCODINGS]))
      .default(['', ...ENCODINGS])
      .describe('Encodings that a body may have; plain bodies are always taken.'),
    read_header_timeout: duration('1m', { positive: true }).describe(
      'Time for the headers to come.',
    ),
    read_timeout: duration('0s').describe(
      'Time for a body to come; 0 allows pauses of 30 s and a mean of at least 4 KiB/s.',
    ),
    write_timeout: duration('30s').describe('Time for a client to take its answer; 0 is 30 s.'),
    idle_timeout: duration('1m').describe('Closes connections without requests after this time.'),
    keep_alives_enabled: z.boolean().default(true).describe('Connections serve many requests.'),
    ...connectionLimits(),
  }
}

/** Rules between the keys of one server, whose section is at `path`. */
export function checkServer(
  path: readonly string[],
  server: GrpcServerConfig | HttpServerConfig,
): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const { endpoint } = server
  if (server.transport !== 'unix' && typeof splitHostPort(endpoint) === 'string') {
    problems.push({
      path: [...path, 'endpoint'],
      message: 'is the path of a socket, but `transport` is not unix',
      expected: 'host:port, or transport: unix',
    })
  }
  try {
    cipherList(server.tls?.cipher_suites ?? [])
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
export function maxMessageBytes(config: Pick<GrpcServerConfig, 'max_recv_msg_size_mib'>): number {
  return (config.max_recv_msg_size_mib || MAX_REQUEST_MIB) * 1024 * 1024
}

export function guestLimits(config: GrpcServerConfig | HttpServerConfig): GuestLimits {
  return {
    maxConnections: config.max_connections,
    maxPerAddress: config.max_connections_per_address,
  }
}
