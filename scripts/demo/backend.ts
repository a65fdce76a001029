/**
 * A small OTLP backend that counts what reaches it, by decoding every request with protobufjs and none of the collector's own
 * readers. gRPC by grpc-js, HTTP by node:http.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import * as grpc from '@grpc/grpc-js'
import { GRPC_EXPORT_PATH, HTTP_EXPORT_PATH, SIGNALS, type Signal } from '../../src/core/signal.ts'
import { countItems } from './count-items.ts'

export type Counts = Record<Signal, number>

export class Backend {
  readonly counts: Counts = { traces: 0, metrics: 0, logs: 0 }
  requests = 0
  /** Bytes of requests after decompression. */
  bytes = 0
  readonly #grpc = new grpc.Server({ 'grpc.max_receive_message_length': 64 << 20 })
  readonly #http = createServer((request, response) => void this.#answer(request, response))

  /** Resolves to the addresses it listens on. */
  async start(): Promise<{ grpc: string; http: string }> {
    for (const signal of SIGNALS) this.#grpc.register(...this.#method(signal))
    const grpcPort = await new Promise<number>((resolve, reject) => {
      const credentials = grpc.ServerCredentials.createInsecure()
      this.#grpc.bindAsync('127.0.0.1:0', credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      )
    })
    await new Promise<void>(resolve => this.#http.listen(0, '127.0.0.1', resolve))
    const { port } = this.#http.address() as AddressInfo
    return { grpc: `127.0.0.1:${grpcPort}`, http: `127.0.0.1:${port}` }
  }

  async stop(): Promise<void> {
    this.#grpc.forceShutdown()
    this.#http.closeAllConnections()
    await new Promise(resolve => this.#http.close(resolve))
  }

  #count(signal: Signal, bytes: Uint8Array): void {
    this.requests++
    this.bytes += bytes.length
    this.counts[signal] += countItems(signal, bytes)
  }

  #method(signal: Signal): Parameters<grpc.Server['register']> {
    const same = (bytes: Buffer) => bytes
    const handler: grpc.handleUnaryCall<Buffer, Buffer> = ({ request }, callback) => {
      this.#count(signal, request)
      callback(null, Buffer.alloc(0))
    }
    return [GRPC_EXPORT_PATH[signal], handler as never, same as never, same as never, 'unary']
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const signal = SIGNALS.find(each => HTTP_EXPORT_PATH[each] === request.url)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (signal === undefined) {
      response.writeHead(404).end()
      return
    }
    const body = Buffer.concat(chunks)
    const gzip = request.headers['content-encoding'] === 'gzip'
    this.#count(signal, gzip ? gunzipSync(body) : body)
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  }
}
