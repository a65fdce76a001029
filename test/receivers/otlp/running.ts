/** A running receiver on free ports with a collecting consumer behind it, and clients of other people's making. */
import assert from 'node:assert/strict'
import { type ClientOptions, credentials, Metadata, Client as RawClient } from '@grpc/grpc-js'
import { SYSTEM_CLOCK } from '../../../src/core/clock.ts'
import type { Component } from '../../../src/core/component.ts'
import { GRPC_EXPORT_PATH, SIGNALS, type Signal } from '../../../src/core/signal.ts'
import { OPEN_TENANCY, type Tenancy } from '../../../src/core/tenancy.ts'
import { config as otlpConfig } from '../../../src/receivers/otlp/config.ts'
import { OtlpReceiver } from '../../../src/receivers/otlp/receiver.ts'
import {
  assertBalanced,
  CollectingConsumer,
  type FakeServices,
  fakeHost,
  fakeServices,
} from '../../../src/testing/fakes.ts'

export interface RunningReceiver {
  readonly receiver: OtlpReceiver
  readonly next: CollectingConsumer
  readonly services: FakeServices
  readonly grpcPort: number
  readonly httpPort: number
  readonly url: string
  /** Stops it, lets go of what was collected, and checks that no byte and no item is left behind. */
  close(): Promise<void>
}

export interface ReceiverOptions {
  readonly grpc?: object
  readonly http?: object
  readonly signals?: readonly Signal[]
  readonly memoryBytes?: number
  readonly extensions?: ReadonlyMap<string, Component>
  readonly tenancy?: Tenancy
}

export async function startReceiver(options: ReceiverOptions = {}): Promise<RunningReceiver> {
  const services = fakeServices()
  if (options.memoryBytes !== undefined) services.memory.limitBytes = options.memoryBytes
  const next = new CollectingConsumer()
  const config = otlpConfig.schema.parse({
    protocols: {
      grpc: { endpoint: 'localhost:0', ...options.grpc },
      http: { endpoint: 'localhost:0', ...options.http },
    },
  })
  const { tenancy = OPEN_TENANCY } = options
  const context = { ...services, tenancy, id: 'otlp', config, signals: options.signals ?? SIGNALS }
  const receiver = new OtlpReceiver({ ...context, clock: SYSTEM_CLOCK }, next)
  await receiver.start(fakeHost(options.extensions))
  const { grpc, http } = receiver.ports
  return {
    receiver,
    next,
    services,
    grpcPort: grpc,
    httpPort: http,
    url: `http://127.0.0.1:${http}`,
    close: async () => {
      await receiver.stop(AbortSignal.timeout(2000))
      for (const batch of next.batches)
        services.ledger.sent(batch.tenant, batch.signal, batch.items)
      next.releaseAll()
      assert.equal(services.memory.reservedBytes, 0, 'bytes still reserved')
      assertBalanced(services.ledger)
    },
  }
}

export interface GrpcAnswer {
  readonly code: number
  readonly message: string
  readonly body: Buffer
  readonly metadata: Metadata
}

export class GrpcClient {
  readonly #client: RawClient

  constructor(port: number, options: ClientOptions = {}, creds = credentials.createInsecure()) {
    this.#client = new RawClient(`127.0.0.1:${port}`, creds, options)
  }

  export(signal: Signal, bytes: Uint8Array, metadata = new Metadata()): Promise<GrpcAnswer> {
    return this.call(GRPC_EXPORT_PATH[signal], bytes, metadata)
  }

  call(path: string, bytes: Uint8Array, metadata = new Metadata()): Promise<GrpcAnswer> {
    return new Promise(resolve => {
      let body: Buffer = Buffer.alloc(0)
      const call = this.#client.makeUnaryRequest(
        path,
        (b: Buffer) => b,
        (b: Buffer) => b,
        Buffer.from(bytes),
        metadata,
        { deadline: Date.now() + 10_000 },
        (_error, response) => (body = response ?? body),
      )
      call.on('status', status =>
        setImmediate(() =>
          resolve({ code: status.code, message: status.details, body, metadata: status.metadata }),
        ),
      )
    })
  }

  close(): void {
    this.#client.close()
  }
}

export const PROTO = { 'content-type': 'application/x-protobuf' }
export const JSON_TYPE = { 'content-type': 'application/json' }

export interface HttpReply {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

export async function post(
  url: string,
  body: Uint8Array | string,
  headers: Record<string, string> = PROTO,
): Promise<HttpReply> {
  const response = await fetch(url, { method: 'POST', headers, body: Buffer.from(body) })
  return {
    status: response.status,
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  }
}
