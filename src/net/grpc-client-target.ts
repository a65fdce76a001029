/** Where a gRPC client connects: the text of an `endpoint` taken apart, and its names looked up. */
import { lookup } from 'node:dns/promises'
import { splitHostPort } from '../util/host-port.ts'

export interface GrpcTarget {
  /** Said by `http://` or `https://`; null where the configuration decides. */
  readonly scheme: 'http' | 'https' | null
  /** Of a unix socket; null for TCP. */
  readonly path: string | null
  readonly host: string
  readonly port: number
  /** What `:authority` says unless configured otherwise. */
  readonly authority: string
  /** False with `passthrough:`: the name is handed to the system as it is, one address. */
  readonly resolve: boolean
}

/** One place to connect to. */
export type GrpcAddress =
  | { readonly path: string }
  | { readonly host: string; readonly port: number }

const DEFAULT_PORTS = { http: 80, https: 443 }

/** Reads "host:port", "http(s)://host:port", "unix:path", "unix:///path", "dns:///host:port", "passthrough:///host:port". */
export function parseGrpcTarget(endpoint: string): GrpcTarget | string {
  if (endpoint.startsWith('unix:')) {
    const path = endpoint.startsWith('unix://') ? endpoint.slice(7) : endpoint.slice(5)
    if (path === '') return 'the path of the socket is missing'
    return { scheme: null, path, host: '', port: 0, authority: 'localhost', resolve: false }
  }
  const url = /^(https?):\/\//i.exec(endpoint)
  const scheme = url === null ? null : (url[1].toLowerCase() as 'http' | 'https')
  const named = /^(dns|passthrough):(?:\/\/[^/]*\/)?/.exec(endpoint)
  const text = endpoint.slice(url?.[0].length ?? named?.[0].length ?? 0).replace(/\/$/, '')
  if (text === '') return 'the host is missing'
  let parts = splitHostPort(text)
  if (parts === 'the port is missing' && scheme !== null) {
    parts = splitHostPort(`${text}:${DEFAULT_PORTS[scheme]}`)
  }
  if (typeof parts === 'string') return parts
  const host = parts.host === '' ? 'localhost' : parts.host
  return {
    scheme,
    path: null,
    host,
    port: parts.port,
    authority: text,
    resolve: named?.[1] !== 'passthrough',
  }
}

export type Lookup = (host: string) => Promise<readonly string[]>

/** Every address of a host in the system's order. */
export const systemLookup: Lookup = async host => {
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

/** All addresses of a target, without repetition. Rejects when the name cannot be looked up. */
export async function resolveTarget(target: GrpcTarget, look: Lookup): Promise<GrpcAddress[]> {
  const { path, host, port } = target
  if (path !== null) return [{ path }]
  if (!target.resolve) return [{ host, port }]
  const addresses = new Set(await look(host))
  return [...addresses].map(address => ({ host: address, port }))
}

export function addressKey(address: GrpcAddress): string {
  return 'path' in address ? address.path : `${address.host} ${address.port}`
}
