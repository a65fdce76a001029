/** One HTTP/2 connection of a gRPC client while it lasts: opens streams for calls as the server allows. */
import type { Socket } from 'node:net'
import {
  abortReply,
  ClientCall,
  type GrpcReply,
  type GrpcRequest,
  localReply,
} from './grpc-client-call.ts'
import { Http2Connection } from './http2/connection.ts'
import type { HeaderBlock } from './http2/hpack.ts'
import { H2, MAX_STREAM_ID, PREFACE } from './http2/protocol.ts'
import { GRPC } from './status.ts'

/** Responses are small; larger ones are read as they are let in. */
const LIMITS = {
  headers: { maxBytes: 64 << 10, maxFields: 128 },
  connectionWindowBytes: 16 << 20,
  streamWindowBytes: 1 << 20,
  maxFrameBytes: 64 << 10,
  maxStreams: 0,
  /** More than content alone can be: the rest are answers to pings and settings that the server does not read. */
  maxBacklogBytes: 12 << 20,
}
/** Frames without use that a server may send between two answers. */
const MAX_NOISE = 10_000

export interface SessionOwner {
  /** The server has sent its SETTINGS. */
  sessionReady(session: ClientSession): void
  /** No new calls on it: GOAWAY with this error code, or its stream ids are used up, or it is broken. */
  sessionLeaving(session: ClientSession, error: number, why: string): void
  sessionClosed(session: ClientSession, why: string): void
}

interface WaitingCall {
  readonly request: GrpcRequest
  readonly resolve: (reply: GrpcReply) => void
}

export class ClientSession extends Http2Connection {
  readonly #owner: SessionOwner
  /** Calls beyond the server's limit of streams, in order. */
  readonly #waiting: WaitingCall[] = []
  /** The server has answered a call on it. */
  hasAnswered = false
  #ready = false
  #leaving = false
  #nextId = 1
  #noise = 0
  #why: string | undefined
  #pong: (() => void) | undefined

  constructor(socket: Socket, owner: SessionOwner) {
    super(socket, LIMITS)
    this.#owner = owner
    this.greet(PREFACE)
  }

  get lost(): string | undefined {
    return this.isOver ? (this.#why ?? 'the connection was closed') : undefined
  }

  get isDrained(): boolean {
    return this.writer.isEmpty
  }

  /** Never rejects. */
  call(request: GrpcRequest): Promise<GrpcReply> {
    if (request.abort?.aborted) return Promise.resolve(abortReply(request.abort))
    return new Promise(resolve => {
      if (this.isOver || this.#leaving) resolve(localReply(GRPC.UNAVAILABLE, 'not connected', true))
      else if (this.streams.size < this.peer.maxStreams) this.#open(request, resolve)
      else this.#wait(request, resolve)
    })
  }

  #wait(request: GrpcRequest, resolve: (reply: GrpcReply) => void): void {
    const waiting = { request, resolve }
    this.#waiting.push(waiting)
    const { abort } = request
    abort?.addEventListener(
      'abort',
      () => {
        const at = this.#waiting.indexOf(waiting)
        if (at < 0) return
        this.#waiting.splice(at, 1)
        resolve(abortReply(abort))
      },
      { once: true },
    )
  }

  #open(request: GrpcRequest, resolve: (reply: GrpcReply) => void): void {
    const id = this.#nextId
    this.#nextId += 2
    this.lastStream = id
    const call = new ClientCall(this, id, request, resolve)
    this.streams.set(id, call)
    this.writer.headers(id, request.head, false)
    const { contentBytes: left, onWritten } = call
    this.send(call, {
      chunks: call.contents(),
      index: 0,
      offset: 0,
      left,
      trailers: null,
      onWritten,
    })
    if (this.#nextId > MAX_STREAM_ID) this.#leave(H2.NO_ERROR, 'the stream ids are used up')
  }

  #openWaiting(): void {
    while (this.#waiting.length > 0 && this.streams.size < this.peer.maxStreams && !this.#leaving) {
      const { request, resolve } = this.#waiting.shift() as WaitingCall
      // Its own listener finds it gone from here.
      if (request.abort?.aborted) resolve(abortReply(request.abort))
      else this.#open(request, resolve)
    }
  }

  /** Takes no more calls, and ends with the last. */
  close(): void {
    this.#leaving = true
    this.#refuseWaiting('the connection is being closed')
    if (!this.isOver && this.streams.size === 0) this.#end()
  }

  /** Ends at once. */
  abandon(why: string): void {
    this.#why ??= why
    this.destroy()
  }

  /** Calls `answered` when the server has answered this ping. */
  askAlive(answered: () => void): void {
    this.#pong = answered
    this.ping()
  }

  #end(): void {
    this.goaway(0, H2.NO_ERROR)
    this.finish()
  }

  #leave(error: number, why: string): void {
    if (!this.#leaving) {
      this.#leaving = true
      this.#owner.sessionLeaving(this, error, why)
    }
    this.#refuseWaiting('the server takes no more calls on this connection')
    if (this.streams.size === 0 && !this.isOver) this.#end()
  }

  #refuseWaiting(why: string): void {
    for (const { resolve } of this.#waiting.splice(0)) {
      resolve(localReply(GRPC.UNAVAILABLE, why, true))
    }
  }

  // ---- what the server sends -----------------------------------------------------------------------------------

  protected readPreface(): number {
    return 0
  }

  protected onHeaders(id: number, block: HeaderBlock, end: boolean): number {
    const call = this.streams.get(id) as ClientCall | undefined
    if (call === undefined) {
      this.onNoise()
      return this.isIdle(id) ? H2.PROTOCOL_ERROR : 0
    }
    if (end) this.#noise = 0
    this.hasAnswered = true
    if (block === 'too_large') this.resetStream(id, H2.ENHANCE_YOUR_CALM)
    else if (call.peerEnded || typeof block === 'string' || !call.onHeaders(block, end)) {
      this.resetStream(id, H2.PROTOCOL_ERROR)
    } else if (end) this.endedByPeer(call)
    return 0
  }

  protected isIdle(stream: number): boolean {
    return stream > this.lastStream || (stream & 1) === 0
  }

  protected onSettings(): void {
    this.onNoise()
    if (!this.#ready) {
      this.#ready = true
      this.#owner.sessionReady(this)
    }
    this.#openWaiting()
  }

  protected onPing(): void {
    this.onNoise()
  }

  protected onPong(): void {
    this.#pong?.()
    this.#pong = undefined
  }

  protected onGoaway(lastStream: number, error: number): void {
    this.onNoise()
    for (const call of [...this.streams.values()] as ClientCall[]) {
      if (call.id <= lastStream) continue
      call.refused('the server went away before it looked at the call')
      this.resetStream(call.id, H2.CANCEL)
    }
    this.#leave(error, `the server sent GOAWAY with error ${error}`)
  }

  protected onReset(): void {}

  protected onNoise(): void {
    if (++this.#noise > MAX_NOISE) this.fail(H2.ENHANCE_YOUR_CALM, 'too many frames without use')
  }

  protected onPeerEnd(): void {
    this.#why ??= 'the server closed the connection'
    this.destroy()
  }

  protected onSocketError(error: Error): void {
    const { code } = error as NodeJS.ErrnoException
    this.#why ??= error.message === '' ? String(code) : error.message
  }

  protected onBroken(error: number, debug: string): void {
    this.#why ??= `HTTP/2 error ${error}${debug === '' ? '' : ` (${debug})`}`
    this.#leave(H2.NO_ERROR, this.#why)
  }

  protected streamClosed(): void {
    if (this.#waiting.length > 0) this.#openWaiting()
    if (this.#leaving && this.streams.size === 0 && !this.isOver) this.#end()
  }

  protected onClosed(): void {
    this.#refuseWaiting(this.#why ?? 'the connection was closed')
    this.#owner.sessionClosed(this, this.#why ?? 'the connection was closed')
  }
}
