/**
 * One unary call on a stream of `node:http2`: reads the message into one buffer of its exact size, hands it over when
 * the client has finished, and answers with the fewest frames.
 *
 * ```
 * message : flag(1) length(4, big endian) content      flag 1 = compressed as grpc-encoding says
 * ```
 * The five bytes may come in pieces. Nothing is kept before the length is known, allowed, and reserved.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { RequestContext } from '../core/batch.ts'
import { noteReceivedBytes } from '../util/young-collector.ts'
import { BodyBuffer } from './body-buffer.ts'
import type { Encoding } from './compression.ts'
import type { UnaryCall, UnaryHandler } from './grpc-transport.ts'
import { readMetadata } from './metadata.ts'
import { encodeStatusDetails } from './rpc-status.ts'
import { encodeGrpcMessage, GRPC, type RpcStatus } from './status.ts'

const PREFIX_BYTES = 5

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' }
const WAIT_FOR_TRAILERS = { waitForTrailers: true, sendDate: false }
const TRAILERS_ONLY = { endStream: true, sendDate: false }
const OK_TRAILERS = { 'grpc-status': '0' }
const EMPTY_MESSAGE = Buffer.alloc(PREFIX_BYTES)

export type CallPhase =
  | 'reading'
  | 'serving' // with the handler
  | 'answered' // on its way to the client
  | 'closed'

/** What a call tells its connection. */
export interface CallOwner {
  readonly context: RequestContext
  readonly maxMessageBytes: number
  /** For the header of the same name. */
  readonly acceptEncoding: string
  /** The stream is gone. `answered` is false when the client gave up or the connection broke. */
  callClosed(call: ServerCall, answered: boolean): void
}

interface CallStream extends ServerHttp2Stream {
  millraceCall: ServerCall
}

export class ServerCall implements UnaryCall {
  encoding: Encoding | ''
  readonly context: RequestContext
  readonly #owner: CallOwner
  readonly #stream: ServerHttp2Stream
  readonly #handler: UnaryHandler
  readonly #rawHeaders: readonly string[]
  #phase: CallPhase = 'reading'
  /** Scans of the connection since anything came, or since the answer; see `GrpcConnection.scan`. */
  quietTicks = 0
  /** Scans since the call began, or since the answer. */
  ticks = 0
  /** Bytes that came, the prefix included. */
  received = 0
  receivedAtScan = 0
  isCut = false
  #flag = 0
  #length = 0
  #body: BodyBuffer | undefined

  constructor(
    owner: CallOwner,
    stream: ServerHttp2Stream,
    handler: UnaryHandler,
    encoding: Encoding | '',
    rawHeaders: readonly string[],
  ) {
    this.#owner = owner
    this.context = owner.context
    this.#stream = stream
    this.#handler = handler
    this.encoding = encoding
    this.#rawHeaders = rawHeaders
    ;(stream as CallStream).millraceCall = this
    stream.on('data', onData)
    stream.on('end', onEnd)
    stream.on('close', onClose)
    stream.on('wantTrailers', onWantTrailers)
  }

  get phase(): CallPhase {
    return this.#phase
  }

  metadata(): ReadonlyMap<string, readonly string[]> {
    return readMetadata(this.#rawHeaders)
  }

  // hot: bench/flow/side-by-side.ts
  take(chunk: Uint8Array): void {
    noteReceivedBytes(chunk.length)
    if (this.#phase !== 'reading') {
      this.#discard(chunk.length)
      return
    }
    let at = 0
    if (this.received < PREFIX_BYTES) {
      at = this.#readPrefix(chunk)
      this.received += at
      if (this.received < PREFIX_BYTES || !this.#open()) return
    }
    const rest = chunk.length - at
    if (rest === 0) return
    this.received += rest
    if (this.#body!.length + rest > this.#length) {
      this.fail({ code: GRPC.UNIMPLEMENTED, message: 'a unary call carries exactly one message' })
      return
    }
    const fault = this.#body!.append(chunk, at)
    if (fault !== undefined) this.fail(fault)
  }

  /** Takes up to five bytes; returns how many. */
  #readPrefix(chunk: Uint8Array): number {
    let at = 0
    for (let have = this.received; have < PREFIX_BYTES && at < chunk.length; have++) {
      if (have === 0) this.#flag = chunk[at++]
      else this.#length = this.#length * 256 + chunk[at++]
    }
    return at
  }

  /** The prefix is known: is such a message allowed, and is there room? */
  #open(): boolean {
    const { maxMessageBytes } = this.#owner
    if (this.#flag > 1) {
      return this.#refuse(GRPC.INTERNAL, `the message has the unknown flag ${this.#flag}`)
    }
    if (this.#flag === 1 && this.encoding === '') {
      return this.#refuse(GRPC.INTERNAL, 'a compressed message without grpc-encoding')
    }
    if (this.#length > maxMessageBytes) {
      const message = `a message of ${this.#length} bytes is larger than max ${maxMessageBytes}`
      return this.#refuse(GRPC.RESOURCE_EXHAUSTED, message)
    }
    if (this.#flag === 0) this.encoding = ''
    this.#body = new BodyBuffer(this.#handler, this.#length)
    const fault = this.#body.open(this.#length)
    if (fault !== undefined) this.fail(fault)
    return fault === undefined
  }

  #refuse(code: number, message: string): false {
    this.fail({ code, message })
    return false
  }

  /** The client has finished sending. */
  finish(): void {
    if (this.#phase !== 'reading') return
    if (this.received < PREFIX_BYTES || this.#body!.length < this.#length) {
      const nothing = this.received === 0
      this.fail({
        code: nothing ? GRPC.UNIMPLEMENTED : GRPC.INTERNAL,
        message: nothing
          ? 'a unary call carries exactly one message'
          : 'the stream ended in the middle of the message',
      })
      return
    }
    const message = this.#body!.take()
    this.#phase = 'serving'
    this.#handler.handle(this, message)
  }

  reply(message: Uint8Array | null): void {
    if (!this.#answer()) return
    this.#stream.respond(RESPONSE_HEADERS, WAIT_FOR_TRAILERS)
    this.#stream.end(message === null || message.length === 0 ? EMPTY_MESSAGE : frame(message))
  }

  fail(status: RpcStatus): void {
    if (!this.#answer()) return
    const headers: OutgoingHttpHeaders = {
      ...RESPONSE_HEADERS,
      'grpc-status': String(status.code),
      'grpc-message': encodeGrpcMessage(status.message),
    }
    if (status.retryDelayMs !== undefined || status.violations !== undefined) {
      headers['grpc-status-details-bin'] = encodeStatusDetails(status)
    }
    if (status.code === GRPC.UNIMPLEMENTED) {
      headers['grpc-accept-encoding'] = this.#owner.acceptEncoding
    }
    this.#stream.respond(headers, TRAILERS_ONLY)
  }

  /** Answers what is wrong with the head of the request. */
  refuse(headers: OutgoingHttpHeaders): void {
    if (this.#answer()) this.#stream.respond(headers, TRAILERS_ONLY)
  }

  /**
   * What still comes after an early answer is thrown away. The stream is not reset at once: a reset may overtake the
   * answer, and clients stop sending when they have read it.
   */
  #discard(bytes: number): void {
    this.received += bytes
    if (this.received > this.#owner.maxMessageBytes) this.letGo()
  }

  /** The answer has left this process, as far as can be told. */
  get isOut(): boolean {
    return this.#stream.writableFinished
  }

  /** Waits no longer for the client to end its side. */
  letGo(): void {
    this.#stream.close(constants.NGHTTP2_NO_ERROR)
  }

  /** Ends the call without an answer that could be read. */
  cut(): void {
    this.isCut = true
    this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  /** True if an answer can still be given; it must be given then. */
  #answer(): boolean {
    if (this.#phase === 'answered' || this.#phase === 'closed') return false
    this.#body?.drop()
    if (this.#stream.destroyed || this.#stream.closed) return false
    this.#phase = 'answered'
    this.quietTicks = 0
    this.ticks = 0
    return true
  }

  closed(): void {
    const answered = this.#phase === 'answered'
    this.#phase = 'closed'
    this.#body?.drop()
    this.#owner.callClosed(this, answered)
  }
}

function frame(message: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(PREFIX_BYTES + message.length)
  out[0] = 0
  out.writeUInt32BE(message.length, 1)
  out.set(message, PREFIX_BYTES)
  return out
}

// One function for all calls instead of closures for each.

function onData(this: ServerHttp2Stream, chunk: Uint8Array): void {
  ;(this as CallStream).millraceCall.take(chunk)
}

function onEnd(this: ServerHttp2Stream): void {
  ;(this as CallStream).millraceCall.finish()
}

function onClose(this: ServerHttp2Stream): void {
  ;(this as CallStream).millraceCall.closed()
}

function onWantTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers(OK_TRAILERS)
}
