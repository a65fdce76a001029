/**
 * One request over HTTP/1.1: reads the body into one buffer, hands it over, and answers in the request's own media type.
 * After an early answer the rest of the body is read and thrown away, within bounds, because a client that is still
 * writing when its connection breaks never sees the answer.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { PeerCertificate } from 'node:tls'
import type { RequestContext } from '../core/batch.ts'
import { noteReceivedBytes } from '../util/young-collector.ts'
import { type Admitted, type RequestHead, verifiedCertificate } from './admission.ts'
import { BodyBuffer, type Room } from './body-buffer.ts'
import type { Encoding } from './compression.ts'
import type { Guest } from './guests.ts'
import { readMetadata } from './metadata.ts'
import { encodeStatus, encodeStatusJson } from './rpc-status.ts'
import { GRPC, httpStatusOf, type RpcStatus, retryAfterSeconds } from './status.ts'

export type MediaType = 'proto' | 'json' | 'text'

export const MEDIA_TYPE: Readonly<Record<MediaType, string>> = {
  proto: 'application/x-protobuf',
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
}

/** What a body is. Handlers keep with it how they read it. */
export interface BodyFormat {
  /** How answers are written: in protobuf and JSON as OTLP has it. */
  readonly answersIn: MediaType
}

/** The formats that a path takes. */
export interface BodyFormats {
  /** By the content type as it came; undefined is refused. */
  find(contentType: string | undefined): BodyFormat | undefined
  /** For people who sent something else. */
  readonly supported: string
  /** Answers what is refused before its format matters. */
  readonly fallback: BodyFormat
}

/** Serves one path. No function of it throws. */
export interface HttpHandler extends Room {
  /** Absent: those of OTLP. */
  readonly formats?: BodyFormats | undefined
  /**
   * Asked when the head of a request is there and nothing of its body was kept: where its room comes from, or what to
   * answer at once. Absent lets every request in, and the room is the handler's.
   */
  readonly admit?: ((exchange: HttpExchange) => Admitted | RpcStatus) | undefined
  /** The body, as it came over the wire, is the handler's from now on. Answered exactly once, at any later time. */
  handle(exchange: HttpExchange, body: Uint8Array): void
}

export type ExchangePhase =
  | 'reading'
  | 'serving' // with the handler
  | 'answered' // the rest of the body may still be coming
  | 'closed'

/** What an exchange asks of its server. */
export interface ExchangeOwner {
  readonly maxBodyBytes: number
  /** Bytes of a refused body that are read and thrown away before the connection is cut. */
  readonly maxDiscardBytes: number
  answerHeaders(origin: string | undefined): OutgoingHttpHeaders
  exchangeClosed(exchange: HttpExchange): void
}

/** The client at the other end of a connection. */
export class HttpPeer {
  readonly context: RequestContext
  readonly guest: Guest
  /** Exchanges that are not over. */
  open = 0
  readonly #socket: Socket
  #certificate: PeerCertificate | null | undefined

  constructor(socket: Socket, guest: Guest) {
    const { remoteAddress, remotePort } = socket
    const peer = remoteAddress === undefined ? '' : `${remoteAddress}:${remotePort}`
    this.context = Object.freeze({ metadata: new Map(), peer })
    this.guest = guest
    guest.isIdle = () => this.open === 0
    this.#socket = socket
  }

  get certificate(): PeerCertificate | null {
    if (this.#certificate === undefined) this.#certificate = verifiedCertificate(this.#socket)
    return this.#certificate
  }
}

const WRITE_STATUS: Readonly<Record<MediaType, (status: RpcStatus) => Uint8Array | string>> = {
  proto: encodeStatus,
  json: encodeStatusJson,
  text: ({ message }) => `${message}\n`,
}

/** First room of a body whose length is not told. */
const CHUNKED_ROOM_BYTES = 16 * 1024

interface OwnedRequest extends IncomingMessage {
  millraceExchange: HttpExchange
}
interface OwnedResponse extends ServerResponse {
  millraceExchange: HttpExchange
}

export class HttpExchange implements RequestHead {
  readonly context: RequestContext
  readonly peer: HttpPeer
  readonly format: BodyFormat
  readonly encoding: Encoding | ''
  readonly #owner: ExchangeOwner
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #handler: HttpHandler | undefined
  #phase: ExchangePhase = 'reading'
  #admitted: Admitted | null = null
  #body: BodyBuffer | undefined
  #responseClosed = false
  #expectsContinue: boolean
  /** See `HttpServer.scan`. */
  quietTicks = 0
  ticks = 0
  received = 0
  receivedAtScan = 0
  isCut = false

  constructor(
    owner: ExchangeOwner,
    request: IncomingMessage,
    response: ServerResponse,
    peer: HttpPeer,
    format: BodyFormat,
    encoding: Encoding | '',
  ) {
    this.#owner = owner
    this.#request = request
    this.#response = response
    this.peer = peer
    this.context = peer.context
    peer.open++
    this.format = format
    this.encoding = encoding
    this.#expectsContinue = /^100-continue$/i.test(request.headers.expect ?? '')
    ;(request as OwnedRequest).millraceExchange = this
    ;(response as OwnedResponse).millraceExchange = this
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('close', onRequestClose)
    request.on('error', ignore)
    response.on('close', onResponseClose)
    response.on('error', ignore)
  }

  get phase(): ExchangePhase {
    return this.#phase
  }

  /** What its answers are written in. */
  get mediaType(): MediaType {
    return this.format.answersIn
  }

  /** What the handler's `admit` answered; null without it. */
  get admitted(): Admitted | null {
    return this.#admitted
  }

  get guest(): Guest {
    return this.peer.guest
  }

  get address(): string {
    return this.peer.guest.address
  }

  certificate(): PeerCertificate | null {
    return this.peer.certificate
  }

  /** Not from `headers`, which keeps one of several. */
  header(wanted: string): readonly string[] {
    const { rawHeaders } = this.#request
    const values: string[] = []
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]
      if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue
      values.push(rawHeaders[i + 1])
    }
    return values
  }

  metadata(): ReadonlyMap<string, readonly string[]> {
    return readMetadata(this.#request.rawHeaders)
  }

  /** Starts reading the body for this handler. */
  read(handler: HttpHandler): void {
    const told = this.#request.headers['content-length']
    const length = told === undefined ? undefined : Number(told)
    const { maxBodyBytes } = this.#owner
    if (length !== undefined && length > maxBodyBytes) {
      this.fail(tooLarge(maxBodyBytes))
      return
    }
    if (handler.admit !== undefined) {
      const admitted = handler.admit(this)
      if ('code' in admitted) {
        this.fail(admitted)
        return
      }
      this.#admitted = admitted
    }
    this.#handler = handler
    this.#body = new BodyBuffer(this.#admitted ?? handler, length ?? maxBodyBytes)
    const fault = this.#body.open(length ?? CHUNKED_ROOM_BYTES)
    if (fault !== undefined) this.fail(fault)
    else if (this.#expectsContinue) this.#response.writeContinue()
  }

  // hot: bench/flow/side-by-side.ts
  take(chunk: Uint8Array): void {
    noteReceivedBytes(chunk.length)
    this.received += chunk.length
    if (this.#phase !== 'reading') {
      if (this.received > this.#owner.maxDiscardBytes) this.cut()
      return
    }
    if (this.received > this.#owner.maxBodyBytes) {
      this.fail(tooLarge(this.#owner.maxBodyBytes))
      return
    }
    const fault = this.#body!.append(chunk, 0, chunk.length)
    if (fault !== undefined) this.fail(fault)
  }

  finish(): void {
    if (this.#phase === 'reading') {
      const body = this.#body!.take()
      this.#phase = 'serving'
      this.#handler!.handle(this, body)
    } else if (this.#responseClosed) this.#close()
  }

  /** `body` is in the request's media type, whose name is set here. */
  answer(status: number, body: Uint8Array | string, headers: OutgoingHttpHeaders = {}): void {
    this.#send(status, { 'content-type': MEDIA_TYPE[this.mediaType], ...headers }, body)
  }

  fail(status: RpcStatus, headers: OutgoingHttpHeaders = {}): void {
    const code = httpStatusOf(status)
    const delayed = status.retryDelayMs !== undefined && (code === 429 || code === 503)
    this.answer(code, WRITE_STATUS[this.mediaType](status), {
      ...headers,
      // RFC 9110 §15.5.2; the schemes that may be shown are the authenticator's.
      ...(code === 401 && { 'www-authenticate': 'Bearer' }),
      ...(delayed && { 'retry-after': String(retryAfterSeconds(status.retryDelayMs!)) }),
    })
  }

  failInText(status: number, text: string, headers: OutgoingHttpHeaders = {}): void {
    this.#send(status, { 'content-type': 'text/plain', ...headers }, text)
  }

  /** An answer without a body. */
  answerEmpty(status: number, headers: OutgoingHttpHeaders): void {
    this.#send(status, headers, '')
  }

  #send(status: number, headers: OutgoingHttpHeaders, body: Uint8Array | string): void {
    if (this.#phase === 'answered' || this.#phase === 'closed') return
    this.#drop()
    this.#phase = 'answered'
    this.quietTicks = 0
    const response = this.#response
    if (response.destroyed || response.headersSent) return
    const all = this.#owner.answerHeaders(this.#request.headers.origin)
    Object.assign(all, headers)
    if (status !== 204) all['content-length'] = Buffer.byteLength(body)
    response.writeHead(status, all)
    response.end(body)
  }

  get socket(): Socket {
    return this.#request.socket
  }

  /** Ends the connection. */
  cut(): void {
    this.isCut = true
    this.#request.socket.destroy()
  }

  requestClosed(): void {
    if (this.#phase === 'reading' || this.#responseClosed) this.#close()
  }

  responseClosed(): void {
    this.#responseClosed = true
    if (this.#request.complete || this.#request.destroyed) this.#close()
  }

  #close(): void {
    if (this.#phase === 'closed') return
    this.#drop()
    this.#phase = 'closed'
    this.#owner.exchangeClosed(this)
  }

  /** The handler gets what was not handed to it, and only that. */
  #drop(): void {
    this.#body?.drop()
    if (this.#phase === 'reading') this.#admitted?.abandon()
  }
}

function tooLarge(maxBytes: number): RpcStatus {
  return {
    code: GRPC.RESOURCE_EXHAUSTED,
    http: 413,
    message: `request body is larger than ${maxBytes} bytes`,
  }
}

// One function for all exchanges instead of closures for each.

function onData(this: IncomingMessage, chunk: Uint8Array): void {
  ;(this as OwnedRequest).millraceExchange.take(chunk)
}

function onEnd(this: IncomingMessage): void {
  ;(this as OwnedRequest).millraceExchange.finish()
}

function onRequestClose(this: IncomingMessage): void {
  ;(this as OwnedRequest).millraceExchange.requestClosed()
}

function onResponseClose(this: ServerResponse): void {
  ;(this as OwnedResponse).millraceExchange.responseClosed()
}

function ignore(): void {}
