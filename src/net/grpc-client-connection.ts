/** One HTTP/2 connection of a gRPC client: connects when asked, pings while calls are open, comes back after failures. */
import type { Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import type { Clock, Timer } from '../core/clock.ts'
import { Backoff } from '../util/backoff.ts'
import { type GrpcReply, type GrpcRequest, localReply } from './grpc-client-call.ts'
import { ClientSession, type SessionOwner } from './grpc-client-session.ts'
import type { GrpcAddress } from './grpc-client-target.ts'
import { H2 } from './http2/protocol.ts'
import { connectInPlace } from './read-in-place.ts'
import { GRPC } from './status.ts'

/** gRPC's connection backoff protocol: 1 s, times 1.6, 20 % jitter, at most 2 min. */
const BACKOFF = { initialMs: 1000, multiplier: 1.6, randomization: 0.2, maxMs: 120_000 }
const CONNECT_TIMEOUT_MS = 20_000
/** A connection that ends sooner, and without any use to a call, counts as one that could not be made. */
const LEAST_LIFE_MS = 1000
/** However often servers ask for fewer pings. */
const MAX_KEEPALIVE_MS = 24 * 3_600_000

export interface KeepaliveOptions {
  /** 0 = never. */
  readonly timeMs: number
  readonly timeoutMs: number
  readonly withoutCalls: boolean
}

export interface ConnectionConfig {
  readonly clock: Clock
  /** Asked anew for every connection, so that changed certificates are used; null = no TLS. */
  readonly tls: (() => ConnectionOptions) | null
  /** Name for TLS (SNI and check) where the options have none. */
  readonly serverName: string
  readonly keepalive: KeepaliveOptions
  /** A connection was lost or could not be made: names may have to be looked up again. */
  readonly onDown: () => void
}

type State = 'idle' | 'connecting' | 'ready' | 'closed'

export class GrpcConnection implements SessionOwner {
  readonly address: GrpcAddress
  readonly #config: ConnectionConfig
  readonly #backoff = new Backoff(BACKOFF)
  #session: ClientSession | null = null
  #state: State = 'idle'
  #connecting: Promise<boolean> | null = null
  /** Tells the attempt that is under way how it ended. */
  #settle: (isUp: boolean) => void = () => {}
  /** Sessions that finish their calls after a GOAWAY. */
  readonly #draining = new Set<ClientSession>()
  #failedUntilMs = 0
  #lastError = ''
  #calls = 0
  #lastActivityMs = 0
  #readySinceMs = 0
  #keepaliveTimeMs: number
  #keepalive: Timer | null = null

  constructor(address: GrpcAddress, config: ConnectionConfig) {
    this.address = address
    this.#config = config
    this.#keepaliveTimeMs = config.keepalive.timeMs
  }

  get isReady(): boolean {
    return this.#state === 'ready'
  }

  get isBusy(): boolean {
    return this.#calls > 0
  }

  /** Failed a short time ago and is left alone for a while. */
  get isBackingOff(): boolean {
    return this.#state === 'idle' && this.#config.clock.monotonic() < this.#failedUntilMs
  }

  get backoffEndsMs(): number {
    return this.#failedUntilMs
  }

  forgetFailures(): void {
    this.#backoff.reset()
    this.#failedUntilMs = 0
  }

  get lastError(): string {
    return this.#lastError
  }

  /** Room for another call within the server's limit of concurrent streams. */
  get hasRoom(): boolean {
    return this.#session !== null && this.#calls < this.#session.peer.maxStreams
  }

  /** True once ready; false when the attempt failed. Concurrent calls share one attempt. */
  connect(): Promise<boolean> {
    if (this.#state === 'ready') return Promise.resolve(true)
    if (this.#state === 'closed') return Promise.resolve(false)
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = null
    })
    return this.#connecting
  }

  async call(request: GrpcRequest): Promise<GrpcReply> {
    const session = this.#session
    if (session === null || this.#state !== 'ready') {
      return localReply(GRPC.UNAVAILABLE, 'not connected', true)
    }
    this.#calls++
    if (this.#calls === 1) this.#touch()
    const reply = await session.call(request)
    this.#calls--
    this.#touch()
    return reply
  }

  /** Takes no more calls and closes when those in flight have ended. */
  retire(): void {
    this.#state = 'closed'
    this.#keepalive?.cancel()
    this.#session?.close()
  }

  /** Ends at once; calls in flight answer UNAVAILABLE. */
  close(): void {
    this.#state = 'closed'
    this.#keepalive?.cancel()
    this.#session?.abandon('the client is closed')
    for (const session of this.#draining) session.abandon('the client is closed')
    this.#session = null
    this.#settle(false)
  }

  async #open(): Promise<boolean> {
    this.#state = 'connecting'
    let socket: Socket
    try {
      socket = this.#openSocket()
    } catch (error) {
      this.#fail((error as Error).message)
      return false
    }
    return new Promise(resolve => {
      const session = new ClientSession(socket, this)
      const timer = this.#config.clock.after(CONNECT_TIMEOUT_MS, () => {
        session.abandon(`no HTTP/2 settings within ${CONNECT_TIMEOUT_MS} ms`)
      })
      this.#settle = isUp => {
        timer.cancel()
        resolve(isUp)
      }
      this.#session = session
      if ('alpnProtocol' in socket) refuseOtherProtocols(socket as TLSSocket, session)
    })
  }

  #openSocket(): Socket {
    const { address } = this
    const { tls, serverName } = this.#config
    const where =
      'path' in address ? { path: address.path } : { host: address.host, port: address.port }
    const socket =
      tls === null
        ? connectInPlace(where)
        : connectTls({ servername: serverName, ...tls(), ...where, ALPNProtocols: ['h2'] })
    socket.setNoDelay(true)
    return socket
  }

  sessionReady(session: ClientSession): void {
    if (this.#session !== session) return
    this.#state = 'ready'
    this.#touch()
    this.#readySinceMs = this.#lastActivityMs
    this.#watch(session)
    this.#settle(true)
  }

  /** GOAWAY: calls in flight may finish, new ones need a new connection. */
  sessionLeaving(session: ClientSession, error: number, why: string): void {
    // The server finds our pings too many; gRPC asks clients to halve their rate then.
    if (error === H2.ENHANCE_YOUR_CALM) {
      const doubledMs = Math.min(this.#keepaliveTimeMs * 2, MAX_KEEPALIVE_MS)
      this.#keepaliveTimeMs = Math.max(this.#keepaliveTimeMs, doubledMs)
    }
    if (this.#session !== session) return
    this.#draining.add(session)
    this.#lose(session, why)
  }

  sessionClosed(session: ClientSession, why: string): void {
    this.#draining.delete(session)
    if (this.#session === session) this.#lose(session, why)
  }

  #lose(session: ClientSession, why: string): void {
    this.#session = null
    this.#keepalive?.cancel()
    if (this.#state !== 'closed') {
      if (this.#wasOfUse(session)) {
        this.#backoff.reset()
        this.#failedUntilMs = 0
        this.#state = 'idle'
        this.#config.onDown()
      } else this.#fail(why)
    }
    this.#settle(false)
  }

  /** Otherwise a server that takes connections and drops them at once would be connected to without end. */
  #wasOfUse(session: ClientSession): boolean {
    if (this.#state !== 'ready') return false
    const aliveMs = this.#config.clock.monotonic() - this.#readySinceMs
    return session.hasAnswered || session.streams.size > 0 || aliveMs >= LEAST_LIFE_MS
  }

  #fail(why: string): void {
    this.#state = 'idle'
    this.#lastError = why
    this.#failedUntilMs = this.#config.clock.monotonic() + this.#backoff.nextMs()
    this.#config.onDown()
  }

  #touch(): void {
    this.#lastActivityMs = this.#config.clock.monotonic()
  }

  /** Pings after `timeMs` without an answer to anything, and gives the connection up when a ping is not answered. */
  #watch(session: ClientSession): void {
    const { clock, keepalive } = this.#config
    const timeMs = this.#keepaliveTimeMs
    this.#keepalive?.cancel()
    if (timeMs <= 0) return
    let isAsking = false
    const check = (): void => {
      if (session.isOver) return
      if (isAsking) {
        this.#keepalive = clock.after(timeMs, check)
        return
      }
      const idleMs = clock.monotonic() - this.#lastActivityMs
      if (idleMs < timeMs || (this.#calls === 0 && !keepalive.withoutCalls)) {
        this.#keepalive = clock.after(Math.max(timeMs - idleMs, timeMs / 10), check)
        return
      }
      const timeout = clock.after(keepalive.timeoutMs, () =>
        session.abandon(`keepalive ping not answered within ${keepalive.timeoutMs} ms`),
      )
      isAsking = true
      session.askAlive(() => {
        isAsking = false
        timeout.cancel()
        this.#touch()
      })
      this.#keepalive = clock.after(timeMs, check)
    }
    this.#keepalive = clock.after(timeMs, check)
  }
}

/** A server that does not choose HTTP/2 in the handshake would not understand a word. */
function refuseOtherProtocols(socket: TLSSocket, session: ClientSession): void {
  socket.once('secureConnect', () => {
    if (socket.alpnProtocol !== 'h2') session.abandon('the server does not speak HTTP/2 over TLS')
  })
}
