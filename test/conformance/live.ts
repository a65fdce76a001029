/** A collector in this process, with real listeners, whose pipelines end in a consumer that the suites can see and script. */
import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { request } from 'undici'
import { z } from 'zod'
import { Collector } from '../../src/collector.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { LedgerRowView } from '../../src/core/component.ts'
import { defineFactory } from '../../src/core/factory.ts'
import { SILENT_LOGGER } from '../../src/core/logger.ts'
import { ACCEPTED, type Outcome } from '../../src/core/outcome.ts'
import { Registry } from '../../src/core/registry.ts'
import { GRPC_EXPORT_PATH, HTTP_EXPORT_PATH, type Signal } from '../../src/core/signal.ts'
import { encodeParts, flatten } from '../../src/otlp/encode.ts'
import { BUILTINS } from '../harness/builtins.ts'
import { freePorts } from '../harness/ports.ts'

export interface GrpcAnswer {
  readonly code: number
  readonly message: string
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export class LiveCollector {
  /** What the pipeline answers; the suites set it. */
  answer: Outcome = ACCEPTED
  /** Requests that came through, laid out again. */
  readonly received: { signal: Signal; bytes: Uint8Array; items: number }[] = []
  readonly grpcPort: number
  readonly httpPort: number
  #collector!: Collector
  #client: Client

  private constructor(grpcPort: number, httpPort: number) {
    this.grpcPort = grpcPort
    this.httpPort = httpPort
    this.#client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure())
  }

  /** `http` is merged into the HTTP protocol's section of the receiver; `exporters` stand beside the scripted one. */
  static async start(http: object = {}, exporters: object = {}): Promise<LiveCollector> {
    const [grpcPort, httpPort] = await freePorts(2)
    const live = new LiveCollector(grpcPort, httpPort)
    const registry = new Registry([...BUILTINS, live.#exporter()])
    const ids = ['conformance', ...Object.keys(exporters)]
    const pipeline = { receivers: ['otlp'], exporters: ids }
    const yaml = JSON.stringify({
      receivers: {
        otlp: {
          protocols: {
            grpc: { endpoint: `127.0.0.1:${grpcPort}` },
            http: { endpoint: `127.0.0.1:${httpPort}`, ...http },
          },
        },
      },
      exporters: { conformance: {}, ...exporters },
      service: {
        telemetry: { metrics: { level: 'none' } },
        pipelines: { traces: pipeline, metrics: pipeline, logs: pipeline },
      },
    })
    const config = loadConfig([`yaml:${yaml}`], [], registry, process.env)
    live.#collector = new Collector(config, { log: SILENT_LOGGER })
    await live.#collector.start()
    return live
  }

  #exporter() {
    return defineFactory({
      kind: 'exporter',
      meta: {
        id: 'conformance',
        summary: 'Shows the suites what came through.',
        stability: { traces: 'stable', metrics: 'stable', logs: 'stable' },
        mutates: false,
        metrics: [],
      },
      config: { schema: z.strictObject({}) },
      create: ({ ledger }) => ({
        start: async () => {},
        stop: async () => {},
        consume: batch => {
          if (this.answer.kind !== 'accepted') return this.answer
          const bytes = flatten(encodeParts(batch.parts))
          this.received.push({
            signal: batch.signal,
            bytes: Buffer.from(bytes),
            items: batch.items,
          })
          ledger.sent(batch.tenant, batch.signal, batch.items)
          batch.release()
          return ACCEPTED
        },
      }),
    })
  }

  exportGrpc(signal: Signal, bytes: Uint8Array): Promise<GrpcAnswer> {
    return new Promise(resolve =>
      this.#client.makeUnaryRequest(
        GRPC_EXPORT_PATH[signal],
        (b: Buffer) => b,
        (b: Buffer) => b,
        Buffer.from(bytes),
        (error: ServiceError | null) =>
          resolve({ code: error?.code ?? 0, message: error?.details ?? '' }),
      ),
    )
  }

  exportHttp(
    signal: Signal,
    bytes: Uint8Array | string,
    type: string,
    encoding = '',
  ): Promise<HttpAnswer> {
    const headers: Record<string, string> = {}
    if (type !== '') headers['content-type'] = type
    if (encoding !== '') headers['content-encoding'] = encoding
    return this.http('POST', HTTP_EXPORT_PATH[signal], headers, bytes)
  }

  async http(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: Uint8Array | string,
  ): Promise<HttpAnswer> {
    const url = `http://127.0.0.1:${this.httpPort}${path}`
    const answer = await request(url, { method: method as 'POST', headers, body })
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: Buffer.from(await answer.body.arrayBuffer()),
    }
  }

  ledger(): readonly LedgerRowView[] {
    return this.#collector.ledger.rows()
  }

  /** How the component says that it is. */
  statusOf(id: string): string | undefined {
    return this.#collector.inspector.components().find(component => component.id === id)?.status
  }

  async stop(): Promise<void> {
    this.#client.close()
    await this.#collector.stop(100)
  }
}
