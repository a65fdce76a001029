/** The `otlp` receiver: starts and stops the servers of its protocols and gives each signal its handler. */
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { HasServerAuthenticator } from '../../core/identity.ts'
import { GRPC_EXPORT_PATH, SIGNALS, type Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import { type Encoding, installedEncodings } from '../../net/compression.ts'
import { createGrpcServer } from '../../net/grpc-server.ts'
import type { GrpcServer, UnaryHandler } from '../../net/grpc-transport.ts'
import type { HttpHandler } from '../../net/http-exchange.ts'
import { HttpServer } from '../../net/http-server.ts'
import { readListenOptions } from '../../net/listen.ts'
import { type ServerTls, serverTls, type TlsServerSettings } from '../../net/tls.ts'
import { Gate } from '../../tenancy/gate/gate.ts'
import { Intake } from '../intake/intake.ts'
import { CONNECTIONS, countTransport, type Transport } from '../intake/metrics.ts'
import { ReservedRoom } from '../intake/room.ts'
import type { ExportOptions } from '../intake/signal-export.ts'
import {
  type GrpcConfig,
  guestLimits,
  type HttpConfig,
  maxBodyBytes,
  maxMessageBytes,
  type OtlpReceiverConfig,
} from './config.ts'
import { GrpcExport } from './grpc-export.ts'
import { HEALTH_CHECK_PATH, HealthCheck } from './health.ts'
import { HttpExport } from './http-export.ts'

/** Longest pause within a body, for both transports. */
const BODY_TIMEOUT_MS = 30_000
/** Time for a client to take its answer, where no `write_timeout` says so. */
const RESPONSE_TIMEOUT_MS = 30_000
/** Encodings that gRPC messages may have; the others are known by these names in HTTP only. */
const GRPC_ENCODINGS: readonly Encoding[] = ['gzip', 'zstd', 'snappy', 'deflate']

type Server = Pick<GrpcServer, 'port' | 'connections' | 'start' | 'stop'>

export class OtlpReceiver implements Component {
  readonly #context: CreateContext<OtlpReceiverConfig>
  readonly #intake: Intake
  readonly #servers: Server[] = []
  readonly #cleanup: (() => void)[] = []
  #grpc: Server | undefined
  #http: Server | undefined
  #serving = false
  #host: Host | null = null
  #signals: readonly Signal[]
  /** What each server asks for every request; changed while it runs. */
  readonly #methods = new Map<string, UnaryHandler>()
  readonly #paths = new Map<string, HttpHandler>()
  #grpcExports: ReadonlyMap<Signal, GrpcExport> = new Map()
  #httpExports: ReadonlyMap<Signal, HttpExport> = new Map()

  constructor(context: CreateContext<OtlpReceiverConfig>, next: Consumer) {
    this.#context = context
    this.#signals = context.signals
    const { memory, ledger, tenancy } = context
    this.#intake = new Intake(new ReservedRoom(memory), ledger, tenancy.usage, next)
  }

  /** Ports that were bound; 0 while not started, for unix sockets, and for protocols that are off. */
  get ports(): { readonly grpc: number; readonly http: number } {
    return { grpc: this.#grpc?.port ?? 0, http: this.#http?.port ?? 0 }
  }

  /** A request for another signal is answered as one for an unknown method or path. */
  serve(signals: readonly Signal[]): void {
    this.#signals = signals
    const { http } = this.#context.config.protocols
    for (const [signal, handler] of this.#grpcExports) {
      if (signals.includes(signal)) this.#methods.set(GRPC_EXPORT_PATH[signal], handler)
      else this.#methods.delete(GRPC_EXPORT_PATH[signal])
    }
    for (const [signal, handler] of this.#httpExports) {
      const path = (http as HttpConfig)[`${signal}_url_path`]
      if (signals.includes(signal)) this.#paths.set(path, handler)
      else this.#paths.delete(path)
    }
  }

  async start(host: Host): Promise<void> {
    const { grpc, http } = this.#context.config.protocols
    this.#host = host
    try {
      for (const protocol of [grpc, http]) this.#checkAuth(protocol?.auth?.authenticator, host)
      const encodings = installedEncodings()
      if (grpc !== undefined) this.#grpc = await this.#startGrpc(grpc, encodings)
      if (http !== undefined) this.#http = await this.#startHttp(http, encodings)
      this.#serving = true
    } catch (error) {
      await this.stop(AbortSignal.abort())
      throw error
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#serving = false
    const servers = this.#servers.splice(0)
    await Promise.all(servers.map(server => server.stop(deadline)))
    for (const clean of this.#cleanup.splice(0)) clean()
  }

  #checkAuth(authenticator: string | undefined, host: Host): void {
    if (authenticator === undefined) return
    const found = host.extension(authenticator)
    if (found !== undefined && 'serverAuthenticator' in found) return
    const what = found === undefined ? 'is not running' : 'is not an authenticator'
    throw new MillraceError('MILLRACE_START_FAILED', `The extension ${authenticator} ${what}.`)
  }

  /** Tenants may have been configured, or taken out. */
  refresh(): void {
    const { grpc, http } = this.#context.config.protocols
    const [grpcGate, httpGate] = [this.#gateOf(grpc), this.#gateOf(http)]
    for (const each of this.#grpcExports.values()) each.guard(grpcGate)
    for (const each of this.#httpExports.values()) each.guard(httpGate)
  }

  /** Null while nobody is to be identified and nothing is limited. */
  #gateOf(protocol: GrpcConfig | HttpConfig | undefined): Gate | null {
    const name = protocol?.auth?.authenticator
    const { tenancy } = this.#context
    if (name === undefined && tenancy.door === null) return null
    const host = this.#host!
    const find = () =>
      host.extension<Component & HasServerAuthenticator>(name!)?.serverAuthenticator
    return new Gate({ tenancy, authenticator: name === undefined ? null : find })
  }

  async #startGrpc(config: GrpcConfig, encodings: readonly Encoding[]): Promise<Server> {
    const { clock } = this.#context
    const maxBytes = maxMessageBytes(config)
    const options = this.#exportOptions('grpc', config.include_metadata, maxBytes)
    this.#grpcExports = new Map(SIGNALS.map(signal => [signal, new GrpcExport(signal, options)]))
    this.refresh()
    this.serve(this.#signals)
    const knows = (service: string) => this.#methods.has(`/${service}/Export`)
    this.#methods.set(HEALTH_CHECK_PATH, new HealthCheck(knows, () => this.#serving))
    const parameters = config.keepalive?.server_parameters
    const policy = config.keepalive?.enforcement_policy
    const server = createGrpcServer(
      {
        listen: readListenOptions(config.endpoint, config.transport),
        tls: await this.#tls(config.tls),
        encodings: GRPC_ENCODINGS.filter(encoding => encodings.includes(encoding)),
        guests: guestLimits(config),
        maxMessageBytes: maxBytes,
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
        onCut: reason => this.#onCut('grpc', reason, options),
      },
      this.#methods,
    )
    return this.#run('grpc', server)
  }

  async #startHttp(config: HttpConfig, encodings: readonly Encoding[]): Promise<Server> {
    const { clock } = this.#context
    const maxBytes = maxBodyBytes(config)
    const options = this.#exportOptions('http', config.include_metadata, maxBytes)
    this.#httpExports = new Map(SIGNALS.map(signal => [signal, new HttpExport(signal, options)]))
    this.refresh()
    this.serve(this.#signals)
    const server = new HttpServer(
      {
        listen: readListenOptions(config.endpoint, config.transport),
        tls: await this.#tls(config.tls),
        encodings: encodings.filter(encoding => config.compression_algorithms.includes(encoding)),
        guests: guestLimits(config),
        maxBodyBytes: maxBytes,
        headerTimeoutMs: config.read_header_timeout,
        readTimeoutMs: config.read_timeout,
        bodyTimeoutMs: BODY_TIMEOUT_MS,
        responseTimeoutMs: config.write_timeout || RESPONSE_TIMEOUT_MS,
        idleTimeoutMs: config.idle_timeout,
        keepAlive: config.keep_alives_enabled,
        cors: config.cors,
        responseHeaders: config.response_headers,
        clock,
        onCut: reason => this.#onCut('http', reason, options),
      },
      this.#paths,
    )
    return this.#run('http', server)
  }

  async #run(transport: Transport, server: Server): Promise<Server> {
    await server.start()
    this.#servers.push(server)
    const { id, meter, log } = this.#context
    const labels = { receiver: id, transport }
    this.#cleanup.push(meter.observe(CONNECTIONS, labels, () => server.connections))
    log.info('otlp receiver listens', { ...labels, port: server.port })
    return server
  }

  #exportOptions(transport: Transport, includeMetadata: boolean, maxBytes: number): ExportOptions {
    const counters = countTransport(this.#context.meter, this.#context.id, transport)
    return { intake: this.#intake, counters, includeMetadata, maxBytes }
  }

  async #tls(settings: TlsServerSettings | undefined): Promise<ServerTls | undefined> {
    if (settings === undefined) return undefined
    const tls = await serverTls(settings, this.#context)
    this.#cleanup.push(() => tls.stop())
    return tls
  }

  #onCut(transport: Transport, reason: string, { counters }: ExportOptions): void {
    const counter = counters.cut.get(reason)
    if (counter !== undefined) counter.value++
    this.#context.log.warn('client cut', { transport, reason })
  }
}
