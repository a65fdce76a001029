/** The `otlp` receiver: gives each signal its handler, by gRPC and by HTTP. */
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { GRPC_EXPORT_PATH, SIGNALS, type Signal } from '../../core/signal.ts'
import type { UnaryHandler } from '../../net/grpc-transport.ts'
import type { HttpHandler } from '../../net/http-exchange.ts'
import { Intake } from '../intake/intake.ts'
import { countTransport, type ServerTransport } from '../intake/metrics.ts'
import { ReservedRoom } from '../intake/room.ts'
import { maxMessageBytes } from '../intake/server-config.ts'
import { type GrpcServing, type HttpServing, Servers } from '../intake/servers.ts'
import type { ExportOptions } from '../intake/signal-export.ts'
import type { HttpConfig, OtlpReceiverConfig } from './config.ts'
import { GrpcExport } from './grpc-export.ts'
import { HttpExport } from './http-export.ts'

export class OtlpReceiver implements Component {
  readonly #context: CreateContext<OtlpReceiverConfig>
  readonly #intake: Intake
  readonly #servers: Servers
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
    this.#servers = new Servers(context)
  }

  /** Ports that were bound; 0 while not started, for unix sockets, and for protocols that are off. */
  get ports(): { readonly grpc: number; readonly http: number } {
    return this.#servers.ports
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
    const [grpc, http] = [this.#serveGrpc(), this.#serveHttp()]
    this.serve(this.#signals)
    await this.#servers.start(host, grpc, http)
  }

  stop(deadline: AbortSignal): Promise<void> {
    return this.#servers.stop(deadline)
  }

  refresh(): void {
    this.#servers.refresh()
  }

  #serveGrpc(): GrpcServing | undefined {
    const config = this.#context.config.protocols.grpc
    if (config === undefined) return undefined
    const options = this.#exportOptions('grpc', config.include_metadata, maxMessageBytes(config))
    this.#grpcExports = new Map(SIGNALS.map(signal => [signal, new GrpcExport(signal, options)]))
    return { config, methods: this.#methods, guarded: [...this.#grpcExports.values()] }
  }

  #serveHttp(): HttpServing | undefined {
    const config = this.#context.config.protocols.http
    if (config === undefined) return undefined
    const options = this.#exportOptions(
      'http',
      config.include_metadata,
      config.max_request_body_size,
    )
    this.#httpExports = new Map(SIGNALS.map(signal => [signal, new HttpExport(signal, options)]))
    return { config, paths: this.#paths, guarded: [...this.#httpExports.values()] }
  }

  #exportOptions(
    transport: ServerTransport,
    includeMetadata: boolean,
    maxBytes: number,
  ): ExportOptions {
    const counters = countTransport(this.#context.meter, this.#context.id, transport)
    return { intake: this.#intake, counters, includeMetadata, maxBytes }
  }
}
