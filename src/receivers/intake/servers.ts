/** The gRPC and HTTP server of a receiver, from its configuration to open ports: TLS, limits, tenants' gates, metrics. */
import type { Component, Host, Services } from '../../core/component.ts'
import type { HasServerAuthenticator } from '../../core/identity.ts'
import { MillraceError } from '../../errors.ts'
import { type Encoding, installedEncodings } from '../../net/compression.ts'
import { createGrpcServer } from '../../net/grpc-server.ts'
import type { GrpcServer, UnaryHandler } from '../../net/grpc-transport.ts'
import { HttpServer, type PathHandlers } from '../../net/http-server.ts'
import { readListenOptions } from '../../net/listen.ts'
import { type ServerTls, serverTls, type TlsServerSettings } from '../../net/tls.ts'
import { Gate } from '../../tenancy/gate/gate.ts'
import { HEALTH_CHECK_PATH, HealthCheck } from './health.ts'
import { CONNECTIONS, countCuts, type ServerTransport } from './metrics.ts'
import {
  type GrpcServerConfig,
  guestLimits,
  type HttpServerConfig,
  maxMessageBytes,
} from './server-config.ts'

/** Longest pause within a body, for both transports. */
const BODY_TIMEOUT_MS = 30_000
/** Time for a client to take its answer, where no `write_timeout` says so. */
const RESPONSE_TIMEOUT_MS = 30_000
/** Encodings that gRPC messages may have; the others are known by these names in HTTP only. */
const GRPC_ENCODINGS: readonly Encoding[] = ['gzip', 'zstd', 'snappy', 'deflate']

/** What asks the gate about its requests. */
export interface Guarded {
  /** Null while everybody is let in. */
  guard(gate: Gate | null): void
}

/** Handlers are looked up anew for each request, so they may change while the server runs. */
export interface GrpcServing {
  readonly config: GrpcServerConfig
  /** By `/package.Service/Method`; the health check is added to it. */
  readonly methods: Map<string, UnaryHandler>
  readonly guarded: readonly Guarded[]
}

export interface HttpServing {
  readonly config: HttpServerConfig
  readonly paths: PathHandlers
  readonly guarded: readonly Guarded[]
}

type Server = Pick<GrpcServer, 'port' | 'connections' | 'start' | 'stop'>

export class Servers {
  readonly #context: Services & { readonly id: string }
  readonly #servers = new Map<ServerTransport, Server>()
  readonly #cleanup: (() => void)[] = []
  readonly #ports = { grpc: 0, http: 0 }
  #served: readonly (GrpcServing | HttpServing)[] = []
  #serving = false
  #host: Host | null = null

  constructor(context: Services & { readonly id: string }) {
    this.#context = context
  }

  /** Ports that were bound; 0 while not started, for unix sockets, and for what is not served. */
  get ports(): { readonly grpc: number; readonly http: number } {
    return this.#ports
  }

  /** Rejects with MILLRACE_START_FAILED when one of both cannot be had; then none is left open. */
  async start(
    host: Host,
    grpc: GrpcServing | undefined,
    http: HttpServing | undefined,
  ): Promise<void> {
    this.#host = host
    this.#served = [grpc, http].filter(served => served !== undefined)
    try {
      for (const { config } of this.#served) this.#checkAuth(config.auth?.authenticator, host)
      this.refresh()
      const encodings = installedEncodings()
      if (grpc !== undefined) await this.#startGrpc(grpc, encodings)
      if (http !== undefined) await this.#startHttp(http, encodings)
      this.#serving = true
    } catch (error) {
      await this.stop(AbortSignal.abort())
      throw error
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#serving = false
    const servers = [...this.#servers.values()]
    this.#servers.clear()
    await Promise.all(servers.map(server => server.stop(deadline)))
    for (const clean of this.#cleanup.splice(0)) clean()
  }

  /** Tenants may have been configured, or taken out. */
  refresh(): void {
    for (const { config, guarded } of this.#served) {
      const gate = this.#gateOf(config.auth?.authenticator)
      for (const each of guarded) each.guard(gate)
    }
  }

  #checkAuth(authenticator: string | undefined, host: Host): void {
    if (authenticator === undefined) return
    const found = host.extension(authenticator)
    if (found !== undefined && 'serverAuthenticator' in found) return
    const what = found === undefined ? 'is not running' : 'is not an authenticator'
    throw new MillraceError('MILLRACE_START_FAILED', `The extension ${authenticator} ${what}.`)
  }

  /** Null while nobody is to be identified and nothing is limited. */
  #gateOf(authenticator: string | undefined): Gate | null {
    const { tenancy } = this.#context
    if (authenticator === undefined && tenancy.door === null) return null
    const host = this.#host!
    const find = () =>
      host.extension<Component & HasServerAuthenticator>(authenticator!)?.serverAuthenticator
    return new Gate({ tenancy, authenticator: authenticator === undefined ? null : find })
  }

  async #startGrpc({ config, methods }: GrpcServing, encodings: readonly Encoding[]) {
    const { clock } = this.#context
    methods.set(HEALTH_CHECK_PATH, new HealthCheck(knows(methods), () => this.#serving))
    const parameters = config.keepalive?.server_parameters
    const policy = config.keepalive?.enforcement_policy
    const server = createGrpcServer(
      {
        listen: readListenOptions(config.endpoint, config.transport),
        tls: await this.#tls(config.tls),
        encodings: GRPC_ENCODINGS.filter(encoding => encodings.includes(encoding)),
        guests: guestLimits(config),
        maxMessageBytes: maxMessageBytes(config),
        maxConcurrentStreams: config.max_concurrent_streams,
        maxConnectionIdleMs: parameters?.max_connection_idle ?? 0,
        maxConnectionAgeMs: parameters?.max_connection_age ?? 0,
        maxConnectionAgeGraceMs: parameters?.max_connection_age_grace ?? 0,
        pingAfterMs: parameters?.time ?? 7_200_000,
        pingTimeoutMs: parameters?.timeout ?? 20_000,
        minClientPingMs: policy?.min_time ?? 300_000,
        permitPingWithoutStream: policy?.permit_without_stream ?? false,
        bodyTimeoutMs: BODY_TIMEOUT_MS,
        responseTimeoutMs: RESPONSE_TIMEOUT_MS,
        clock,
        onCut: this.#onCut('grpc'),
      },
      methods,
    )
    await this.#run('grpc', server)
  }

  async #startHttp({ config, paths }: HttpServing, encodings: readonly Encoding[]) {
    const { clock } = this.#context
    const server = new HttpServer(
      {
        listen: readListenOptions(config.endpoint, config.transport),
        tls: await this.#tls(config.tls),
        encodings: encodings.filter(encoding => config.compression_algorithms.includes(encoding)),
        guests: guestLimits(config),
        maxBodyBytes: config.max_request_body_size,
        headerTimeoutMs: config.read_header_timeout,
        readTimeoutMs: config.read_timeout,
        bodyTimeoutMs: BODY_TIMEOUT_MS,
        responseTimeoutMs: config.write_timeout || RESPONSE_TIMEOUT_MS,
        idleTimeoutMs: config.idle_timeout,
        keepAlive: config.keep_alives_enabled,
        cors: config.cors,
        responseHeaders: config.response_headers,
        clock,
        onCut: this.#onCut('http'),
      },
      paths,
    )
    await this.#run('http', server)
  }

  async #run(transport: ServerTransport, server: Server): Promise<void> {
    await server.start()
    this.#servers.set(transport, server)
    this.#ports[transport] = server.port
    const { id, meter, log } = this.#context
    const labels = { receiver: id, transport }
    this.#cleanup.push(meter.observe(CONNECTIONS, labels, () => server.connections))
    log.info('receiver listens', { ...labels, port: server.port })
  }

  async #tls(settings: TlsServerSettings | undefined): Promise<ServerTls | undefined> {
    if (settings === undefined) return undefined
    const tls = await serverTls(settings, this.#context)
    this.#cleanup.push(() => tls.stop())
    return tls
  }

  #onCut(transport: ServerTransport): (reason: string) => void {
    const { id, meter, log } = this.#context
    const counters = countCuts(meter, id, transport)
    return reason => {
      const counter = counters.get(reason)
      if (counter !== undefined) counter.value++
      log.warn('client cut', { receiver: id, transport, reason })
    }
  }
}

/** Whether a service has a method now, for the health check. */
function knows(methods: ReadonlyMap<string, UnaryHandler>): (service: string) => boolean {
  return service => {
    for (const path of methods.keys()) {
      if (path !== HEALTH_CHECK_PATH && path.startsWith(`/${service}/`)) return true
    }
    return false
  }
}
