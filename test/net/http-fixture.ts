/** An HTTP server with a handler that counts its room, and raw sockets that may misbehave. */
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { HttpExchange, HttpHandler } from '../../src/net/http-exchange.ts'
import { HttpServer, type HttpServerOptions } from '../../src/net/http-server.ts'
import { GRPC, type RpcStatus } from '../../src/net/status.ts'
import { FakeClock } from '../../src/testing/fakes.ts'

export class EchoHandler implements HttpHandler {
  reserved = 0
  peak = 0
  limit = Number.POSITIVE_INFINITY
  readonly bodies: Uint8Array[] = []
  readonly exchanges: HttpExchange[] = []
  formats: HttpHandler['formats'] = undefined
  answer: (exchange: HttpExchange, body: Uint8Array) => void = (exchange, body) =>
    exchange.answer(200, body)

  reserve(bytes: number): Uint8Array | RpcStatus {
    if (this.reserved + bytes > this.limit) {
      return { code: GRPC.UNAVAILABLE, message: 'no room', retryDelayMs: 1200 }
    }
    this.reserved += bytes
    this.peak = Math.max(this.peak, this.reserved)
    return Buffer.alloc(bytes)
  }

  fit(buffer: Uint8Array, length: number): Uint8Array {
    this.reserved -= buffer.length - length
    return buffer.subarray(0, length)
  }

  giveBack(buffer: Uint8Array): void {
    this.reserved -= buffer.length
  }

  handle(exchange: HttpExchange, body: Uint8Array): void {
    this.exchanges.push(exchange)
    this.bodies.push(body)
    this.giveBack(body)
    this.answer(exchange, body)
  }
}

export interface HttpFixture {
  readonly server: HttpServer
  readonly handler: EchoHandler
  readonly clock: FakeClock
  readonly cuts: string[]
  readonly port: number
  readonly url: string
  raw(): Promise<RawHttp>
}

export async function startHttp(
  t: TestContext,
  options: Partial<HttpServerOptions> = {},
): Promise<HttpFixture> {
  const clock = new FakeClock()
  const handler = new EchoHandler()
  const cuts: string[] = []
  const server = new HttpServer(
    {
      listen: { host: '127.0.0.1', port: 0 },
      tls: undefined,
      encodings: ['gzip'],
      maxBodyBytes: 1 << 20,
      headerTimeoutMs: 60_000,
      readTimeoutMs: 0,
      bodyTimeoutMs: 4000,
      responseTimeoutMs: 4000,
      idleTimeoutMs: 60_000,
      keepAlive: true,
      cors: undefined,
      responseHeaders: {},
      clock,
      onCut: reason => void cuts.push(reason),
      ...options,
    },
    new Map([['/v1/traces', handler]]),
  )
  await server.start()
  const raws: RawHttp[] = []
  t.after(async () => {
    for (const raw of raws) raw.socket.destroy()
    await server.stop(AbortSignal.abort())
  })
  return {
    server,
    handler,
    clock,
    cuts,
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    async raw() {
      const raw = await RawHttp.connect(server.port)
      raws.push(raw)
      return raw
    },
  }
}

/** A socket that keeps what comes. */
export class RawHttp {
  readonly socket: Socket
  readonly closed: Promise<void>
  text = ''

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', chunk => (this.text += chunk.toString('latin1')))
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
  }

  static async connect(port: number): Promise<RawHttp> {
    const socket = connect(port, '127.0.0.1')
    await new Promise(resolve => socket.once('connect', resolve))
    return new RawHttp(socket)
  }

  send(text: string | Uint8Array): void {
    if (this.socket.writable) this.socket.write(text)
  }

  /** Status codes of all answers so far. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(match => Number(match[1]))
  }
}

export const POST = 'POST /v1/traces HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n'
