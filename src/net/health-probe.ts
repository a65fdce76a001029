/** Asks a server once whether it is well: by a TCP connection, by an HTTP request, or by the health service of gRPC. */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { connect } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '../core/clock.ts'
import type { Abort } from '../util/abort.ts'
import { VERSION } from '../util/version.ts'
import { GrpcClient, type GrpcReply } from './grpc-client.ts'
import { GRPC, grpcCodeName } from './status.ts'

const HEALTH_CHECK_PATH = '/grpc.health.v1.Health/Check'
const SERVING = 1
const STATUS_NAMES: Readonly<Record<number, string>> = {
  0: 'UNKNOWN',
  2: 'NOT_SERVING',
  3: 'SERVICE_UNKNOWN',
}
const MAX_RESPONSE_BYTES = 4096

export interface ProbePlace {
  /** Of a unix socket; null for TCP. */
  readonly path: string | null
  /** Name or address to connect to. */
  readonly host: string
  readonly port: number
  /** For `Host`, `:authority` and, without its port, the name in TLS. */
  readonly authority: string
  /** Asked for every connection; null = no TLS. */
  readonly tls: (() => ConnectionOptions) | null
}

export interface Probe {
  /** Null = well; otherwise what is wrong. Never rejects; answers soon after `abort`. */
  check(abort: Abort): Promise<string | null>
  close(): void
}

/** Well is who takes connections. */
export function tcpProbe({ path, host, port }: ProbePlace): Probe {
  return {
    check: abort =>
      settle(abort, done => {
        const socket = path === null ? connect({ host, port }) : connect({ path })
        socket.once('connect', () => done(null))
        socket.once('error', error => done(error.message))
        return () => socket.destroy()
      }),
    close() {},
  }
}

/** Sent with each check; names lower case. */
export type ProbeHeaders = Readonly<Record<string, string>>

export interface HttpProbeOptions {
  readonly path: string
  readonly headers?: ProbeHeaders
  /** Empty is any 2xx. */
  readonly expected: readonly number[]
}

/** Well is who answers a GET with an expected status; a new connection each time, redirects are not followed. */
export function httpProbe(place: ProbePlace, options: HttpProbeOptions): Probe {
  const { path, expected } = options
  const { tls, host, port, authority } = place
  const own = { host: authority, 'user-agent': `millrace/${VERSION}` }
  const headers = { ...own, ...options.headers }
  const isGood = (status: number): boolean =>
    expected.length === 0 ? status >= 200 && status < 300 : expected.includes(status)
  return {
    check: abort =>
      settle(abort, done => {
        const where = place.path === null ? { host, port } : { socketPath: place.path }
        const wanted = { ...where, path, headers, agent: false as const }
        const request =
          tls === null
            ? requestHttp(wanted)
            : requestHttps({ servername: serverName(authority), ...tls(), ...wanted })
        request.once('response', ({ statusCode = 0 }) =>
          done(isGood(statusCode) ? null : `HTTP ${statusCode}`),
        )
        request.once('error', error => done(error.message))
        request.end()
        return () => request.destroy()
      }),
    close() {},
  }
}

/**
 * Well is what says SERVING, and what does not know the health service: it answers, and says nothing against itself
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
 */
export function grpcProbe(
  place: ProbePlace,
  service: string,
  clock: Clock,
  headers: ProbeHeaders = {},
): Probe {
  const request = healthRequest(service)
  const client = clientFor(place, clock, headers)
  return {
    async check(abort) {
      const reply = await client.unary({
        path: HEALTH_CHECK_PATH,
        chunks: [request],
        byteLength: request.length,
        encoding: '',
        timeoutMs: 0,
        abort,
      })
      // The check is what finds out when the server is back: it does not leave it alone for a while.
      if (reply.code !== GRPC.OK) client.hurry()
      return readHealth(reply)
    },
    close: () => client.close(),
  }
}

/** One connection, kept open between checks. */
function clientFor(place: ProbePlace, clock: Clock, metadata: ProbeHeaders): GrpcClient {
  const { path, host, port, authority, tls } = place
  return new GrpcClient({
    target: { scheme: null, path, host, port, authority, resolve: true },
    clock,
    balancer: 'pick_first',
    keepalive: { timeMs: 0, timeoutMs: 0, withoutCalls: false },
    tls,
    authority,
    userAgent: `millrace/${VERSION}`,
    metadata,
    waitForReady: false,
    maxResponseBytes: MAX_RESPONSE_BYTES,
  })
}

/** HealthCheckRequest: `1 service`. */
function healthRequest(service: string): Uint8Array {
  const name = Buffer.from(service)
  if (name.length === 0) return new Uint8Array(0)
  return Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return [...bytes, rest]
}

/** HealthCheckResponse: `1 status`, an enumeration of small numbers. */
function readHealth(reply: GrpcReply): string | null {
  if (reply.code === GRPC.UNIMPLEMENTED) return null
  if (reply.code !== GRPC.OK) return `${grpcCodeName(reply.code)}: ${reply.message}`
  const body = reply.body ?? new Uint8Array(0)
  const status = body.length >= 2 && body[0] === 0x08 ? body[1] : 0
  return status === SERVING ? null : (STATUS_NAMES[status] ?? `status ${status}`)
}

/** An IP address is no name for SNI. */
function serverName(authority: string): string {
  const host = authority.replace(/:\d+$/, '')
  return /^[\d.]+$|^\[/.test(host) ? '' : host
}

/** Runs one check to its first answer or to its abort; `begin` returns how to let go of what it opened. */
function settle(
  abort: Abort,
  begin: (done: (fault: string | null) => void) => () => void,
): Promise<string | null> {
  if (abort.aborted) return Promise.resolve((abort.reason as Error).message)
  return new Promise(resolve => {
    let isDone = false
    let end = (): void => {}
    const finish = (fault: string | null): void => {
      if (isDone) return
      isDone = true
      abort.removeEventListener('abort', onAbort)
      end()
      resolve(fault)
    }
    const onAbort = (): void => finish((abort.reason as Error).message)
    abort.addEventListener('abort', onAbort)
    try {
      end = begin(finish)
    } catch (error) {
      finish((error as Error).message)
    }
  })
}
