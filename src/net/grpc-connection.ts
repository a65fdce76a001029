/**
 * One HTTP/2 connection of a gRPC server: its calls, its age, its pings, and what a hostile client could do on it that
 * nghttp2 does not bound. Time is counted in scans of the whole server, so that a call costs no timer.
 */
import { constants, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { RequestContext } from '../core/batch.ts'
import type { CallOwner, ServerCall } from './grpc-call.ts'
import type { CutReason, GrpcServerOptions } from './grpc-transport.ts'

/** A connection must send its preface and SETTINGS within this time. */
const PREFACE_TIMEOUT_MS = 10_000
/** Slowest rate at which a message may come in the long run. */
const MIN_BYTES_PER_MS = 4
/** Scans that a client has to end its side of a call that is answered. */
const LET_GO_TICKS = 2
/** Floods are counted over this time. */
const FLOOD_WINDOW_MS = 10_000
/** In a window. nghttp2 has its own bound of 1,000 resets, and 33 a second after that. */
const MAX_RESETS = 500
const MAX_SETTINGS = 100
/** As grpc-go: the third ping that comes too early is one too many. */
const MAX_PING_STRIKES = 2
/** Without calls, when the policy does not permit pings then, as grpc-go. */
const IDLE_PING_MS = 2 * 3_600_000
/**
 * A connection that has just become quiet is pinged once, whatever the settings: when nghttp2 gives a connection up
 * (too many resets, broken frames) it says GOAWAY and reads no more, and Node does not tell.
 */
const FIRST_PING_MS = 20_000
/** Ages differ by up to so much, so that connections made together do not end together. */
const AGE_JITTER = 0.1

export class GrpcConnection implements CallOwner {
  readonly session: ServerHttp2Session
  readonly context: RequestContext
  readonly maxMessageBytes: number
  readonly acceptEncoding: string
  readonly calls = new Set<ServerCall>()
  readonly #options: GrpcServerOptions
  readonly #closed: (connection: GrpcConnection) => void
  readonly #bornMs: number
  readonly #maxAgeMs: number
  #greeted = false
  #closing = false
  #closingSinceMs = 0
  #idleSinceMs: number
  #activeMs: number
  #frames = 0
  #framesAtScan = 0
  /** 0 while no ping of ours is on its way. */
  #pingedMs = 0
  /** Quiet, but it has answered a ping since it became so. */
  #proven = false
  #windowStartMs: number
  #resets = 0
  #settings = 0
  #lastPingMs = Number.NEGATIVE_INFINITY
  #pingStrikes = 0
  #cut = false

  constructor(
    session: ServerHttp2Session,
    options: GrpcServerOptions,
    acceptEncoding: string,
    closed: (connection: GrpcConnection) => void,
  ) {
    this.session = session
    this.context = Object.freeze({ metadata: new Map(), peer: peerOf(session.socket) })
    this.#options = options
    this.maxMessageBytes = options.maxMessageBytes
    this.acceptEncoding = acceptEncoding
    this.#closed = closed
    const nowMs = options.clock.monotonic()
    this.#bornMs = this.#idleSinceMs = this.#activeMs = this.#windowStartMs = nowMs
    this.#maxAgeMs = options.maxConnectionAgeMs * (1 - AGE_JITTER + 2 * AGE_JITTER * Math.random())
    session.on('remoteSettings', () => this.#onSettings())
    session.on('ping', () => this.#onPing())
    session.on('close', () => this.#closed(this))
    session.on('error', () => this.#options.onCut('protocol_error'))
  }

  opened(call: ServerCall): void {
    this.calls.add(call)
    this.#frames++
  }

  callClosed(call: ServerCall, answered: boolean): void {
    this.calls.delete(call)
    // An answer that went out allows the client to ping again, as in grpc-go.
    if (answered) this.#pingStrikes = 0
    else this.wasReset()
  }

  /** The client will send nothing more. Node keeps the connection half open, and never ends it if no call is open. */
  peerEnded(): void {
    if (this.calls.size === 0) setImmediate(() => this.session.destroy())
    else this.close()
  }

  /** The client gave up a call. */
  wasReset(): void {
    if (++this.#resets > MAX_RESETS) this.cut('rapid_reset')
  }

  /** Called by the server about once a second. */
  scan(nowMs: number, tickMs: number): void {
    if (this.session.destroyed) return
    this.#scanWindow(nowMs)
    if (!this.#greeted && nowMs - this.#bornMs > PREFACE_TIMEOUT_MS) this.cut('no_preface')
    for (const call of this.calls) this.#scanCall(call, tickMs)
    if (this.#closing) this.#scanClosing(nowMs)
    else this.#scanAge(nowMs)
    this.#scanKeepalive(nowMs)
  }

  #scanWindow(nowMs: number): void {
    if (nowMs - this.#windowStartMs < FLOOD_WINDOW_MS) return
    this.#windowStartMs = nowMs
    this.#resets = 0
    this.#settings = 0
  }

  #scanCall(call: ServerCall, tickMs: number): void {
    if (call.isCut) return
    call.ticks++
    if (call.received === call.receivedAtScan) call.quietTicks++
    else {
      call.quietTicks = 0
      call.receivedAtScan = call.received
      this.#frames++
    }
    const quietMs = (call.quietTicks - 1) * tickMs
    if (call.phase === 'reading') {
      const { bodyTimeoutMs } = this.#options
      const allowedMs = bodyTimeoutMs + call.received / MIN_BYTES_PER_MS
      if (quietMs <= bodyTimeoutMs && (call.ticks - 1) * tickMs <= allowedMs) return
      this.#options.onCut('slow_body')
      call.cut()
    } else if (call.phase === 'answered') {
      if (call.isOut) {
        if (call.ticks > LET_GO_TICKS) call.letGo()
      } else if (quietMs > this.#options.responseTimeoutMs) this.cut('response_timeout')
    }
  }

  #scanAge(nowMs: number): void {
    const { maxConnectionIdleMs, maxConnectionAgeMs } = this.#options
    if (this.calls.size > 0) this.#idleSinceMs = nowMs
    const idle = maxConnectionIdleMs > 0 && nowMs - this.#idleSinceMs >= maxConnectionIdleMs
    const old = maxConnectionAgeMs > 0 && nowMs - this.#bornMs >= this.#maxAgeMs
    if (idle || old) this.close()
  }

  #scanClosing(nowMs: number): void {
    const { maxConnectionAgeGraceMs: graceMs } = this.#options
    if (graceMs > 0 && nowMs - this.#closingSinceMs >= graceMs) this.session.destroy()
  }

  #scanKeepalive(nowMs: number): void {
    const { pingAfterMs, pingTimeoutMs } = this.#options
    if (this.#frames !== this.#framesAtScan) {
      this.#framesAtScan = this.#frames
      this.#activeMs = nowMs
      this.#proven = false
      return
    }
    const quietMs = nowMs - this.#activeMs
    if (this.#pingedMs > 0) {
      if (nowMs - this.#pingedMs >= pingTimeoutMs) this.cut('keepalive')
    } else if (quietMs >= pingAfterMs && pingAfterMs > 0) this.#ping(nowMs)
    else if (quietMs >= FIRST_PING_MS && !this.#proven) this.#ping(nowMs)
  }

  #ping(nowMs: number): void {
    this.#pingedMs = nowMs
    this.session.ping(() => {
      this.#pingedMs = 0
      this.#proven = true
      this.#activeMs = this.#options.clock.monotonic()
    })
  }

  #onSettings(): void {
    this.#greeted = true
    this.#frames++
    if (++this.#settings > MAX_SETTINGS) this.cut('settings_flood')
  }

  /** A client that pings too often costs more than its data is worth; grpc-go cuts it likewise. */
  #onPing(): void {
    const nowMs = this.#options.clock.monotonic()
    const idle = this.calls.size === 0 && !this.#options.permitPingWithoutStream
    const leastMs = idle ? IDLE_PING_MS : this.#options.minClientPingMs
    if (nowMs - this.#lastPingMs < leastMs) this.#pingStrikes++
    this.#lastPingMs = nowMs
    this.#frames++
    if (this.#pingStrikes > MAX_PING_STRIKES) this.cut('ping_flood', 'too_many_pings')
  }

  /** GOAWAY; calls that are there may finish. */
  close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#closingSinceMs = this.#options.clock.monotonic()
    if (!this.session.destroyed) this.session.close()
  }

  /** GOAWAY with ENHANCE_YOUR_CALM, and the end. */
  cut(reason: CutReason, debug: string = reason): void {
    if (this.#cut || this.session.destroyed) return
    this.#cut = true
    this.#options.onCut(reason)
    this.session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from(debug))
    setImmediate(() => this.session.destroy())
  }
}

function peerOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  const { remoteAddress, remotePort } = socket
  return remoteAddress === undefined ? '' : `${remoteAddress}:${remotePort}`
}
