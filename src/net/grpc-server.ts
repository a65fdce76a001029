/**
 * gRPC for unary calls on `node:http2`: listens, finds the method, and passes streams to `ServerCall`. The raw stream
 * event is used, not the compatibility objects, which cost as much again as a call.
 */
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Timer } from '../core/clock.ts'
import type { Encoding } from './compression.ts'
import { ServerCall } from './grpc-call.ts'
import { GrpcConnection } from './grpc-connection.ts'
import type { GrpcServer, GrpcServerOptions, UnaryHandler } from './grpc-transport.ts'
import { listen } from './listen.ts'
import { encodeGrpcMessage, GRPC, parseGrpcTimeout } from './status.ts'

/** Windows are large because admission bounds what is kept, not flow control: bytes that may not stay are dropped. */
const SESSION_WINDOW_BYTES = 64 << 20
const STREAM_WINDOW_BYTES = 8 << 20
const MAX_FRAME_BYTES = 1 << 20
/** One header block; larger ones get the stream reset. */
const MAX_HEADER_BYTES = 64 << 10
const MAX_HEADER_PAIRS = 128
/** What nghttp2 may keep for one connection, MiB. Received data does not stay in it. */
const MAX_SESSION_MEMORY_MB = 64
/** Where `max_concurrent_streams` is not set. */
const DEFAULT_STREAMS = 1000
const HANDSHAKE_TIMEOUT_MS = 10_000
const MAX_TICK_MS = 1000

/** Method by its full path, such as `/package.Service/Method`. */
export function createGrpcServer(
  options: GrpcServerOptions,
  methods: ReadonlyMap<string, UnaryHandler>,
): GrpcServer {
  return new NodeGrpcServer(options, methods)
}

class NodeGrpcServer implements GrpcServer {
  readonly #options: GrpcServerOptions
  readonly #methods: ReadonlyMap<string, UnaryHandler>
  readonly #services: ReadonlySet<string>
  readonly #acceptEncoding: string
  readonly #server: Http2Server
  readonly #open = new Set<GrpcConnection>()
  #scan: Timer | undefined
  #drained: (() => void) | undefined
  #port = 0

  constructor(options: GrpcServerOptions, methods: ReadonlyMap<string, UnaryHandler>) {
    this.#options = options
    this.#methods = methods
    this.#services = new Set([...methods.keys()].map(serviceOf))
    this.#acceptEncoding = ['identity', ...options.encodings].join(',')
    this.#server = createHttp2(options)
    this.#server.on('session', session => this.#onSession(session))
    this.#server.on('sessionError', () => {})
    this.#server.on('tlsClientError' as 'sessionError', () => options.onCut('protocol_error'))
    this.#server.on('unknownProtocol' as 'sessionError', socket =>
      (socket as unknown as Socket).destroy(),
    )
  }

  get port(): number {
    return this.#port
  }

  get connections(): number {
    return this.#open.size
  }

  async start(): Promise<void> {
    const { bodyTimeoutMs, responseTimeoutMs, clock } = this.#options
    await listen(this.#server, this.#options.listen)
    const address = this.#server.address() as AddressInfo | string | null
    this.#port = typeof address === 'object' && address !== null ? address.port : 0
    this.#options.tls?.attach(this.#server as unknown as Http2SecureServer)
    const tickMs = Math.min(MAX_TICK_MS, bodyTimeoutMs / 4, responseTimeoutMs / 4)
    this.#scan = clock.every(tickMs, () => {
      const nowMs = clock.monotonic()
      for (const connection of this.#open) connection.scan(nowMs, tickMs)
    })
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#server.close()
    for (const connection of this.#open) connection.close()
    if (this.#open.size > 0) await this.#drain(deadline)
    this.#scan?.cancel()
  }

  async #drain(deadline: AbortSignal): Promise<void> {
    const cut = () => {
      for (const connection of this.#open) connection.session.destroy()
    }
    const drained = new Promise<void>(resolve => {
      this.#drained = resolve
    })
    if (deadline.aborted) cut()
    else deadline.addEventListener('abort', cut, { once: true })
    await drained
    deadline.removeEventListener('abort', cut)
  }

  #onSession(session: ServerHttp2Session): void {
    // The first SETTINGS are out; only now the window of the whole connection can be opened.
    session.setLocalWindowSize(SESSION_WINDOW_BYTES)
    const connection = new GrpcConnection(session, this.#options, this.#acceptEncoding, gone => {
      this.#open.delete(gone)
      if (this.#open.size === 0) this.#drained?.()
    })
    this.#open.add(connection)
    session.socket.on('end', () => connection.peerEnded())
    // On the session, not the server: a stream that is already gone no longer knows its session.
    session.on(
      'stream',
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: unknown) =>
        this.#onStream(connection, stream, headers, raw as readonly string[]),
    )
  }

  // hot: bench/flow/side-by-side.ts
  #onStream(
    connection: GrpcConnection,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
  ): void {
    stream.on('error', ignore)
    if (stream.destroyed || stream.closed) {
      connection.wasReset()
      return
    }
    const handler = this.#methods.get(headers[':path'] as string)
    const encoding = headers['grpc-encoding'] as string | undefined
    const named = encoding === undefined || encoding === 'identity' ? '' : (encoding as Encoding)
    const call = new ServerCall(connection, stream, handler ?? NOBODY, named, rawHeaders)
    connection.opened(call)
    if (handler === undefined || !this.#isGood(headers, encoding)) {
      call.refuse(this.#refusal(headers))
    }
  }

  #isGood(headers: IncomingHttpHeaders, encoding: string | undefined): boolean {
    return (
      headers[':method'] === 'POST' &&
      isGrpc(headers['content-type']) &&
      (encoding === undefined || this.#knows(encoding)) &&
      hasGoodTimeout(headers['grpc-timeout'])
    )
  }

  #knows(encoding: string): boolean {
    if (encoding === 'identity') return true
    return (this.#options.encodings as readonly string[]).includes(encoding)
  }

  /** Says what is wrong with the headers. */
  #refusal(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
    const path = String(headers[':path'])
    if (headers[':method'] !== 'POST') return { ':status': 405, allow: 'POST' }
    if (!isGrpc(headers['content-type'])) return { ':status': 415 }
    if (!this.#methods.has(path)) {
      const what = this.#services.has(serviceOf(path)) ? 'unknown method' : 'unknown service'
      return this.#status(GRPC.UNIMPLEMENTED, `${what} ${path.slice(0, 200)}`)
    }
    if (!hasGoodTimeout(headers['grpc-timeout'])) {
      return this.#status(GRPC.INTERNAL, 'malformed grpc-timeout')
    }
    const encoding = String(headers['grpc-encoding']).slice(0, 100)
    return this.#status(GRPC.UNIMPLEMENTED, `grpc-encoding ${encoding} is not supported`)
  }

  #status(code: number, message: string): OutgoingHttpHeaders {
    return {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(code),
      'grpc-message': encodeGrpcMessage(message),
      'grpc-accept-encoding': this.#acceptEncoding,
    }
  }
}

/** Stands for the handler of calls that are refused by their head. */
const NOBODY: UnaryHandler = {
  reserve: () => ({ code: GRPC.INTERNAL, message: '' }),
  fit: buffer => buffer,
  giveBack: ignore,
  handle: ignore,
}

/** The secure server has the same events; its own methods are asked for where TLS is attached. */
function createHttp2(options: GrpcServerOptions): Http2Server {
  const settings = {
    maxSessionMemory: MAX_SESSION_MEMORY_MB,
    maxHeaderListPairs: MAX_HEADER_PAIRS,
    settings: {
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxFrameSize: MAX_FRAME_BYTES,
      maxHeaderListSize: MAX_HEADER_BYTES,
      maxConcurrentStreams: options.maxConcurrentStreams || DEFAULT_STREAMS,
      enablePush: false,
    },
  }
  if (options.tls === undefined) return createServer(settings)
  return createSecureServer({
    ...settings,
    ...options.tls.options,
    ALPNProtocols: ['h2'],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  }) as unknown as Http2Server
}

function isGrpc(contentType: string | undefined): boolean {
  if (contentType === 'application/grpc') return true
  return contentType !== undefined && /^application\/grpc(\+proto)?\s*(;|$)/i.test(contentType)
}

function hasGoodTimeout(timeout: string | string[] | undefined): boolean {
  return timeout === undefined || parseGrpcTimeout(String(timeout)) !== undefined
}

function serviceOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function ignore(): void {}
