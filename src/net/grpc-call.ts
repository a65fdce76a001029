/**
 * One unary call on a stream of a server: reads the message into one buffer of its exact size, hands it over when the
 * client has finished, and answers with the fewest frames.
 *
 * ```
 * message : flag(1) length(4, big endian) content      flag 1 = compressed as grpc-encoding says
 * ```
 * The five bytes may come in pieces. Nothing is kept before the length is known, allowed, and reserved.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import type { PeerCertificate } from 'node:tls'
import type { RequestContext } from '../core/batch.ts'
import type { Admitted } from './admission.ts'
import { BodyBuffer } from './body-buffer.ts'
import type { Encoding } from './compression.ts'
import type { UnaryCall, UnaryHandler } from './grpc-transport.ts'
import type { Guest } from './guests.ts'
import type { HeaderField } from './http2/hpack-table.ts'
import { H2 } from './http2/protocol.ts'
import { Http2Stream } from './http2/stream.ts'
import { readMetadata } from './metadata.ts'
import { encodeStatusDetails } from './rpc-status.ts'
import { encodeGrpcMessage, GRPC, type RpcStatus } from './status.ts'

export const PREFIX_BYTES = 5

export type CallPhase =
  | 'reading'
  | 'serving' // with the handler
  | 'answered' // on its way to the client
  | 'closed'

/** What a call asks of its connection. */
export interface CallOwner {
  readonly context: RequestContext
  readonly guest: Guest
  certificate(): PeerCertificate | null
  readonly maxMessageBytes: number
  /** For the header of the same name. */
  readonly acceptEncoding: string
  readonly peer: { readonly initialWindowBytes: number }
  readonly limits: { readonly streamWindowBytes: number }
  /** Headers, the message, and the trailers of success. */
  sendReply(call: ServerCall, message: Uint8Array | null): void
  /** Headers that end the stream. */
  sendHeaders(call: ServerCall, fields: readonly (readonly [string, string])[]): void
  resetStream(id: number, error: number): void
  /** The stream is gone. `answered` is false when the client gave up or the connection broke. */
  callClosed(call: ServerCall, answered: boolean): void
}

export class ServerCall extends Http2Stream implements UnaryCall {
  encoding: Encoding | ''
  readonly context: RequestContext
  readonly #owner: CallOwner
  readonly #handler: UnaryHandler
  readonly #fields: readonly HeaderField[]
  #phase: CallPhase = 'reading'
  #admitted: Admitted | null = null
  /** Scans of the connection since anything came, or since the answer; see `GrpcConnection.scan`. */
  quietTicks = 0
  /** Scans since the call began, or since the answer. */
  ticks = 0
  /** Bytes that came, the prefix included. */
  received = 0
  receivedAtScan = 0
  /** Of the request's head, as header lists are counted. */
  headBytes = 0
  /** What the header of this name claims; -1 without one. */
  contentLength = -1
  #flag = 0
  #length = 0
  #body: BodyBuffer | undefined

  constructor(
    owner: CallOwner,
    id: number,
    handler: UnaryHandler,
    encoding: Encoding | '',
    fields: readonly HeaderField[],
  ) {
    super(id, owner.peer.initialWindowBytes, owner.limits.streamWindowBytes)
    this.#owner = owner
    this.context = owner.context
    this.#handler = handler
    this.encoding = encoding
    this.#fields = fields
  }

  get phase(): CallPhase {
    return this.#phase
  }

  get admitted(): Admitted | null {
    return this.#admitted
  }

  get guest(): Guest {
    return this.#owner.guest
  }

  get address(): string {
    return this.#owner.guest.address
  }

  certificate(): PeerCertificate | null {
    return this.#owner.certificate()
  }

  header(wanted: string): readonly string[] {
    const values: string[] = []
    for (const { name, value } of this.#fields) if (name === wanted) values.push(value)
    return values
  }

  /** Asks the handler whether this call may go on. */
  admit(): void {
    const admitted = this.#handler.admit!(this)
    if ('code' in admitted) this.fail(admitted)
    else this.#admitted = admitted
  }

  metadata(): ReadonlyMap<string, readonly string[]> {
    return readMetadata(this.#fields.flatMap(({ name, value }) => [name, value]))
  }

  // hot: bench/flow/side-by-side.ts
  onData(bytes: Buffer, from: number, to: number): void {
    if (this.#phase !== 'reading') {
      this.#discard(to - from)
      return
    }
    let at = from
    if (this.received < PREFIX_BYTES) {
      at = this.#readPrefix(bytes, from, to)
      this.received += at - from
      if (this.received < PREFIX_BYTES || !this.#open()) return
    }
    if (at === to) return
    this.received += to - at
    if (this.#body!.length + to - at > this.#length) {
      this.fail({ code: GRPC.UNIMPLEMENTED, message: 'a unary call carries exactly one message' })
      return
    }
    const fault = this.#body!.append(bytes, at, to)
    if (fault !== undefined) this.fail(fault)
  }

  /** Takes up to five bytes; returns where it stopped. */
  #readPrefix(bytes: Buffer, from: number, to: number): number {
    let at = from
    for (let have = this.received; have < PREFIX_BYTES && at < to; have++) {
      if (have === 0) this.#flag = bytes[at++]
      else this.#length = this.#length * 256 + bytes[at++]
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
    this.#body = new BodyBuffer(this.#admitted ?? this.#handler, this.#length)
    const fault = this.#body.open(this.#length)
    if (fault !== undefined) this.fail(fault)
    return fault === undefined
  }

  #refuse(code: number, message: string): false {
    this.fail({ code, message })
    return false
  }

  /** The client has finished sending. */
  onEnd(): void {
    if (this.contentLength >= 0 && this.contentLength !== this.received) {
      this.#owner.resetStream(this.id, H2.PROTOCOL_ERROR)
      return
    }
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
    if (this.#answer()) this.#owner.sendReply(this, message)
  }

  fail(status: RpcStatus): void {
    if (!this.#answer()) return
    const fields: [string, string][] = [
      [':status', '200'],
      ['content-type', 'application/grpc'],
      ['grpc-status', String(status.code)],
      ['grpc-message', encodeGrpcMessage(status.message)],
    ]
    const { retryDelayMs, violations, reason } = status
    if ((retryDelayMs ?? violations ?? reason) !== undefined) {
      fields.push(['grpc-status-details-bin', encodeStatusDetails(status)])
    }
    if (status.code === GRPC.UNIMPLEMENTED) {
      fields.push(['grpc-accept-encoding', this.#owner.acceptEncoding])
    }
    this.#owner.sendHeaders(this, fields)
  }

  /** Answers what is wrong with the head of the request. */
  refuse(fields: readonly (readonly [string, string])[]): void {
    if (this.#answer()) this.#owner.sendHeaders(this, fields)
  }

  /**
   * What still comes after an early answer is thrown away, no more than the window that was granted before. The stream is
   * not reset at once: a reset may overtake the answer, and clients stop sending when they have read it.
   */
  #discard(bytes: number): void {
    this.received += bytes
    if (this.received > this.#owner.maxMessageBytes) this.letGo()
  }

  /** Waits no longer for the client to end its side. */
  letGo(): void {
    this.#owner.resetStream(this.id, H2.NO_ERROR)
  }

  /** Ends the call without an answer that could be read. */
  cut(): void {
    this.#owner.resetStream(this.id, H2.ENHANCE_YOUR_CALM)
  }

  /** True if an answer can still be given; it must be given then. */
  #answer(): boolean {
    if (this.#phase === 'answered' || this.#phase === 'closed') return false
    this.#drop()
    this.isDeaf = true
    this.#phase = 'answered'
    this.quietTicks = 0
    this.ticks = 0
    return true
  }

  onClosed(): void {
    const answered = this.#phase === 'answered'
    this.#drop()
    this.#phase = 'closed'
    this.#owner.callClosed(this, answered)
  }

  /** The handler gets what was not handed to it, and only that. */
  #drop(): void {
    this.#body?.drop()
    if (this.#phase === 'reading') this.#admitted?.abandon()
  }
}
