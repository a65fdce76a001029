/** Thrift as Jaeger's clients post it and send it in packets, and who reads it. */
import type { Meter } from '../../core/meter.ts'
import { mediaTypeOf } from '../../net/http-request.ts'
import type { TranslateFault } from '../../translate/fault.ts'
import {
  readJaegerAgentBinary,
  readJaegerAgentCompact,
  readJaegerThriftBinary,
  readJaegerThriftCompact,
} from '../../translate/jaeger/thrift.ts'
import type { HttpFormat, HttpFormats } from '../intake/http-translation.ts'
import { countTransport } from '../intake/metrics.ts'
import type { PacketFormat } from './packet-door.ts'

export const TRACES_PATH = '/api/traces'

/** Upstream's name of the transport. */
const COLLECTOR_HTTP = 'collector_http'

export const COMPACT_PACKETS: PacketFormat = {
  transport: 'udp_thrift_compact',
  title: 'Jaeger Thrift (compact)',
  read: readJaegerAgentCompact,
}

export const BINARY_PACKETS: PacketFormat = {
  transport: 'udp_thrift_binary',
  title: 'Jaeger Thrift (binary)',
  read: readJaegerAgentBinary,
}

/** `receiver` is the id that the metrics carry. */
export function thriftFormats(meter: Meter, receiver: string): HttpFormats {
  const counters = countTransport(meter, receiver, COLLECTOR_HTTP, ['traces'])
  const format = (
    title: string,
    read: (bytes: Uint8Array) => Uint8Array | TranslateFault,
  ): HttpFormat => ({ title, read, counters, answersIn: 'text' })
  const binary = format('Jaeger Thrift (binary)', readJaegerThriftBinary)
  const byType: ReadonlyMap<string, HttpFormat> = new Map([
    ['application/x-thrift', binary],
    ['application/vnd.apache.thrift.binary', binary],
    [
      'application/vnd.apache.thrift.compact',
      format('Jaeger Thrift (compact)', readJaegerThriftCompact),
    ],
  ])
  return {
    supported: `[${[...byType.keys()].join(', ')}]`,
    fallback: binary,
    find: contentType => byType.get(mediaTypeOf(contentType)),
  }
}
