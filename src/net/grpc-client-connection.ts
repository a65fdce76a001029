/** One HTTP/2 connection of a gRPC client: connects when asked, pings while calls are open, comes back after failures. */
import { type ClientHttp2Session, connect, constants, type Http2Session } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Clock, Timer } from '../core/clock.ts'
import { Backoff } from '../util/backoff.ts'
import { callUnary, type GrpcReply, type GrpcRequest, localReply } from './grpc-client-call.ts'
import type { GrpcAddress } from './grpc-client-target.ts'
import { GRPC } from './status.ts'

/** gRPC's connection backoff protocol: 1 s, times 1.6, 20 % jitter, at most 2 min. */
const BACKOFF = { initialMs: 1000, multiplier: 1.6, randomization: 0.2, maxMs: 120_000 }
const CONNECT_TIMEOUT_MS = 20_000
/** Bytes that wait to be written count here too; the sending queue bounds them, Node's default of 10 MB would refuse streams. */
const MAX_SESSION_MEMORY_MB = 4096
/** Least of streams assumed before the server has said its limit. */
const UNKNOWN_STREAM_LIMIT = 100

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

export class GrpcConnection {
  readonly address: GrpcAddress
  readonly #config: ConnectionConfig
  readonly #backoff = new Backoff(BACKOFF)
  #session: ClientHttp2Session | null = null
  #state: State = 'idle'
  #connecting: Promise<boolean> | null = null
  /** Sessions that finish their calls after a GOAWAY. */
  readonly #draining = new Set<ClientHttp2Session>()
  #failedUntilMs = 0
  #lastError = ''
  #calls = 0
  #lastActivityMs = 0
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

  /** Failed a short time ago and is left alone for a while. */
  get isBackingOff(): boolean {
    return this.#state === 'idle' && this.#config.clock.monotonic() < this.#failedUntilMs
  }

  get backoffEndsMs(): number {
    return this.#failedUntilMs
  }

  get lastError(): string {
    return this.#lastError
  }

  /** Room for another call within the server's limit of concurrent streams. */
  get hasRoom(): boolean {
    const limit = this.#session?.remoteSettings?.maxConcurrentStreams ?? UNKNOWN_STREAM_LIMIT
    return this.#calls < limit
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
    const reply = await callUnary(session, request)
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
    this.#session?.destroy()
    for (const session of this.#draining) session.destroy()
    this.#session = null
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
    const session = connect('http://localhost', {
      createConnection: () => socket,
      maxSessionMemory: MAX_SESSION_MEMORY_MB,
      settings: { enablePush: false },
    })
    this.#session = session
    return new Promise(resolve => {
      const timer = this.#config.clock.after(CONNECT_TIMEOUT_MS, () => {
        session.destroy(new Error(`no HTTP/2 settings within ${CONNECT_TIMEOUT_MS} ms`))
      })
      const settle = (isUp: boolean): void => {
        timer.cancel()
        resolve(isUp)
      }
      session.once('remoteSettings', () => settle(this.#setReady(session)))
      let why = 'the connection was closed'
      session.on('error', error => {
        why = error.message === '' ? String((error as NodeJS.ErrnoException).code) : error.message
      })
      session.on('goaway', code => this.#leave(session, code))
      session.on('close', () => {
        this.#lost(session, why)
        settle(false)
      })
    })
  }

  #openSocket(): Socket {
    const { address } = this
    const { tls, serverName } = this.#config
    const where =
      'path' in address ? { path: address.path } : { host: address.host, port: address.port }
    const socket =
      tls === null
        ? connectTcp(where)
        : connectTls({ servername: serverName, ...tls(), ...where, ALPNProtocols: ['h2'] })
    socket.setNoDelay(true)
    return socket
  }

  #setReady(session: ClientHttp2Session): boolean {
    if (this.#session !== session) return false
    this.#state = 'ready'
    this.#backoff.reset()
    this.#failedUntilMs = 0
    this.#touch()
    this.#watch(session)
    return true
  }

  /** GOAWAY: calls in flight may finish, new ones need a new connection. */
  #leave(session: ClientHttp2Session, code: number): void {
    // The server finds our pings too many; gRPC asks clients to halve their rate then.
    if (code === constants.NGHTTP2_ENHANCE_YOUR_CALM) this.#keepaliveTimeMs *= 2
    if (this.#session !== session) return
    this.#session = null
    this.#draining.add(session)
    this.#keepalive?.cancel()
    if (this.#state !== 'closed') this.#state = 'idle'
    this.#config.onDown()
  }

  #lost(session: ClientHttp2Session, why: string): void {
    this.#draining.delete(session)
    if (this.#session !== session) return
    const wasConnecting = this.#state === 'connecting'
    this.#session = null
    this.#keepalive?.cancel()
    if (this.#state === 'closed') return
    this.#state = 'idle'
    if (wasConnecting) this.#fail(why)
    else this.#config.onDown()
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
  #watch(session: Http2Session): void {
    const { clock, keepalive } = this.#config
    const timeMs = this.#keepaliveTimeMs
    this.#keepalive?.cancel()
    if (timeMs <= 0) return
    const check = (): void => {
      if (session.destroyed) return
      const idleMs = clock.monotonic() - this.#lastActivityMs
      if (idleMs < timeMs || (this.#calls === 0 && !keepalive.withoutCalls)) {
        this.#keepalive = clock.after(Math.max(timeMs - idleMs, timeMs / 10), check)
        return
      }
      const timeout = clock.after(keepalive.timeoutMs, () =>
        session.destroy(new Error(`keepalive ping not answered within ${keepalive.timeoutMs} ms`)),
      )
      const onPong = (): void => {
        timeout.cancel()
        this.#touch()
      }
      if (!session.ping(onPong)) timeout.cancel()
      this.#keepalive = clock.after(timeMs, check)
    }
    this.#keepalive = clock.after(timeMs, check)
  }
}
