/** An OTLP backend of other people's parts: the grpc-js server and node:http, decoding with protobufjs. */
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { Server, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js'
import { GRPC_EXPORT_PATH, HTTP_EXPORT_PATH, SIGNALS, type Signal } from '../../src/core/signal.ts'
import { REQUEST_MESSAGE } from '../../src/otlp/schema.ts'
import { decode } from '../otlp/oracle.ts'

export interface ReceivedRequest {
  readonly signal: Signal
  readonly transport: 'grpc' | 'http'
  readonly encoding: string
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Buffer
  /** As protobufjs decodes it. */
  readonly message: Record<string, unknown>
}

export interface Backend {
  readonly grpcPort: number
  readonly httpPort: number
  readonly requests: ReceivedRequest[]
  /** Spans, data points or log records received. */
  items(signal: Signal): number
  /** All request bytes of a signal joined: still one valid request. */
  joined(signal: Signal): Buffer
  close(): Promise<void>
}

/** On free ports unless some are named, so that one that was closed can come back. */
export async function startBackend(at: { grpc?: number; http?: number } = {}): Promise<Backend> {
  const requests: ReceivedRequest[] = []
  const grpc = grpcServer(requests)
  const grpcPort = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync(
      `127.0.0.1:${at.grpc ?? 0}`,
      ServerCredentials.createInsecure(),
      (error, port) => (error ? reject(error) : resolve(port)),
    ),
  )
  const http = httpServer(requests)
  await new Promise<void>(resolve => http.listen(at.http ?? 0, '127.0.0.1', resolve))
  return {
    grpcPort,
    httpPort: (http.address() as { port: number }).port,
    requests,
    items: signal => count(requests.filter(r => r.signal === signal)),
    joined: signal => Buffer.concat(requests.filter(r => r.signal === signal).map(r => r.bytes)),
    close: async () => {
      grpc.forceShutdown()
      http.closeAllConnections()
      await new Promise(resolve => http.close(resolve))
    },
  }
}

function grpcServer(requests: ReceivedRequest[]): Server {
  const server = new Server({ 'grpc.max_receive_message_length': 256 << 20 })
  for (const signal of SIGNALS) {
    const path = GRPC_EXPORT_PATH[signal]
    const handle = (
      call: { request: Buffer; metadata: { getMap(): object } },
      done: (e: null, r: Buffer) => void,
    ): void => {
      const headers = call.metadata.getMap() as Record<string, string>
      requests.push(received(signal, 'grpc', 'by grpc-js', headers, call.request))
      done(null, Buffer.alloc(0))
    }
    server.addService(
      {
        Export: {
          path,
          requestStream: false,
          responseStream: false,
          requestSerialize: (b: Buffer) => b,
          requestDeserialize: (b: Buffer) => b,
          responseSerialize: (b: Buffer) => b,
          responseDeserialize: (b: Buffer) => b,
        },
      },
      { Export: handle as unknown as UntypedHandleCall },
    )
  }
  return server
}

function httpServer(requests: ReceivedRequest[]): HttpServer {
  return createServer(async (req, res) => {
    const signal = SIGNALS.find(s => HTTP_EXPORT_PATH[s] === req.url)
    if (signal === undefined) {
      res.writeHead(404).end()
      return
    }
    const body = await readBody(req)
    const encoding = req.headers['content-encoding'] ?? 'none'
    const bytes = encoding === 'gzip' ? gunzipSync(body) : body
    requests.push(received(signal, 'http', encoding, req.headers as Record<string, string>, bytes))
    res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  })
}

async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function received(
  signal: Signal,
  transport: 'grpc' | 'http',
  encoding: string,
  headers: Readonly<Record<string, string>>,
  bytes: Buffer,
): ReceivedRequest {
  const message = decode(REQUEST_MESSAGE[signal], bytes)
  return { signal, transport, encoding, headers, bytes, message }
}

const CHILDREN: Readonly<Record<Signal, readonly string[]>> = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
}
const METRIC_KINDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']

function count(requests: readonly ReceivedRequest[]): number {
  return requests.reduce((sum, r) => sum + itemsOf(r.signal, r.message).length, 0)
}

/** Spans, log records or data points of a decoded request, flat. */
export function itemsOf(signal: Signal, message: object): Record<string, unknown>[] {
  let level: Record<string, unknown>[] = [message as Record<string, unknown>]
  for (const name of CHILDREN[signal]) level = level.flatMap(x => (x[name] ?? []) as typeof level)
  if (signal !== 'metrics') return level
  return level.flatMap(metric =>
    METRIC_KINDS.flatMap(kind => {
      const value = metric[kind] as { dataPoints?: typeof level } | undefined
      return value?.dataPoints ?? []
    }),
  )
}
