/** Where one endpoint of a pool is: its text in the configuration taken apart, for senders, look-ups and health checks. */
import { isIP } from 'node:net'
import { parseGrpcTarget } from '../../../net/grpc-client-target.ts'

/** What the sender of one endpoint is made for. */
export interface Place {
  /** As configured. */
  readonly endpoint: string
  /** One address of its host, where every address is an endpoint of its own; null = the sender looks the host up. */
  readonly address: string | null
}

/** How the texts of `endpoints` are to be read: as targets of a gRPC client or as URLs. */
export type EndpointKind = 'grpc' | 'http'

export interface Location {
  /** Of a unix socket; null for TCP. */
  readonly path: string | null
  readonly host: string
  readonly port: number
  /** Said by the scheme; null where the configuration's `tls` decides. */
  readonly isPlain: boolean | null
  /** For `Host` and `:authority`. */
  readonly authority: string
}

export function locate(kind: EndpointKind, endpoint: string): Location {
  if (kind === 'http') return locateUrl(new URL(endpoint))
  const target = parseGrpcTarget(endpoint)
  // The schema has judged it before.
  if (typeof target === 'string') throw new Error(`${endpoint}: ${target}`)
  const { path, host, port, authority, scheme } = target
  return { path, host, port, isPlain: scheme === null ? null : scheme === 'http', authority }
}

function locateUrl({ protocol, hostname, port, host }: URL): Location {
  const isPlain = protocol === 'http:'
  const bare = hostname.replace(/^\[|\]$/g, '')
  const number = port === '' ? (isPlain ? 80 : 443) : Number(port)
  return { path: null, host: bare, port: number, isPlain, authority: host }
}

/** Its addresses can change: it is looked up by name. */
export function hasName({ path, host }: Location): boolean {
  return path === null && isIP(host) === 0
}

/** For logs, messages and labels: without credentials that a URL may carry, and with the address where there is one. */
export function nameOf({ endpoint, address }: Place): string {
  const shown = endpoint.replace(/\/\/[^/@]*@/, '//')
  return address === null ? shown : `${shown} (${address})`
}
