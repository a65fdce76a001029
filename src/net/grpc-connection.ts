/**
 * One connection of a gRPC server: its calls, its age, its pings, and the floods that it does not take. Time is
 * counted in scans of the whole server, so that a call costs no timer.
 */
import type { Socket } from 'node:net'
import type { PeerCertificate } from 'node:tls'
import type { RequestContext } from '../core/batch.ts'
import { verifiedCertificate } from './admission.ts'
import type { CallHeads } from './call-heads.ts'
import { type CallOwner, PREFIX_BYTES, type ServerCall } from './grpc-call.ts'
import type { CutReason, GrpcServerOptions } from './grpc-transport.ts'
import type { Guest } from './guests.ts'
import { Http2Connection } from './http2/connection.ts'
import { type HeaderBlock, writeHeaderBlock } from './http2/hpack.ts'
import { fieldSize, type HeaderField } from './http2/hpack-table.ts'
import { DATA, END_HEADERS, END_STREAM, H2, HEADERS, PREFACE } from './http2/protocol.ts'
import { isTrailers, isWellFormedRequest } from './http2/request-head.ts'

/** Windows are large because admission bounds what is kept, not flow control: bytes that may not stay are dropped. */
const CONNECTION_WINDOW_BYTES = 64 << 20
const STREAM_WINDOW_BYTES = 8 << 20
const MAX_FRAME_BYTES = 1 << 20
/** One header block; larger ones get the stream reset. */
const HEADER_LIMITS = { maxBytes: 64 << 10, maxFields: 128 }
/** Answers that are not read. */
const MAX_BACKLOG_BYTES = 4 << 20
/** Where `max_concurrent_streams` is not set. */
const DEFAULT_STREAMS = 1000
/** A connection must send its preface and SETTINGS within this time. */
const PREFACE_TIMEOUT_MS = 10_000
/** Slowest rate at which a message may come in the long run. */
const MIN_BYTES_PER_MS = 4
/** Scans that a client has to end its side of a call that is answered. */
const LET_GO_TICKS = 2
/** Floods are counted over this time. */
const FLOOD_WINDOW_MS = 10_000
const MAX_RESETS = 500
const MAX_SETTINGS = 100
/** Frames that carry nothing: PRIORITY, unknown types, empty DATA. */
const MAX_NOISE = 10_000
/** As grpc-go: the third ping that comes too early is one too many. */
const MAX_PING_STRIKES = 2
/** Without calls, when the policy does not permit pings then, as grpc-go. */
const IDLE_PING_MS = 2 * 3_600_000
/** Ages differ by up to so much, so that connections made together do not end together. */
const AGE_JITTER = 0.1
/** In a first GOAWAY: calls that are on their way are still taken (RFC 9113 §6.8). */
const ALL_STREAMS = 0x7fff_ffff

/** The answer to nearly every call, ready made: headers, the empty message, trailers. Only the stream's id changes. */
const OK_HEADERS = writeHeaderBlock([
  [':status', '200'],
  ['content-type', 'application/grpc'],
])
const OK_TRAILERS = writeHeaderBlock([['grpc-status', '0']])
const EMPTY_REPLY = Buffer.concat([
  frameHeader(OK_HEADERS.length, HEADERS, END_HEADERS),
  OK_HEADERS,
  frameHeader(PREFIX_BYTES, DATA, 0),
  Buffer.alloc(PREFIX_BYTES),
  frameHeader(OK_TRAILERS.length, HEADERS, END_HEADERS | END_STREAM),
  OK_TRAILERS,
])
/** Where the id stands in each of the three frames. */
const EMPTY_REPLY_IDS = [5, 9 + OK_HEADERS.length + 5, 9 + OK_HEADERS.length + 9 + PREFIX_BYTES + 5]

/** What a server does for its connections. */
export interface ConnectionOwner {
  readonly options: GrpcServerOptions
  readonly acceptEncoding: string
  /** Of all its connections. */
  readonly heads: CallHeads
  /** A call begins; its head is well-formed HTTP/2. */
  openCall(connection: GrpcConnection, id: number, head: readonly HeaderField[]): ServerCall
  connectionClosed(connection: GrpcConnection): void
}

export class GrpcConnection extends Http2Connection implements CallOwner {
  readonly context: RequestContext
  readonly guest: Guest
  readonly maxMessageBytes: number
  readonly acceptEncoding: string
  readonly #owner: ConnectionOwner
  readonly #options: GrpcServerOptions
  readonly #maxStreams: number
  readonly #bornMs: number
  readonly #maxAgeMs: number
  #prefaceLeft = PREFACE.length
  #greeted = false
  /** Asked to go: `asked` still takes calls that were on their way, `refusing` does not. */
  #leaving: 'no' | 'asked' | 'refusing' = 'no'
  #leavingSinceMs = 0
  #idleSinceMs: number
  #activeMs: number
  #frames = 0
  #framesAtScan = 0
  /** 0 while no ping of ours is on its way. */
  #pingedMs = 0
  #windowStartMs: number
  #headBytes = 0
  #resets = 0
  #settings = 0
  #noise = 0
  #lastPingMs = Number.NEGATIVE_INFINITY
  #pingStrikes = 0
  #takenByPeer = 0
  #stuckTicks = 0
  #midwayTicks = 0
  #cut = false
  #certificate: PeerCertificate | null | undefined

  constructor(socket: Socket, owner: ConnectionOwner, guest: Guest) {
    const { options } = owner
    const maxStreams = options.maxConcurrentStreams || DEFAULT_STREAMS
    super(socket, {
      headers: HEADER_LIMITS,
      connectionWindowBytes: CONNECTION_WINDOW_BYTES,
      streamWindowBytes: STREAM_WINDOW_BYTES,
      maxFrameBytes: MAX_FRAME_BYTES,
      maxStreams,
      maxBacklogBytes: MAX_BACKLOG_BYTES,
    })
    this.context = Object.freeze({ metadata: new Map(), peer: peerOf(socket) })
    this.guest = guest
    guest.isIdle = () => this.streams.size === 0
    guest.evict = () => this.#evict()
    this.maxMessageBytes = options.maxMessageBytes
    this.acceptEncoding = owner.acceptEncoding
    this.#owner = owner
    this.#options = options
    this.#maxStreams = maxStreams
    const nowMs = options.clock.monotonic()
    this.#bornMs = this.#idleSinceMs = this.#activeMs = this.#windowStartMs = nowMs
    this.#maxAgeMs = options.maxConnectionAgeMs * (1 - AGE_JITTER + 2 * AGE_JITTER * Math.random())
    this.greet()
  }

  // ---- what the client sends -----------------------------------------------------------------------------------

  protected readPreface(chunk: Buffer): number {
    if (this.#prefaceLeft === 0) return 0
    const done = PREFACE.length - this.#prefaceLeft
    const taken = Math.min(this.#prefaceLeft, chunk.length)
    if (PREFACE.compare(chunk, 0, taken, done, done + taken) !== 0) return -1
    this.#prefaceLeft -= taken
    return taken
  }

  // hot: bench/flow/side-by-side.ts
  protected onHeaders(id: number, block: HeaderBlock, end: boolean): number {
    this.#frames++
    const open = this.streams.get(id)
    if (open !== undefined) {
      if (open.peerEnded) this.resetStream(id, H2.STREAM_CLOSED)
      else if (!end || !isTrailers(block)) this.resetStream(id, H2.PROTOCOL_ERROR)
      else this.endedByPeer(open)
      return 0
    }
    if ((id & 1) === 0) return H2.PROTOCOL_ERROR
    if (id <= this.lastStream) return this.#strayHeaders(id)
    this.lastStream = id
    if (this.#leaving === 'refusing') return 0
    if (this.streams.size >= this.#maxStreams) this.resetStream(id, H2.REFUSED_STREAM)
    else if (block === 'too_large') this.resetStream(id, H2.ENHANCE_YOUR_CALM)
    else if (!isWellFormedRequest(block)) this.resetStream(id, H2.PROTOCOL_ERROR)
    else this.#open(id, block as readonly HeaderField[], end)
    return 0
  }

  #open(id: number, head: readonly HeaderField[], end: boolean): void {
    let headBytes = 0
    for (let i = 0; i < head.length; i++) headBytes += fieldSize(head[i])
    if (!this.#owner.heads.hold(this.#headBytes, headBytes)) {
      this.resetStream(id, H2.REFUSED_STREAM)
      return
    }
    this.#headBytes += headBytes
    const call = this.#owner.openCall(this, id, head)
    call.headBytes = headBytes
    this.streams.set(id, call)
    if (end) this.endedByPeer(call)
  }

  #strayHeaders(id: number): number {
    if (this.gone.wasResetByUs(id)) return 0
    return this.gone.has(id) ? H2.STREAM_CLOSED : H2.PROTOCOL_ERROR
  }

  protected isIdle(stream: number): boolean {
    return stream > this.lastStream || (stream & 1) === 0
  }

  protected onSettings(): void {
    this.#greeted = true
    this.#frames++
    if (++this.#settings > MAX_SETTINGS) this.cut('settings_flood')
  }

  /** A client that pings too often costs more than its data is worth; grpc-go cuts it likewise. */
  protected onPing(): void {
    const nowMs = this.#options.clock.monotonic()
    const idle = this.streams.size === 0 && !this.#options.permitPingWithoutStream
    const leastMs = idle ? IDLE_PING_MS : this.#options.minClientPingMs
    if (nowMs - this.#lastPingMs < leastMs) this.#pingStrikes++
    this.#lastPingMs = nowMs
    this.#frames++
    if (this.#pingStrikes > MAX_PING_STRIKES) this.cut('ping_flood', 'too_many_pings')
  }

  protected onPong(): void {
    this.#pingedMs = 0
    this.#activeMs = this.#options.clock.monotonic()
    if (this.#leaving === 'asked') this.#refuseNew()
  }

  protected onGoaway(): void {
    this.#frames++
  }

  protected onReset(): void {
    if (++this.#resets > MAX_RESETS) this.cut('rapid_reset')
  }

  protected onNoise(): void {
    if (++this.#noise > MAX_NOISE) this.cut('protocol_error')
  }

  /** The client will send nothing more: calls that it has finished are still answered, the others never will be. */
  protected onPeerEnd(): void {
    for (const { id, peerEnded } of this.streams.values()) {
      if (!peerEnded) this.resetStream(id, H2.NO_ERROR)
    }
    if (this.streams.size === 0) this.finish()
    else this.close()
  }

  protected onSocketError(): void {
    if (!this.isOver) this.#options.onCut('protocol_error')
  }

  protected onBroken(error: number): void {
    if (!this.#cut) this.#options.onCut(error === H2.ENHANCE_YOUR_CALM ? 'flood' : 'protocol_error')
  }

  protected onClosed(): void {
    this.guest.leave()
    this.#owner.connectionClosed(this)
  }

  certificate(): PeerCertificate | null {
    if (this.#certificate === undefined) this.#certificate = verifiedCertificate(this.socket)
    return this.#certificate
  }

  // ---- answers -------------------------------------------------------------------------------------------------

  // hot: bench/flow/side-by-side.ts
  sendReply(call: ServerCall, message: Uint8Array | null): void {
    if (this.isOver) return
    const isEmpty = message === null || message.length === 0
    if (isEmpty && !this.writer.mustYieldTable && this.flow.allows(call, PREFIX_BYTES)) {
      this.#sendEmptyReply(call)
      return
    }
    this.writer.headers(call.id, OK_HEADERS, false)
    const prefix = Buffer.alloc(PREFIX_BYTES)
    const chunks: Uint8Array[] = [prefix]
    if (!isEmpty) {
      prefix.writeUInt32BE(message.length, 1)
      chunks.push(message)
    }
    const left = PREFIX_BYTES + (message?.length ?? 0)
    this.send(call, { chunks, index: 0, offset: 0, left, trailers: OK_TRAILERS, onWritten: null })
  }

  #sendEmptyReply(call: ServerCall): void {
    const at = this.writer.take(EMPTY_REPLY.length)
    const { buffer } = this.writer
    buffer.set(EMPTY_REPLY, at)
    for (const offset of EMPTY_REPLY_IDS) buffer.writeUInt32BE(call.id, at + offset)
    this.flow.count(call, PREFIX_BYTES)
    this.endStream(call)
    this.flushLater()
  }

  sendHeaders(call: ServerCall, fields: readonly (readonly [string, string])[]): void {
    if (this.isOver) return
    this.writer.headers(call.id, writeHeaderBlock(fields), true)
    this.endStream(call)
    this.flushLater()
  }

  callClosed(call: ServerCall, answered: boolean): void {
    this.#headBytes -= call.headBytes
    this.#owner.heads.release(call.headBytes)
    // An answer that went out allows the client to ping again, as in grpc-go.
    if (answered) this.#pingStrikes = 0
  }

  protected streamClosed(): void {
    if (this.#leaving === 'refusing' && this.streams.size === 0) this.finish()
  }

  // ---- time ----------------------------------------------------------------------------------------------------

  /** Called by the server about once a second. */
  scan(nowMs: number, tickMs: number): void {
    if (this.isOver) return
    // Within a frame at every look, but not the same one: busy.
    const isStuck = this.isMidway && this.#frames === this.#framesAtScan
    this.#scanWindow(nowMs)
    if (!this.#greeted && nowMs - this.#bornMs > PREFACE_TIMEOUT_MS) this.cut('no_preface')
    for (const call of this.streams.values()) this.#scanCall(call as ServerCall, tickMs)
    this.#scanBacklog(tickMs)
    this.#midwayTicks = isStuck ? this.#midwayTicks + 1 : 0
    if (this.#midwayTicks * tickMs > this.#options.bodyTimeoutMs) this.cut('slow_body')
    if (this.#leaving !== 'no') this.#scanLeaving(nowMs)
    else this.#scanAge(nowMs)
    this.#scanKeepalive(nowMs)
  }

  #scanWindow(nowMs: number): void {
    if (nowMs - this.#windowStartMs < FLOOD_WINDOW_MS) return
    this.#windowStartMs = nowMs
    this.#resets = this.#settings = this.#noise = 0
  }

  #scanCall(call: ServerCall, tickMs: number): void {
    call.ticks++
    if (call.received === call.receivedAtScan) call.quietTicks++
    else {
      call.quietTicks = 0
      call.receivedAtScan = call.received
      this.#frames++
    }
    const quietMs = (call.quietTicks - 1) * tickMs
    const { bodyTimeoutMs, responseTimeoutMs } = this.#options
    if (call.phase === 'reading') {
      const allowedMs = bodyTimeoutMs + call.received / MIN_BYTES_PER_MS
      if (quietMs <= bodyTimeoutMs && (call.ticks - 1) * tickMs <= allowedMs) return
      this.#options.onCut('slow_body')
      call.cut()
    } else if (call.phase === 'answered') {
      if (call.ended) {
        if (call.ticks > LET_GO_TICKS) call.letGo()
      } else if (quietMs > responseTimeoutMs) this.cut('response_timeout')
    }
  }

  /** Answers that are written and stay with the socket: the client does not read. */
  #scanBacklog(tickMs: number): void {
    if (this.socket.writableLength === 0) {
      this.#stuckTicks = 0
      return
    }
    const taken = this.socket.bytesWritten - this.socket.writableLength
    this.#stuckTicks = taken === this.#takenByPeer ? this.#stuckTicks + 1 : 0
    this.#takenByPeer = taken
    if (this.#stuckTicks * tickMs > this.#options.responseTimeoutMs) this.cut('response_timeout')
  }

  #scanAge(nowMs: number): void {
    const { maxConnectionIdleMs, maxConnectionAgeMs } = this.#options
    if (this.streams.size > 0) this.#idleSinceMs = nowMs
    const idle = maxConnectionIdleMs > 0 && nowMs - this.#idleSinceMs >= maxConnectionIdleMs
    const old = maxConnectionAgeMs > 0 && nowMs - this.#bornMs >= this.#maxAgeMs
    if (idle || old) this.close()
  }

  #scanLeaving(nowMs: number): void {
    const { maxConnectionAgeGraceMs: graceMs } = this.#options
    // A client that is alive has answered the ping by now.
    if (this.#leaving === 'asked' && nowMs > this.#leavingSinceMs) this.#refuseNew()
    if (graceMs > 0 && nowMs - this.#leavingSinceMs >= graceMs) this.destroy()
  }

  #scanKeepalive(nowMs: number): void {
    const { pingAfterMs, pingTimeoutMs } = this.#options
    if (this.#frames !== this.#framesAtScan) {
      this.#framesAtScan = this.#frames
      this.#activeMs = nowMs
    } else if (this.#pingedMs > 0) {
      if (nowMs - this.#pingedMs >= pingTimeoutMs) this.cut('keepalive')
    } else if (pingAfterMs > 0 && nowMs - this.#activeMs >= pingAfterMs) {
      this.#pingedMs = nowMs
      this.ping()
    }
  }

  // ---- the end -------------------------------------------------------------------------------------------------

  /** GOAWAY; calls that are there, or on their way, may finish. */
  close(): void {
    if (this.#leaving !== 'no' || this.isOver) return
    this.#leaving = 'asked'
    this.#leavingSinceMs = this.#options.clock.monotonic()
    this.goaway(ALL_STREAMS, H2.NO_ERROR)
    this.ping()
  }

  /** Who has sent something is asked to come again, others are cut. */
  #evict(): void {
    if (!this.guest.isProven) this.cut('too_many_connections')
    else {
      this.#options.onCut('too_many_connections')
      this.close()
    }
  }

  #refuseNew(): void {
    this.#leaving = 'refusing'
    this.goaway(this.lastStream, H2.NO_ERROR)
    if (this.streams.size === 0) this.finish()
  }

  /** GOAWAY with ENHANCE_YOUR_CALM, and the end. */
  cut(reason: CutReason, debug: string = reason): void {
    if (this.#cut || this.isOver) return
    this.#cut = true
    this.#options.onCut(reason)
    this.fail(H2.ENHANCE_YOUR_CALM, debug)
  }
}

function frameHeader(length: number, type: number, flags: number): Buffer {
  return Buffer.from([length >>> 16, length >>> 8, length, type, flags, 0, 0, 0, 0])
}

function peerOf(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  const { remoteAddress, remotePort } = socket
  return remoteAddress === undefined ? '' : `${remoteAddress}:${remotePort}`
}
