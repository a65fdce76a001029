/** The `jaeger` receiver: a collector's servers over gRPC and HTTP, and an agent's sockets. */
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { HttpTranslation } from '../intake/http-translation.ts'
import { Intake } from '../intake/intake.ts'
import { countTransport } from '../intake/metrics.ts'
import { ReservedRoom } from '../intake/room.ts'
import { maxMessageBytes } from '../intake/server-config.ts'
import { type GrpcServing, type HttpServing, Servers } from '../intake/servers.ts'
import { Agent } from './agent.ts'
import type { JaegerReceiverConfig } from './config.ts'
import { BINARY_PACKETS, COMPACT_PACKETS, TRACES_PATH, thriftFormats } from './formats.ts'
import { POST_SPANS_PATH, PostSpans } from './post-spans.ts'

export interface JaegerPorts {
  readonly grpc: number
  readonly thriftHttp: number
  readonly thriftCompact: number
  readonly thriftBinary: number
}

export class JaegerReceiver implements Component {
  readonly #context: CreateContext<JaegerReceiverConfig>
  readonly #intake: Intake
  readonly #servers: Servers
  readonly #compact: Agent | undefined
  readonly #binary: Agent | undefined

  constructor(context: CreateContext<JaegerReceiverConfig>, next: Consumer) {
    this.#context = context
    const { memory, ledger, tenancy, config } = context
    this.#intake = new Intake(new ReservedRoom(memory), ledger, tenancy.usage, next)
    this.#servers = new Servers(context)
    const { thrift_compact: compact, thrift_binary: binary } = config.protocols
    if (compact !== undefined) this.#compact = new Agent(context, compact, COMPACT_PACKETS, next)
    if (binary !== undefined) this.#binary = new Agent(context, binary, BINARY_PACKETS, next)
  }

  /** Ports that were bound; 0 while not started, for unix sockets, and for protocols that are off. */
  get ports(): JaegerPorts {
    const { grpc, http } = this.#servers.ports
    return {
      grpc,
      thriftHttp: http,
      thriftCompact: this.#compact?.port ?? 0,
      thriftBinary: this.#binary?.port ?? 0,
    }
  }

  async start(host: Host): Promise<void> {
    try {
      await this.#compact?.start()
      await this.#binary?.start()
      await this.#servers.start(host, this.#serveGrpc(), this.#serveHttp())
    } catch (error) {
      await this.stop(AbortSignal.abort())
      throw error
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await Promise.all(
      [this.#servers, this.#compact, this.#binary].map(part => part?.stop(deadline)),
    )
  }

  refresh(): void {
    this.#servers.refresh()
  }

  #serveGrpc(): GrpcServing | undefined {
    const config = this.#context.config.protocols.grpc
    if (config === undefined) return undefined
    const { meter, id } = this.#context
    const handler = new PostSpans('traces', {
      intake: this.#intake,
      counters: countTransport(meter, id, 'grpc', ['traces']),
      includeMetadata: config.include_metadata,
      maxBytes: maxMessageBytes(config),
    })
    return { config, methods: new Map([[POST_SPANS_PATH, handler]]), guarded: [handler] }
  }

  #serveHttp(): HttpServing | undefined {
    const config = this.#context.config.protocols.thrift_http
    if (config === undefined) return undefined
    const { meter, id } = this.#context
    const options = {
      intake: this.#intake,
      includeMetadata: config.include_metadata,
      maxBytes: config.max_request_body_size,
    }
    const handler = new HttpTranslation(options, thriftFormats(meter, id))
    return { config, paths: new Map([[TRACES_PATH, handler]]), guarded: [handler] }
  }
}
