/**
 * gRPC for unary calls: listens, finds the method of a call, and passes it to `ServerCall`. On an HTTP/2 of its own,
 * because `node:http2` costs about 28 µs a call whatever it carries (docs/adr/0006-own-http2.md).
 */
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import type { Timer } from '../core/clock.ts'
import { CallHeads } from './call-heads.ts'
import type { Encoding } from './compression.ts'
import { Doorstep } from './doorstep.ts'
import { ServerCall } from './grpc-call.ts'
import { type ConnectionOwner, GrpcConnection } from './grpc-connection.ts'
import type { GrpcServer, GrpcServerOptions, UnaryHandler } from './grpc-transport.ts'
import { type Guest, Guests, NO_GUEST_LIMITS, TlsGuests } from './guests.ts'
import type { HeaderField } from './http2/hpack-table.ts'
import { listen } from './listen.ts'
import { readInPlace } from './read-in-place.ts'
import { encodeGrpcMessage, GRPC, parseGrpcTimeout } from './status.ts'

const HANDSHAKE_TIMEOUT_MS = 10_000
const MAX_TICK_MS = 1000

/** Method by its full path, such as `/package.Service/Method`; asked anew for each call. */
export function createGrpcServer(
  options: GrpcServerOptions,
  methods: ReadonlyMap<string, UnaryHandler>,
): GrpcServer {
  return new UnaryGrpcServer(options, methods)
}

/** What a call's headers say that matters here. */
interface CallHead {
  method: string
  path: string
  contentType: string
  encoding: string
  timeout: string | undefined
  /** -1 where it is not given. */
  contentLength: number
}

class UnaryGrpcServer implements GrpcServer, ConnectionOwner {
  readonly options: GrpcServerOptions
  readonly acceptEncoding: string
  readonly #methods: ReadonlyMap<string, UnaryHandler>
  readonly #server: Server
  readonly #open = new Set<GrpcConnection>()
  readonly #doorstep: Doorstep
  readonly heads = new CallHeads()
  readonly #guests: Guests
  readonly #tlsGuests: TlsGuests
  #scan: Timer | undefined
  #drained: (() => void) | undefined
  #port = 0

  constructor(options: GrpcServerOptions, methods: ReadonlyMap<string, UnaryHandler>) {
    this.options = options
    this.#methods = methods
    this.acceptEncoding = ['identity', ...options.encodings].join(',')
    this.#guests = new Guests(options.guests ?? NO_GUEST_LIMITS, options.clock)
    this.#tlsGuests = new TlsGuests(this.#guests)
    this.#doorstep = new Doorstep(
      options.clock,
      (socket, guest) => void this.#open.add(new GrpcConnection(socket, this, guest)),
      options.onCut,
    )
    this.#server = this.#createServer()
  }

  #createServer(): Server {
    const { tls, onCut } = this.options
    if (tls === undefined) {
      return createTcpServer({ noDelay: true, allowHalfOpen: true }, socket => {
        const guest = this.#guests.enter(socket)
        if (guest === null) this.#turnAway(socket)
        else this.#accept(socket, guest)
      })
    }
    const server = createTlsServer(
      {
        ...tls.options,
        allowHalfOpen: true,
        ALPNProtocols: ['h2'],
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      },
      (socket: TLSSocket) => {
        const guest = this.#tlsGuests.of(socket)
        if (guest === undefined) socket.destroy()
        else this.#accept(socket, guest)
      },
    )
    // Before the handshake, which costs more than anything that it could tell.
    server.on('connection', (raw: Socket) => {
      if (!this.#tlsGuests.accepted(raw)) this.#turnAway(raw)
    })
    return server.on('tlsClientError', () => onCut('protocol_error'))
  }

  get port(): number {
    return this.#port
  }

  get connections(): number {
    return this.#open.size + this.#doorstep.size
  }

  async start(): Promise<void> {
    const { bodyTimeoutMs, responseTimeoutMs, clock } = this.options
    await listen(this.#server, this.options.listen)
    const address = this.#server.address() as AddressInfo | string | null
    this.#port = typeof address === 'object' && address !== null ? address.port : 0
    this.options.tls?.attach(this.#server as TlsServer)
    const tickMs = Math.min(MAX_TICK_MS, bodyTimeoutMs / 4, responseTimeoutMs / 4)
    this.#scan = clock.every(tickMs, () => {
      const nowMs = clock.monotonic()
      this.#doorstep.look()
      for (const connection of this.#open) connection.scan(nowMs, tickMs)
    })
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#server.close()
    this.#doorstep.close()
    for (const connection of this.#open) connection.close()
    if (this.#open.size > 0) await this.#drain(deadline)
    this.#scan?.cancel()
  }

  async #drain(deadline: AbortSignal): Promise<void> {
    const cut = () => {
      for (const connection of this.#open) connection.destroy()
    }
    const drained = new Promise<void>(resolve => {
      this.#drained = resolve
    })
    if (deadline.aborted) cut()
    else deadline.addEventListener('abort', cut, { once: true })
    await drained
    deadline.removeEventListener('abort', cut)
  }

  #turnAway(socket: Socket): void {
    this.options.onCut('too_many_connections')
    socket.destroy()
  }

  #accept(socket: Socket, guest: Guest): void {
    // Its handshake ended too late.
    if (!this.#server.listening) {
      guest.leave()
      socket.destroy()
      return
    }
    // A client that knows HTTP/2 says so in the handshake; what else comes over TLS is not for here.
    if ('alpnProtocol' in socket && socket.alpnProtocol !== 'h2') {
      this.options.onCut('protocol_error')
      guest.leave()
      socket.destroy()
      return
    }
    const inPlace = readInPlace(socket)
    if (this.#doorstep.wait(inPlace, guest)) return
    this.#open.add(new GrpcConnection(inPlace, this, guest))
  }

  connectionClosed(connection: GrpcConnection): void {
    this.#open.delete(connection)
    if (this.#open.size === 0) this.#drained?.()
  }

  // hot: bench/flow/side-by-side.ts
  openCall(connection: GrpcConnection, id: number, fields: readonly HeaderField[]): ServerCall {
    const head = readHead(fields)
    const handler = this.#methods.get(head.path)
    const encoding = head.encoding === 'identity' ? '' : (head.encoding as Encoding)
    const call = new ServerCall(connection, id, handler ?? NOBODY, encoding, fields)
    call.contentLength = head.contentLength
    if (handler === undefined || !this.#isGood(head, encoding)) call.refuse(this.#refusal(head))
    else if (handler.admit !== undefined) call.admit()
    return call
  }

  #isGood(head: CallHead, encoding: string): boolean {
    return (
      head.method === 'POST' &&
      isGrpc(head.contentType) &&
      (encoding === '' || this.#knows(encoding)) &&
      (head.timeout === undefined || parseGrpcTimeout(head.timeout) !== undefined)
    )
  }

  #knows(encoding: string): boolean {
    return (this.options.encodings as readonly string[]).includes(encoding)
  }

  /** Says what is wrong with the headers. */
  #refusal(head: CallHead): [string, string][] {
    const { path } = head
    if (head.method !== 'POST') {
      return [
        [':status', '405'],
        ['allow', 'POST'],
      ]
    }
    if (!isGrpc(head.contentType)) return [[':status', '415']]
    if (!this.#methods.has(path)) {
      const services = [...this.#methods.keys()].map(serviceOf)
      const what = services.includes(serviceOf(path)) ? 'unknown method' : 'unknown service'
      return this.#status(GRPC.UNIMPLEMENTED, `${what} ${path.slice(0, 200)}`)
    }
    if (head.timeout !== undefined && parseGrpcTimeout(head.timeout) === undefined) {
      return this.#status(GRPC.INTERNAL, 'malformed grpc-timeout')
    }
    const encoding = head.encoding.slice(0, 100)
    return this.#status(GRPC.UNIMPLEMENTED, `grpc-encoding ${encoding} is not supported`)
  }

  #status(code: number, message: string): [string, string][] {
    return [
      [':status', '200'],
      ['content-type', 'application/grpc'],
      ['grpc-status', String(code)],
      ['grpc-message', encodeGrpcMessage(message)],
      ['grpc-accept-encoding', this.acceptEncoding],
    ]
  }
}

// hot: bench/flow/side-by-side.ts
function readHead(fields: readonly HeaderField[]): CallHead {
  const head: CallHead = {
    method: '',
    path: '',
    contentType: '',
    encoding: '',
    timeout: undefined,
    contentLength: -1,
  }
  for (const { kind, value } of fields) {
    if (kind === ':method') head.method = value
    else if (kind === ':path') head.path = value
    else if (kind === 'content-type') head.contentType = value
    else if (kind === 'grpc-encoding') head.encoding = value
    else if (kind === 'grpc-timeout') head.timeout = value
    else if (kind === 'content-length') head.contentLength = Number(value)
  }
  return head
}

/** Stands for the handler of calls that are refused by their head. */
const NOBODY: UnaryHandler = {
  reserve: () => ({ code: GRPC.INTERNAL, message: '' }),
  fit: buffer => buffer,
  giveBack: ignore,
  handle: ignore,
}

function isGrpc(contentType: string): boolean {
  return (
    contentType === 'application/grpc' || /^application\/grpc(\+proto)?\s*(;|$)/i.test(contentType)
  )
}

function serviceOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function ignore(): void {}
