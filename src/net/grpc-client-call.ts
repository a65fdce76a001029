/**
 * One unary gRPC call of a client (gRPC over HTTP/2: request headers, one length-prefixed message, response headers,
 * one message, trailers with the status).
 *
 * ```
 * message:  [ 0 | 1 compressed ] [ length, 4 bytes big endian ] [ bytes ... ]
 * ```
 */
import type { Abort } from '../util/abort.ts'
import type { HeaderField } from './http2/hpack-table.ts'
import { H2 } from './http2/protocol.ts'
import { Http2Stream } from './http2/stream.ts'
import { decodeGrpcMessage, GRPC } from './status.ts'

const PREFIX_BYTES = 5
const KNOWN_STATUS = /^(\d|1[0-6])$/
const NOTHING = Buffer.alloc(0)
/** A response begins in a buffer of this size, which doubles as it comes. */
const FIRST_RESPONSE_BYTES = 256

export interface GrpcRequest {
  /** A header block (RFC 7541), complete, pseudo-headers included; not changed. */
  readonly head: Uint8Array
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  /** The chunks are compressed as `grpc-encoding` says. */
  readonly compressed: boolean
  readonly maxResponseBytes: number
  readonly abort: Abort | null
}

export interface GrpcReply {
  /** gRPC status code. */
  readonly code: number
  readonly message: string
  /** A serialized google.rpc.Status from `grpc-status-details-bin`; null if absent. */
  readonly details: Uint8Array | null
  /** The response message as it came; null if there was none. */
  readonly body: Uint8Array | null
  /** `grpc-encoding` of the body where its flag says compressed, else empty. */
  readonly bodyEncoding: string
  /** False when a socket may still read the chunks. */
  readonly chunksFree: boolean
  /** The server has surely not looked at the request; it can be sent again at once. */
  readonly unprocessed: boolean
  /** The response was larger than allowed and was not read; what the server did is unknown. */
  readonly oversize: boolean
}

/** A reply that was never on a wire. */
export function localReply(code: number, message: string, unprocessed = false): GrpcReply {
  return {
    code,
    message,
    details: null,
    body: null,
    bodyEncoding: '',
    chunksFree: true,
    unprocessed,
    oversize: false,
  }
}

/** What a call asks of its connection. */
export interface ClientCallOwner {
  readonly peer: { readonly initialWindowBytes: number }
  readonly limits: { readonly streamWindowBytes: number }
  /** Nothing of ours waits to be taken by the system. */
  readonly isDrained: boolean
  /** Why the connection was lost; undefined while it is up. */
  readonly lost: string | undefined
  resetStream(id: number, error: number): void
}

export class ClientCall extends Http2Stream {
  readonly request: GrpcRequest
  readonly #owner: ClientCallOwner
  readonly #resolve: (reply: GrpcReply) => void
  readonly #onAbort = (): void => this.#abort()
  #headers: readonly HeaderField[] | undefined
  #trailers: readonly HeaderField[] | undefined
  #received = NOTHING
  #receivedBytes = 0
  #oversize = false
  #written = false
  /** The answer, while the system has not told yet that it took the request; the chunks are free a moment later. */
  #answer: GrpcReply | undefined
  #done = false

  constructor(
    owner: ClientCallOwner,
    id: number,
    request: GrpcRequest,
    resolve: (reply: GrpcReply) => void,
  ) {
    super(id, owner.peer.initialWindowBytes, owner.limits.streamWindowBytes)
    this.#owner = owner
    this.request = request
    this.#resolve = resolve
    request.abort?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** The request's contents, with their prefix. */
  contents(): Uint8Array[] {
    const { chunks, byteLength, compressed } = this.request
    const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
    prefix[0] = compressed ? 1 : 0
    prefix.writeUInt32BE(byteLength, 1)
    return [prefix, ...chunks]
  }

  get contentBytes(): number {
    return PREFIX_BYTES + this.request.byteLength
  }

  readonly onWritten = (): void => {
    this.#written = true
    if (this.#answer !== undefined) this.#finish({ ...this.#answer, chunksFree: true })
  }

  /** False if such a block may not come now. */
  onHeaders(block: readonly HeaderField[], end: boolean): boolean {
    if (this.#headers === undefined) {
      const status = find(block, ':status')
      if (status === undefined) return false
      // Informational: the real ones are still to come.
      if (status.startsWith('1')) return !end
      this.#headers = block
      return true
    }
    if (!end || this.#trailers !== undefined) return false
    this.#trailers = block
    return true
  }

  onData(bytes: Buffer, from: number, to: number): void {
    if (this.#done) return
    const length = this.#receivedBytes + to - from
    if (length > this.request.maxResponseBytes + PREFIX_BYTES) {
      this.#oversize = true
      this.#received = NOTHING
      this.#owner.resetStream(this.id, H2.CANCEL)
      return
    }
    if (length > this.#received.length) this.#grow(length)
    bytes.copy(this.#received, this.#receivedBytes, from, to)
    this.#receivedBytes = length
  }

  /** One buffer, not a list of pieces: a piece of one byte would cost a hundred. */
  #grow(needed: number): void {
    const larger = Math.max(needed, 2 * this.#received.length, FIRST_RESPONSE_BYTES)
    const buffer = Buffer.allocUnsafe(larger)
    this.#received.copy(buffer, 0, 0, this.#receivedBytes)
    this.#received = buffer
  }

  /** An answer before the end of the request: the server wants no more of it. */
  onEnd(): void {
    if (!this.ended) this.#owner.resetStream(this.id, H2.CANCEL)
  }

  onClosed(error: number | undefined): void {
    if (this.#done) return
    const chunksFree = this.#areChunksFree()
    const source = this.#statusSource()
    if (this.#oversize) {
      const limit = this.request.maxResponseBytes
      const message = `the response is larger than ${limit} bytes`
      const reply = localReply(GRPC.RESOURCE_EXHAUSTED, message)
      this.#finish({ ...reply, chunksFree, oversize: true })
    } else if (source !== undefined) {
      const reply = { ...this.#statusReply(source), chunksFree }
      if (chunksFree || !this.ended) this.#finish(reply)
      else this.#answer = reply
    } else this.#finish({ ...this.#brokenReply(error), chunksFree })
  }

  /** The server says that it has not looked at this call (RFC 9113 §8.7). */
  refused(why: string): void {
    this.#finish({ ...localReply(GRPC.UNAVAILABLE, why, true), chunksFree: this.#areChunksFree() })
  }

  #areChunksFree(): boolean {
    return this.#written || (this.ended && this.#owner.isDrained)
  }

  #abort(): void {
    if (this.#answer !== undefined) {
      this.#finish(this.#answer)
      return
    }
    const chunksFree = this.#areChunksFree()
    this.#finish({ ...abortReply(this.request.abort as Abort), chunksFree })
    this.#owner.resetStream(this.id, H2.CANCEL)
  }

  #statusSource(): readonly HeaderField[] | undefined {
    if (this.#trailers !== undefined && find(this.#trailers, 'grpc-status') !== undefined) {
      return this.#trailers
    }
    const headers = this.#headers
    return headers !== undefined && find(headers, 'grpc-status') !== undefined ? headers : undefined
  }

  #statusReply(source: readonly HeaderField[]): GrpcReply {
    const status = find(source, 'grpc-status') as string
    // Strictly a number: what reads an empty text as 0 would take it for success.
    const code = KNOWN_STATUS.test(status) ? Number(status) : GRPC.UNKNOWN
    const details = find(source, 'grpc-status-details-bin')
    const reply = localReply(code, decodeGrpcMessage(find(source, 'grpc-message') ?? ''))
    const bytes = this.#received.subarray(0, this.#receivedBytes)
    const hasBody = bytes.length >= PREFIX_BYTES
    const isCompressed = hasBody && bytes[0] === 1
    return {
      ...reply,
      details: details === undefined ? null : Buffer.from(details, 'base64'),
      body: hasBody ? bytes.subarray(PREFIX_BYTES) : null,
      bodyEncoding: isCompressed ? (find(this.#headers ?? [], 'grpc-encoding') ?? '') : '',
    }
  }

  /** No gRPC status came: what HTTP says, what the reset says, or that the connection broke. */
  #brokenReply(error: number | undefined): GrpcReply {
    const httpStatus = Number(find(this.#headers ?? [], ':status') ?? 0)
    if (httpStatus !== 0 && httpStatus !== 200) {
      return localReply(codeOfHttpStatus(httpStatus), `the server answered HTTP ${httpStatus}`)
    }
    const { lost } = this.#owner
    if (lost !== undefined) return localReply(GRPC.UNAVAILABLE, `connection lost: ${lost}`)
    if (error === H2.REFUSED_STREAM) {
      return localReply(GRPC.UNAVAILABLE, 'the server refused the stream', true)
    }
    if (error === undefined) {
      return localReply(GRPC.INTERNAL, 'the stream ended without a status')
    }
    return localReply(codeOfReset(error), `the server reset the stream with error ${error}`)
  }

  #finish(reply: GrpcReply): void {
    if (this.#done) return
    this.#done = true
    this.request.abort?.removeEventListener('abort', this.#onAbort)
    this.#resolve(reply)
  }
}

export function abortReply(abort: Abort): GrpcReply {
  const reason = abort.reason as unknown
  const message = reason instanceof Error ? reason.message : 'aborted'
  return localReply(GRPC.DEADLINE_EXCEEDED, message)
}

function find(fields: readonly HeaderField[], name: string): string | undefined {
  for (const field of fields) if (field.name === name) return field.value
  return undefined
}

/** gRPC's own table, "HTTP to gRPC Status Code Mapping". */
function codeOfHttpStatus(status: number): number {
  if (status === 400) return GRPC.INTERNAL
  if (status === 401) return GRPC.UNAUTHENTICATED
  if (status === 403) return GRPC.PERMISSION_DENIED
  if (status === 404) return GRPC.UNIMPLEMENTED
  if (status === 429 || status === 502 || status === 503 || status === 504) return GRPC.UNAVAILABLE
  return GRPC.UNKNOWN
}

/** gRPC over HTTP/2, "Errors": what a reset without status means. */
function codeOfReset(code: number): number {
  if (code === H2.CANCEL) return GRPC.CANCELLED
  if (code === H2.ENHANCE_YOUR_CALM) return GRPC.RESOURCE_EXHAUSTED
  if (code === H2.INADEQUATE_SECURITY) return GRPC.PERMISSION_DENIED
  return GRPC.INTERNAL
}
