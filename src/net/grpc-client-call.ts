/**
 * One unary gRPC call on an HTTP/2 connection (gRPC over HTTP/2: request headers, one length-prefixed message,
 * response headers, one message, trailers with the status).
 *
 * ```
 * message:  [ 0 | 1 compressed ] [ length, 4 bytes big endian ] [ bytes ... ]
 * ```
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { decodeGrpcMessage, GRPC } from './status.ts'

const PREFIX_BYTES = 5

export interface GrpcRequest {
  /** Complete, pseudo-headers included; not changed. */
  readonly headers: OutgoingHttpHeaders
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  /** The chunks are compressed as `grpc-encoding` says. */
  readonly compressed: boolean
  readonly maxResponseBytes: number
  readonly abort: AbortSignal | null
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

/** Never rejects. */
export function callUnary(session: ClientHttp2Session, request: GrpcRequest): Promise<GrpcReply> {
  return new Promise(resolve => new UnaryCall(session, request, resolve).begin())
}

class UnaryCall {
  readonly #session: ClientHttp2Session
  readonly #request: GrpcRequest
  readonly #resolve: (reply: GrpcReply) => void
  readonly #onAbort = (): void => this.#abort()
  #stream: ClientHttp2Stream | null = null
  #headers: IncomingHttpHeaders | null = null
  #trailers: IncomingHttpHeaders | null = null
  #error: Error | null = null
  #received: Uint8Array[] = []
  #receivedBytes = 0
  #oversize = false
  #done = false

  constructor(
    session: ClientHttp2Session,
    request: GrpcRequest,
    resolve: (reply: GrpcReply) => void,
  ) {
    this.#session = session
    this.#request = request
    this.#resolve = resolve
  }

  begin(): void {
    const { headers, abort } = this.#request
    if (abort?.aborted) {
      this.#finish(abortReply(abort))
      return
    }
    let stream: ClientHttp2Stream
    try {
      stream = this.#session.request(headers, { endStream: false })
    } catch (error) {
      this.#finish(localReply(GRPC.UNAVAILABLE, (error as Error).message, true))
      return
    }
    this.#stream = stream
    abort?.addEventListener('abort', this.#onAbort, { once: true })
    stream.on('response', headers => {
      this.#headers = headers
    })
    stream.on('trailers', trailers => {
      this.#trailers = trailers
    })
    stream.on('data', (chunk: Uint8Array) => this.#take(chunk))
    stream.on('error', error => {
      this.#error = error
    })
    stream.on('close', () => this.#close())
    this.#write(stream)
  }

  /** All buffers leave in one gathered write; nothing is copied on the way to the socket. */
  #write(stream: ClientHttp2Stream): void {
    const { chunks, byteLength, compressed } = this.#request
    const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
    prefix[0] = compressed ? 1 : 0
    prefix.writeUInt32BE(byteLength, 1)
    stream.cork()
    stream.write(prefix)
    for (const chunk of chunks) stream.write(chunk)
    stream.end()
    stream.uncork()
  }

  #take(chunk: Uint8Array): void {
    this.#receivedBytes += chunk.length
    if (this.#receivedBytes > this.#request.maxResponseBytes + PREFIX_BYTES) {
      this.#oversize = true
      this.#received = []
      this.#stream!.close(constants.NGHTTP2_CANCEL)
      return
    }
    this.#received.push(chunk)
  }

  #abort(): void {
    const stream = this.#stream!
    const chunksFree = stream.writableFinished
    stream.close(constants.NGHTTP2_CANCEL)
    this.#finish({ ...abortReply(this.#request.abort!), chunksFree })
  }

  #close(): void {
    if (this.#done) return
    const chunksFree = this.#stream!.writableFinished
    const status = this.#trailers?.['grpc-status'] ?? this.#headers?.['grpc-status']
    if (this.#oversize) {
      const limit = this.#request.maxResponseBytes
      const reply = localReply(
        GRPC.RESOURCE_EXHAUSTED,
        `the response is larger than ${limit} bytes`,
      )
      this.#finish({ ...reply, chunksFree, oversize: true })
    } else if (status !== undefined) {
      this.#finish(this.#statusReply(Number(status), chunksFree))
    } else {
      this.#finish({ ...this.#brokenReply(), chunksFree })
    }
  }

  #statusReply(status: number, chunksFree: boolean): GrpcReply {
    const source = this.#trailers?.['grpc-status'] !== undefined ? this.#trailers : this.#headers!
    const code = Number.isInteger(status) && status >= 0 && status <= 16 ? status : GRPC.UNKNOWN
    const details = source['grpc-status-details-bin']
    const reply = localReply(code, decodeGrpcMessage(String(source['grpc-message'] ?? '')))
    const bytes = this.#received.length === 1 ? this.#received[0] : Buffer.concat(this.#received)
    const hasBody = bytes.length >= PREFIX_BYTES
    const isCompressed = hasBody && bytes[0] === 1
    return {
      ...reply,
      chunksFree,
      details: typeof details === 'string' ? Buffer.from(details, 'base64') : null,
      body: hasBody ? bytes.subarray(PREFIX_BYTES) : null,
      bodyEncoding: isCompressed ? String(this.#headers?.['grpc-encoding'] ?? '') : '',
    }
  }

  /** No gRPC status came: what HTTP says, what the reset says, or that the connection broke. */
  #brokenReply(): GrpcReply {
    const stream = this.#stream!
    const httpStatus = Number(this.#headers?.[':status'] ?? 0)
    if (httpStatus !== 0 && httpStatus !== 200) {
      return localReply(codeOfHttpStatus(httpStatus), `the server answered HTTP ${httpStatus}`)
    }
    if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) {
      return localReply(GRPC.UNAVAILABLE, 'the server refused the stream', true)
    }
    const why = this.#error?.message ?? 'the stream ended without a status'
    const isLost = this.#session.destroyed || this.#session.closed || isSocketError(this.#error)
    if (isLost)
      return localReply(GRPC.UNAVAILABLE, `connection lost: ${why}`, stream.id === undefined)
    return localReply(codeOfReset(stream.rstCode), why)
  }

  #finish(reply: GrpcReply): void {
    if (this.#done) return
    this.#done = true
    this.#request.abort?.removeEventListener('abort', this.#onAbort)
    this.#resolve(reply)
  }
}

function abortReply(abort: AbortSignal): GrpcReply {
  const reason = abort.reason as unknown
  const message = reason instanceof Error ? reason.message : 'aborted'
  return localReply(GRPC.DEADLINE_EXCEEDED, message)
}

function isSocketError(error: Error | null): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code ?? ''
  return code.startsWith('E') && !code.startsWith('ERR_')
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
function codeOfReset(code: number | undefined): number {
  if (code === constants.NGHTTP2_CANCEL) return GRPC.CANCELLED
  if (code === constants.NGHTTP2_ENHANCE_YOUR_CALM) return GRPC.RESOURCE_EXHAUSTED
  if (code === constants.NGHTTP2_INADEQUATE_SECURITY) return GRPC.PERMISSION_DENIED
  return GRPC.INTERNAL
}
