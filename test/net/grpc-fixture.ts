/** A gRPC server with an echoing method and counted room, and raw HTTP/2 clients that may misbehave. */
import { type ClientHttp2Session, connect as connectH2, type OutgoingHttpHeaders } from 'node:http2'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createGrpcServer } from '../../src/net/grpc-server.ts'
import type {
  GrpcServer,
  GrpcServerOptions,
  UnaryCall,
  UnaryHandler,
} from '../../src/net/grpc-transport.ts'
import { GRPC, type RpcStatus } from '../../src/net/status.ts'
import { FakeClock } from '../../src/testing/fakes.ts'

export const METHOD = '/test.Echo/Call'

/** Echoes, and counts what is reserved. */
export class EchoHandler implements UnaryHandler {
  reserved = 0
  peak = 0
  limit = Number.POSITIVE_INFINITY
  readonly messages: Uint8Array[] = []
  readonly calls: UnaryCall[] = []
  answer: (call: UnaryCall, message: Uint8Array) => void = (call, message) => call.reply(message)

  reserve(bytes: number): Uint8Array | RpcStatus {
    if (this.reserved + bytes > this.limit) {
      return { code: GRPC.UNAVAILABLE, message: 'no room', retryDelayMs: 700 }
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

  handle(call: UnaryCall, message: Uint8Array): void {
    this.calls.push(call)
    this.messages.push(message)
    this.giveBack(message)
    this.answer(call, message)
  }
}

export interface GrpcFixture {
  readonly server: GrpcServer
  readonly handler: EchoHandler
  readonly clock: FakeClock
  readonly cuts: string[]
  readonly port: number
  connect(): ClientHttp2Session
  /** Client without an HTTP/2 library: the preface and empty SETTINGS are sent. */
  raw(): Promise<RawClient>
}

export async function startGrpc(
  t: TestContext,
  options: Partial<GrpcServerOptions> = {},
): Promise<GrpcFixture> {
  const clock = new FakeClock()
  const handler = new EchoHandler()
  const cuts: string[] = []
  const server = createGrpcServer(
    {
      listen: { host: '127.0.0.1', port: 0 },
      tls: undefined,
      encodings: ['gzip'],
      maxMessageBytes: 8 << 20,
      maxConcurrentStreams: 0,
      maxConnectionIdleMs: 0,
      maxConnectionAgeMs: 0,
      maxConnectionAgeGraceMs: 0,
      pingAfterMs: 0,
      pingTimeoutMs: 20_000,
      minClientPingMs: 300_000,
      permitPingWithoutStream: false,
      bodyTimeoutMs: 4000,
      responseTimeoutMs: 4000,
      clock,
      onCut: reason => void cuts.push(reason),
      ...options,
    },
    new Map([[METHOD, handler]]),
  )
  await server.start()
  const sessions: ClientHttp2Session[] = []
  const raws: RawClient[] = []
  t.after(async () => {
    for (const session of sessions) session.destroy()
    for (const raw of raws) raw.socket.destroy()
    await server.stop(AbortSignal.abort())
  })
  return {
    server,
    handler,
    clock,
    cuts,
    port: server.port,
    connect() {
      const session = connectH2(`http://127.0.0.1:${server.port}`)
      session.on('error', () => {})
      sessions.push(session)
      return session
    },
    async raw() {
      const raw = await RawClient.connect(server.port)
      raws.push(raw)
      return raw
    },
  }
}

export interface CallResult {
  readonly headers: Record<string, unknown>
  readonly trailers: Record<string, unknown>
  readonly body: Buffer
  readonly rst: number
  /** From the trailers, or the headers of a trailers-only answer; -1 without one. */
  readonly code: number
  readonly message: string
}

export const HEADERS: OutgoingHttpHeaders = {
  ':method': 'POST',
  ':path': METHOD,
  'content-type': 'application/grpc',
  te: 'trailers',
}

/** Sends these chunks, each in its own write, and waits for the end of the stream. */
export function call(
  session: ClientHttp2Session,
  chunks: readonly Uint8Array[],
  headers: OutgoingHttpHeaders = {},
  end = true,
): Promise<CallResult> {
  const stream = session.request(
    { ...HEADERS, ...headers },
    { endStream: end && chunks.length === 0 },
  )
  return new Promise(resolve => {
    let responseHeaders: Record<string, unknown> = {}
    let trailers: Record<string, unknown> = {}
    const body: Buffer[] = []
    stream.on('response', h => (responseHeaders = h))
    stream.on('trailers', h => (trailers = h))
    stream.on('data', chunk => body.push(chunk))
    stream.on('error', () => {})
    // As gRPC clients do: whoever has read the answer sends no more.
    stream.on('end', () => stream.writableFinished || stream.close(8))
    stream.on('close', () => {
      const status = trailers['grpc-status'] ?? responseHeaders['grpc-status']
      const message = trailers['grpc-message'] ?? responseHeaders['grpc-message'] ?? ''
      resolve({
        headers: responseHeaders,
        trailers,
        body: Buffer.concat(body),
        rst: stream.rstCode ?? -1,
        code: status === undefined ? -1 : Number(status),
        message: String(message),
      })
    })
    writeSlowly(stream, chunks, end)
  })
}

function writeSlowly(
  stream: { write(c: Uint8Array, done: () => void): unknown; end(): unknown; writable: boolean },
  chunks: readonly Uint8Array[],
  end: boolean,
  at = 0,
): void {
  if (at < chunks.length && stream.writable) {
    stream.write(chunks[at], () => setImmediate(writeSlowly, stream, chunks, end, at + 1))
  } else if (end && chunks.length > 0) stream.end()
}

/** A message with its prefix; `length` and `flag` may lie. */
export function message(content: Uint8Array, flag = 0, length = content.length): Buffer {
  const out = Buffer.alloc(5 + content.length)
  out[0] = flag
  out.writeUInt32BE(length, 1)
  out.set(content, 5)
  return out
}

const FRAME = { headers: 1, rst: 3, settings: 4, ping: 6, goaway: 7, continuation: 9 } as const

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** Speaks HTTP/2 by hand. */
export class RawClient {
  readonly socket: Socket
  readonly frames: Frame[] = []
  #rest = Buffer.alloc(0)
  readonly closed: Promise<void>

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', chunk => this.#read(chunk))
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
  }

  static async connect(port: number, greet = true): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1')
    const client = new RawClient(socket)
    await new Promise(resolve => socket.once('connect', resolve))
    if (greet) {
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
      client.frame(FRAME.settings, 0, 0)
    }
    return client
  }

  frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): void {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head[3] = type
    head[4] = flags
    head.writeUInt32BE(stream, 5)
    if (this.socket.writable) this.socket.write(Buffer.concat([head, payload]))
  }

  settings(payload: Uint8Array = Buffer.alloc(0)): void {
    this.frame(FRAME.settings, 0, 0, payload)
  }

  ping(): void {
    this.frame(FRAME.ping, 0, 0, Buffer.alloc(8))
  }

  /** END_HEADERS, optionally END_STREAM. */
  headers(stream: number, end = false, pairs: Record<string, string> = {}): void {
    this.frame(FRAME.headers, end ? 5 : 4, stream, hpack({ ...PLAIN_HEADERS, ...pairs }))
  }

  /** The first piece of a header block that goes on in CONTINUATION frames. */
  openHeaders(stream: number): void {
    this.frame(FRAME.headers, 0, stream, hpack(PLAIN_HEADERS))
  }

  continuation(stream: number, payload: Uint8Array): void {
    this.frame(FRAME.continuation, 0, stream, payload)
  }

  data(stream: number, payload: Uint8Array, end = false): void {
    this.frame(0, end ? 1 : 0, stream, payload)
  }

  reset(stream: number): void {
    this.frame(FRAME.rst, 0, stream, Buffer.from([0, 0, 0, 8]))
  }

  goaway(): Frame | undefined {
    return this.frames.find(frame => frame.type === FRAME.goaway)
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3)
      if (this.#rest.length < 9 + length) break
      this.frames.push({
        type: this.#rest[3],
        flags: this.#rest[4],
        stream: this.#rest.readUInt32BE(5) & 0x7fffffff,
        payload: this.#rest.subarray(9, 9 + length),
      })
      this.#rest = this.#rest.subarray(9 + length)
    }
  }
}

const PLAIN_HEADERS = {
  ':method': 'POST',
  ':scheme': 'http',
  ':path': METHOD,
  ':authority': 'test',
  'content-type': 'application/grpc',
  te: 'trailers',
}

/** Literal fields without indexing and without Huffman coding (RFC 7541 §6.2.2). */
export function hpack(fields: Record<string, string>): Buffer {
  const parts = Object.entries(fields).flatMap(([name, value]) => [
    Buffer.of(0),
    integer7(name.length),
    Buffer.from(name),
    integer7(value.length),
    Buffer.from(value),
  ])
  return Buffer.concat(parts)
}

function integer7(value: number): Buffer {
  if (value < 127) return Buffer.of(value)
  const out = [127]
  let rest = value - 127
  for (; rest >= 128; rest >>>= 7) out.push((rest & 127) | 128)
  out.push(rest)
  return Buffer.from(out)
}

/** Waits until `check` holds; for what the other end of a socket does. */
export async function until(check: () => boolean, what: string, withinMs = 5000): Promise<void> {
  const end = Date.now() + withinMs
  while (!check()) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
