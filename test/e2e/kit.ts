/** A whole collector in this process with real listeners, and clients that send as SDKs do: they try again when told to. */
import type { TestContext } from 'node:test'
import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { Collector } from '../../src/collector.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Factory } from '../../src/core/factory.ts'
import type { Logger } from '../../src/core/logger.ts'
import { Registry } from '../../src/core/registry.ts'
import { GRPC_EXPORT_PATH, HTTP_EXPORT_PATH, type Signal } from '../../src/core/signal.ts'
import { assertBalanced } from '../../src/testing/fakes.ts'
import { BUILTINS } from '../harness/builtins.ts'

export interface LogLine {
  readonly level: string
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface E2e {
  readonly collector: Collector
  readonly log: readonly LogLine[]
  reload(config: object): Promise<unknown>
  /** Stops it, and checks the book. */
  finish(): ReturnType<Collector['stop']>
}

export interface E2eOptions {
  readonly extra?: readonly Factory[]
}

/** Self-metrics are off, so that tests can run side by side. */
export async function startCollector(
  t: TestContext,
  config: object,
  { extra = [] }: E2eOptions = {},
): Promise<E2e> {
  const registry = new Registry([...BUILTINS, ...extra])
  const load = (wanted: object) =>
    loadConfig([`yaml:${JSON.stringify(withoutMetrics(wanted))}`], [], registry, process.env)
  const log: LogLine[] = []
  const collector = new Collector(load(config), { log: collecting(log) })
  await collector.start()
  t.after(() => collector.stop(1000))
  return {
    collector,
    log,
    reload: async wanted => collector.reload(load(wanted)),
    finish: async () => {
      const report = await collector.stop(5000)
      assertBalanced(collector.ledger)
      return report
    },
  }
}

function withoutMetrics(config: object): object {
  const { service, ...rest } = config as { service: object }
  return { ...rest, service: { telemetry: { metrics: { level: 'none' } }, ...service } }
}

function collecting(lines: LogLine[]): Logger {
  const at =
    (level: string) =>
    (event: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, event, fields })
  const log: Logger = {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    child: () => log,
  }
  return log
}

export interface Answer {
  /** gRPC code, or HTTP status. */
  readonly code: number
  readonly message: string
  readonly headers: Readonly<Record<string, string>>
}

/** One unary call on grpc-js, its bytes as they are. */
export class GrpcSender {
  readonly #client: Client

  constructor(t: TestContext, port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
    t.after(() => this.#client.close())
  }

  send(signal: Signal, bytes: Uint8Array): Promise<Answer> {
    const same = (buffer: Buffer): Buffer => buffer
    return new Promise(resolve => {
      this.#client.makeUnaryRequest(
        GRPC_EXPORT_PATH[signal],
        same,
        same,
        Buffer.from(bytes),
        { deadline: Date.now() + 10_000 },
        (error: ServiceError | null) =>
          resolve({
            code: error?.code ?? 0,
            message: error?.details ?? '',
            headers: error === null ? {} : plainMetadata(error),
          }),
      )
    })
  }
}

function plainMetadata(error: ServiceError): Record<string, string> {
  const pairs = Object.entries(error.metadata.getMap())
  return Object.fromEntries(pairs.map(([key, value]) => [key, value.toString()]))
}

/** One POST of protobuf. */
export async function postProtobuf(
  port: number,
  signal: Signal,
  bytes: Uint8Array,
): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${port}${HTTP_EXPORT_PATH[signal]}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: new Uint8Array(bytes),
  })
  return {
    code: answer.status,
    message: await answer.text(),
    headers: Object.fromEntries(answer.headers),
  }
}

/** Sends until it is taken, as an SDK does with what it is told to send again. */
export async function sendUntilTaken(send: () => Promise<Answer>): Promise<void> {
  for (;;) {
    const { code } = await send().catch(() => ({ code: -1 }))
    if (code === 0 || code === 200) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
