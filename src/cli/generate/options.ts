/** What the generator is told to do, checked; and the reading of it from the command line's texts. */
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { parseDuration } from '../../util/duration.ts'

export type Protocol = 'grpc' | 'http' | 'http-json'
export type LoadCompression = 'none' | 'gzip' | 'zstd'

export interface LoadOptions {
  readonly signals: readonly Signal[]
  /** Items a second over all signals; 0 = as fast as answers come. */
  readonly rate: number
  /** Items to send over all signals; 0 = until `durationMs`. */
  readonly count: number
  /** 0 = until `count`. */
  readonly durationMs: number
  /** Items a request. */
  readonly items: number
  readonly protocol: Protocol
  /** `host:port` for gRPC, a URL for HTTP. */
  readonly target: string
  readonly compression: LoadCompression
  readonly seed: number
  readonly connections: number
  /** Requests that may wait for their answer, over all connections. */
  readonly inFlight: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly timeoutMs: number
  readonly tls: boolean
  readonly skipVerify: boolean
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
}

/** As commander hands them over. */
export interface LoadFlags {
  readonly signal: string
  readonly rate: string
  readonly count?: string
  readonly duration?: string
  readonly items: string
  readonly protocol: string
  readonly endpoint?: string
  readonly compression: string
  readonly seed: string
  readonly connections: string
  readonly inFlight: string
  readonly header: readonly string[]
  readonly timeout: string
  readonly insecure: boolean
  readonly tls: boolean
  readonly insecureSkipVerify: boolean
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
}

const DEFAULT_ENDPOINT: Readonly<Record<Protocol, string>> = {
  grpc: 'localhost:4317',
  http: 'localhost:4318',
  'http-json': 'localhost:4318',
}

/** Throws MILLRACE_GENERATE_USAGE for a value that makes no sense. */
export function readLoadOptions(flags: LoadFlags): LoadOptions {
  const protocol = oneOf('protocol', flags.protocol, ['grpc', 'http', 'http-json'] as const)
  const endpoint = flags.endpoint ?? DEFAULT_ENDPOINT[protocol]
  const tls = !flags.insecure && (flags.tls || endpoint.startsWith('https://'))
  const count = flags.count === undefined ? 0 : whole('count', flags.count, 1)
  const compression = oneOf('compression', flags.compression, ['none', 'gzip', 'zstd'] as const)
  if (protocol === 'grpc' && compression === 'zstd') {
    throw usage('--compression zstd goes with --protocol http: the gRPC client has only gzip.')
  }
  const connections = whole('connections', flags.connections, 1)
  return {
    signals: flags.signal === 'all' ? SIGNALS : [oneOf('signal', flags.signal, SIGNALS)],
    rate: whole('rate', flags.rate, 0),
    count,
    durationMs: readDurationMs(flags, count),
    items: whole('items', flags.items, 1),
    protocol,
    target: protocol === 'grpc' ? bareAddress(endpoint) : asUrl(endpoint, tls),
    compression,
    seed: whole('seed', flags.seed, 0),
    connections,
    inFlight: Math.max(connections, whole('in-flight', flags.inFlight, 1)),
    headers: flags.header.map(readHeader),
    timeoutMs: durationMs('timeout', flags.timeout),
    tls,
    skipVerify: flags.insecureSkipVerify,
    caFile: flags.caFile,
    certFile: flags.certFile,
    keyFile: flags.keyFile,
  }
}

/** Without either bound the generator runs for ten seconds. */
function readDurationMs({ duration }: LoadFlags, count: number): number {
  if (duration !== undefined) return durationMs('duration', duration)
  return count > 0 ? 0 : 10_000
}

function durationMs(flag: string, text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms <= 0) {
    throw usage(`--${flag} ${text}: expected a duration such as 500ms, 10s or 1m.`)
  }
  return ms
}

function whole(flag: string, text: string, least: number): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= least && text.trim() !== '') return value
  throw usage(`--${flag} ${text}: expected a whole number, at least ${least}.`)
}

function oneOf<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const found = choices.find(choice => choice === text)
  if (found !== undefined) return found
  throw usage(`--${flag} ${text}: expected one of ${choices.join(', ')}.`)
}

function readHeader(text: string): readonly [string, string] {
  const at = text.search(/[=:]/)
  if (at < 1) throw usage(`--header ${text}: expected name=value.`)
  return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()]
}

/** gRPC targets have no scheme. */
function bareAddress(endpoint: string): string {
  return endpoint.replace(/^https?:\/\//, '').replace(/\/$/, '')
}

function asUrl(endpoint: string, tls: boolean): string {
  const url = /^https?:\/\//.test(endpoint) ? endpoint : `${tls ? 'https' : 'http'}://${endpoint}`
  if (URL.canParse(url)) return url
  throw usage(`--endpoint ${endpoint}: expected host:port or a URL.`)
}

function usage(detail: string): MillraceError {
  return new MillraceError('MILLRACE_GENERATE_USAGE', detail)
}
