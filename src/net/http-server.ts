/**
 * HTTP/1.1 as a server for bodies that are posted, OTLP's or others: routes by exact path, checks method, encoding and media type before anything is read,
 * and bounds headers, bodies and times.
 */
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import type { AddressInfo, ListenOptions, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../core/clock.ts'
import type { Encoding } from './compression.ts'
import { Cors, type CorsSettings } from './cors.ts'
import { type Guest, type GuestLimits, Guests, NO_GUEST_LIMITS, TlsGuests } from './guests.ts'
import { type ExchangeOwner, HttpExchange, type HttpHandler, HttpPeer } from './http-exchange.ts'
import { OTLP_FORMATS, pathOf } from './http-request.ts'
import { listen } from './listen.ts'
import { GRPC } from './status.ts'
import type { ServerTls } from './tls.ts'

/** Why a connection was cut. */
export type HttpCutReason =
  | 'slow_header'
  | 'slow_body'
  | 'response_timeout' // does not read its answer
  | 'header_flood'
  | 'too_many_connections' // one more than there is room for, or one that made room
  | 'protocol_error'

export const HTTP_CUT_REASONS: readonly HttpCutReason[] = [
  'slow_header',
  'slow_body',
  'response_timeout',
  'header_flood',
  'too_many_connections',
  'protocol_error',
]

/** Times in milliseconds. */
export interface HttpServerOptions {
  readonly listen: ListenOptions
  readonly tls: ServerTls | undefined
  readonly encodings: readonly Encoding[]
  /** Absent: as many as come. */
  readonly guests?: GuestLimits
  readonly maxBodyBytes: number
  readonly headerTimeoutMs: number
  /** 0: a body may pause for `bodyTimeoutMs` and must come with at least 4 KiB/s; otherwise all must come in this time. */
  readonly readTimeoutMs: number
  readonly bodyTimeoutMs: number
  readonly responseTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly keepAlive: boolean
  readonly cors: CorsSettings | undefined
  /** Added to every answer. */
  readonly responseHeaders: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly onCut: (reason: HttpCutReason) => void
}

const MAX_HEADER_BYTES = 32 << 10
const MAX_HEADERS = 200
const MAX_TICK_MS = 1000
const HANDSHAKE_TIMEOUT_MS = 10_000
/** Slowest rate at which a body may come in the long run. */
const MIN_BYTES_PER_MS = 4
const UNSUPPORTED_METHOD = '405 method not allowed, supported: [POST]'
const UNSUPPORTED_TYPE = '415 unsupported media type, supported:'

/** Finds who serves a path; a map does. */
export type PathHandlers = Pick<ReadonlyMap<string, HttpHandler>, 'get'>

export class HttpServer implements ExchangeOwner {
  readonly maxBodyBytes: number
  readonly maxDiscardBytes: number
  readonly #options: HttpServerOptions
  readonly #handlers: PathHandlers
  readonly #cors: Cors | undefined
  readonly #server: Server | SecureServer
  /** As accepted, under TLS where there is TLS. */
  readonly #raw = new Set<Socket>()
  /** That requests come on. */
  readonly #sockets = new Set<Socket>()
  readonly #peers = new WeakMap<Socket, HttpPeer>()
  readonly #guests: Guests
  readonly #tlsGuests: TlsGuests
  readonly #exchanges = new Set<HttpExchange>()
  #scan: Timer | undefined
  #stopping = false
  #allGone: (() => void) | undefined
  #port = 0

  /** Handlers by path, without the query; asked anew for each request. */
  constructor(options: HttpServerOptions, handlers: PathHandlers) {
    this.#options = options
    this.#handlers = handlers
    this.maxBodyBytes = options.maxBodyBytes
    this.maxDiscardBytes = Math.max(options.maxBodyBytes * 2, 1 << 20)
    this.#cors = options.cors === undefined ? undefined : new Cors(options.cors)
    this.#guests = new Guests(options.guests ?? NO_GUEST_LIMITS, options.clock)
    this.#tlsGuests = new TlsGuests(this.#guests)
    this.#server = createHttp(options)
    const serve = (request: IncomingMessage, response: ServerResponse) =>
      this.#onRequest(request, response)
    this.#server.on('request', serve)
    this.#server.on('checkContinue', serve)
    this.#server.on('checkExpectation', serve)
    this.#server.on('clientError', (error, socket) => this.#onClientError(error, socket))
    this.#server.on('connection', socket => this.#onRaw(socket))
    if (options.tls !== undefined) {
      this.#server.on('secureConnection', socket => {
        const guest = this.#tlsGuests.of(socket)
        if (guest === undefined) socket.destroy()
        else this.#onConnection(socket, guest)
      })
    }
    this.#server.on('tlsClientError', () => options.onCut('protocol_error'))
    this.#server.on('upgrade', (_request, socket) => socket.destroy())
  }

  /** The port, once started; 0 for unix sockets. */
  get port(): number {
    return this.#port
  }

  get connections(): number {
    return this.#raw.size
  }

  /** Rejects with MILLRACE_START_FAILED if the address cannot be had. */
  async start(): Promise<void> {
    const { bodyTimeoutMs, responseTimeoutMs, clock } = this.#options
    await listen(this.#server, this.#options.listen)
    const address = this.#server.address() as AddressInfo | string | null
    this.#port = typeof address === 'object' && address !== null ? address.port : 0
    this.#options.tls?.attach(this.#server as SecureServer)
    const tickMs = Math.min(MAX_TICK_MS, bodyTimeoutMs / 4, responseTimeoutMs / 4)
    this.#scan = clock.every(tickMs, () => {
      for (const exchange of this.#exchanges) this.#scanExchange(exchange, tickMs)
    })
  }

  /** Stops accepting, closes idle connections, and resolves when all is answered, or cuts it when `deadline` aborts. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#stopping = true
    const gone = new Promise<void>(resolve => {
      this.#allGone = resolve
    })
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    const busy = new Set([...this.#exchanges].map(exchange => exchange.socket))
    for (const socket of this.#sockets) if (!busy.has(socket)) socket.destroy()
    const cut = () => {
      for (const socket of this.#raw) socket.destroy()
    }
    if (deadline.aborted) cut()
    else deadline.addEventListener('abort', cut, { once: true })
    await closed
    if (this.#raw.size > 0) await gone
    deadline.removeEventListener('abort', cut)
    this.#scan?.cancel()
  }

  answerHeaders(origin: string | undefined): OutgoingHttpHeaders {
    return {
      ...this.#cors?.headers(origin),
      ...this.#options.responseHeaders,
      ...((this.#stopping || !this.#options.keepAlive) && { connection: 'close' }),
    }
  }

  exchangeClosed(exchange: HttpExchange): void {
    this.#exchanges.delete(exchange)
    exchange.peer.open--
  }

  #gone(socket: Socket): void {
    this.#raw.delete(socket)
    if (this.#raw.size === 0) this.#allGone?.()
  }

  /** Before any handshake, which costs more than anything that it could tell. */
  #onRaw(socket: Socket): void {
    this.#raw.add(socket)
    socket.on('close', () => this.#gone(socket))
    const isPlain = this.#options.tls === undefined
    const guest = isPlain ? this.#guests.enter(socket) : null
    if (guest === null && (isPlain || !this.#tlsGuests.accepted(socket))) {
      this.#options.onCut('too_many_connections')
      socket.destroy()
    } else if (guest !== null) this.#onConnection(socket, guest)
  }

  #onConnection(socket: Socket, guest: Guest): void {
    this.#sockets.add(socket)
    this.#peers.set(socket, new HttpPeer(socket, guest))
    const end = guest.evict
    guest.evict = () => {
      this.#options.onCut('too_many_connections')
      end()
    }
    socket.on('close', () => {
      this.#sockets.delete(socket)
      guest.leave()
    })
  }

  // hot: bench/flow/side-by-side.ts
  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    response.sendDate = false
    const { headers } = request
    const handler = this.#handlers.get(pathOf(request.url ?? ''))
    const formats = handler?.formats ?? OTLP_FORMATS
    const format = formats.find(headers['content-type'])
    const encoding = (headers['content-encoding'] ?? '').trim().toLowerCase()
    const known = encoding === '' || encoding === 'identity' || this.#knows(encoding)
    const exchange = new HttpExchange(
      this,
      request,
      response,
      this.#peers.get(request.socket)!,
      format ?? formats.fallback,
      known && encoding !== 'identity' ? (encoding as Encoding | '') : '',
    )
    this.#exchanges.add(exchange)
    if (request.rawHeaders.length > 2 * MAX_HEADERS) this.#refuseFlood(exchange)
    else if (handler === undefined) {
      exchange.fail({ code: GRPC.UNIMPLEMENTED, http: 404, message: '404 page not found' })
    } else if (request.method !== 'POST') this.#refuseMethod(request, exchange)
    else if (!known) {
      const message = `unsupported Content-Encoding: ${encoding.slice(0, 100)}`
      exchange.fail({ code: GRPC.INVALID_ARGUMENT, message })
    } else if (format === undefined) {
      exchange.failInText(415, `${UNSUPPORTED_TYPE} ${formats.supported}`)
    } else exchange.read(handler)
  }

  #knows(encoding: string): boolean {
    return (this.#options.encodings as readonly string[]).includes(encoding)
  }

  /** What credentials it has, and how often, could not be told. */
  #refuseFlood(exchange: HttpExchange): void {
    this.#options.onCut('header_flood')
    const text = `431 more than ${MAX_HEADERS} header fields`
    exchange.failInText(431, text, { connection: 'close' })
  }

  #refuseMethod(request: IncomingMessage, exchange: HttpExchange): void {
    const asked = request.headers['access-control-request-method'] !== undefined
    if (this.#cors !== undefined && request.method === 'OPTIONS' && asked) {
      exchange.answerEmpty(204, this.#cors.preflight(request.headers))
    } else exchange.failInText(405, UNSUPPORTED_METHOD, { allow: 'POST' })
  }

  #scanExchange(exchange: HttpExchange, tickMs: number): void {
    if (exchange.isCut) return
    exchange.ticks++
    if (exchange.received === exchange.receivedAtScan) exchange.quietTicks++
    else {
      exchange.quietTicks = 0
      exchange.receivedAtScan = exchange.received
    }
    if (exchange.phase === 'serving') return
    const { bodyTimeoutMs, readTimeoutMs, responseTimeoutMs } = this.#options
    const quietMs = (exchange.quietTicks - 1) * tickMs
    const totalMs = (exchange.ticks - 1) * tickMs
    if (exchange.phase === 'answered') {
      if (quietMs <= responseTimeoutMs) return
      this.#options.onCut('response_timeout')
    } else {
      const allowedMs = readTimeoutMs || bodyTimeoutMs + exchange.received / MIN_BYTES_PER_MS
      if (totalMs <= allowedMs && (readTimeoutMs > 0 || quietMs <= bodyTimeoutMs)) return
      this.#options.onCut('slow_body')
    }
    exchange.cut()
  }

  /** What the parser refuses has no request object; the answer is written by hand. */
  #onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    // The parser may go on and fail again before the socket is closed.
    if (socket.destroyed || socket.writableEnded) return
    const answer = CLIENT_ERRORS[error.code ?? '']
    if (error.code !== 'ECONNRESET') this.#options.onCut(answer?.cut ?? 'protocol_error')
    const started = (socket as { _httpMessage?: ServerResponse })._httpMessage?.headersSent
    if (!socket.writable || started === true) {
      socket.destroy()
      return
    }
    const status = answer?.status ?? '400 Bad Request'
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
      socket.destroy(),
    )
  }
}

const CLIENT_ERRORS: Readonly<Record<string, { status: string; cut: HttpCutReason }>> = {
  HPE_HEADER_OVERFLOW: { status: '431 Request Header Fields Too Large', cut: 'header_flood' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: '413 Payload Too Large', cut: 'protocol_error' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', cut: 'slow_header' },
}

function createHttp(options: HttpServerOptions): Server | SecureServer {
  const bounds = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: options.headerTimeoutMs,
    // Bodies are timed by the scan, which knows how much has come.
    requestTimeout: 0,
    keepAliveTimeout: options.idleTimeoutMs,
    connectionsCheckingInterval: Math.max(50, Math.min(5000, options.headerTimeoutMs / 2)),
    noDelay: true,
  }
  const server =
    options.tls === undefined
      ? createServer(bounds)
      : createSecureServer({
          ...bounds,
          ...options.tls.options,
          ALPNProtocols: ['http/1.1'],
          handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        })
  // The parser leaves out silently what is more: one more than allowed is how that shows.
  server.maxHeadersCount = MAX_HEADERS + 1
  return server
}
