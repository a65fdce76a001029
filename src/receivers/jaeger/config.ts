/** Configuration of `jaeger`: a protocol is on when its key is there, even empty, as upstream has it. */
import { z } from 'zod'
import { hostPort, integer, optionalSection, section } from '../../config/fields.ts'
import type { ConfigProblem, ConfigSpec } from '../../core/factory.ts'
import {
  checkServer,
  grpcServerFields,
  httpServerFields,
  MAX_TRANSLATED_MIB,
} from '../intake/server-config.ts'

/** Largest payload of a UDP packet. */
const MAX_PACKET_BYTES = 65_507

function udpFields(endpoint: string) {
  return {
    endpoint: hostPort().prefault(endpoint).describe('Address to listen on, host:port.'),
    queue_size: integer(1000, { min: 1 }).describe(
      'Packets that wait while the pipeline is busy; more are dropped and counted.',
    ),
    max_packet_size: integer(65_000, { min: 1 }).describe(
      `Largest packet in bytes; longer ones are dropped. None has more than ${MAX_PACKET_BYTES}.`,
    ),
    workers: integer(10, { min: 1 }).describe(
      'Packets that are offered to the pipeline at one time.',
    ),
    socket_buffer_size: integer(0, { max: 0x7fff_ffff }).describe(
      "Bytes that the kernel keeps while the collector is busy; 0 is the system's default.",
    ),
  }
}

const protocols = section({
  grpc: optionalSection(grpcServerFields('localhost:14250')).describe(
    'Protobuf over gRPC, jaeger.api_v2 PostSpans, as agents and collectors send.',
  ),
  thrift_http: optionalSection(httpServerFields('localhost:14268', MAX_TRANSLATED_MIB)).describe(
    'Thrift over HTTP, posted to /api/traces, as clients without an agent send.',
  ),
  thrift_compact: optionalSection(udpFields('localhost:6831')).describe(
    'Thrift in the compact protocol over UDP, as most clients send to an agent.',
  ),
  thrift_binary: optionalSection(udpFields('localhost:6832')).describe(
    'Thrift in the binary protocol over UDP, as Node.js clients send to an agent.',
  ),
}).describe('At least one of `grpc`, `thrift_http`, `thrift_compact` and `thrift_binary`.')

const schema = section({
  protocols,
  remote_sampling: z
    .unknown()
    .optional()
    .describe('Not served here, as in upstream; its presence is an error that says so.'),
})

export type JaegerReceiverConfig = z.output<typeof schema>
export type UdpConfig = NonNullable<JaegerReceiverConfig['protocols']['thrift_compact']>

export const config: ConfigSpec<JaegerReceiverConfig> = { schema, check }

function check({ protocols, remote_sampling }: JaegerReceiverConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const { grpc, thrift_http, thrift_compact, thrift_binary } = protocols
  if ([grpc, thrift_http, thrift_compact, thrift_binary].every(each => each === undefined)) {
    problems.push({
      path: ['protocols'],
      message: 'must specify at least one protocol when using the Jaeger receiver',
      expected: 'grpc, thrift_http, thrift_compact or thrift_binary',
    })
  }
  if (grpc !== undefined) problems.push(...checkServer(['protocols', 'grpc'], grpc))
  if (thrift_http !== undefined) {
    problems.push(...checkServer(['protocols', 'thrift_http'], thrift_http))
  }
  if (remote_sampling !== undefined && remote_sampling !== null) {
    problems.push({
      path: ['remote_sampling'],
      message:
        'is not served: this receiver takes spans only, and upstream has moved sampling strategies to an extension',
      expected: 'no such key; let clients sample by their own configuration',
    })
  }
  return problems
}
