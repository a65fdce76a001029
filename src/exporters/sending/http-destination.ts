/** URLs that exporters post to: connections, credentials, compression. What an answer means is the exporter's to say. */
import type { Batch } from '../../core/batch.ts'
import type { Host, Services } from '../../core/component.ts'
import { MillraceError } from '../../errors.ts'
import { compress, type Encoding, loadCodec } from '../../net/compression.ts'
import type {
  HttpClient,
  HttpClientOptions,
  HttpFailure,
  HttpReply,
} from '../../net/http-client.ts'
import { type ClientTls, clientTls } from '../../net/tls.ts'
import type { Abort } from '../../util/abort.ts'
import { VERSION } from '../../util/version.ts'
import { type AuthHeaders, ClientAuth, hasHeaders } from './client-auth.ts'
import type { HttpClientFields } from './http-client-config.ts'
import type { SendResult } from './sender.ts'

/** Enough of an error page to say what went wrong. */
const MAX_ERROR_BYTES = 65_536

/** Below this a request is smaller on the wire without compression, or nearly so. */
const MIN_COMPRESS_BYTES = 64

/** Made by the connection or by us; a configured header of that name would break the request. */
const OWN_HEADERS = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'content-type',
  'content-encoding',
])

export interface HttpDestinationOptions {
  /** Where to connect instead of looking hosts up. */
  readonly address: string | null
  readonly contentType: string
  /** Most requests to a host at the same time, where `max_conns_per_host` does not say. */
  readonly parallel: number
}

export interface PostRequest {
  /** One of those that it was started for. */
  readonly url: URL
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  /** The chunks are bytes of the batch, and not made for the request. */
  readonly isBatch: boolean
  /** Of an answer with status 2xx that is read. */
  readonly maxAnswerBytes: number
}

export class HttpDestination {
  readonly #options: HttpDestinationOptions
  readonly #config: HttpClientFields
  readonly #services: Services
  readonly #headers: Readonly<Record<string, string>>
  readonly #packedHeaders: Readonly<Record<string, string>>
  #auth: ClientAuth | null = null
  #tls: ClientTls | null = null
  /** By origin: URLs of one origin share its connections. */
  readonly #clients = new Map<string, HttpClient>()

  constructor(options: HttpDestinationOptions, config: HttpClientFields, services: Services) {
    this.#options = options
    this.#config = config
    this.#services = services
    this.#headers = this.#fixedHeaders()
    this.#packedHeaders = { ...this.#headers, 'content-encoding': config.compression }
  }

  async start(host: Host, urls: readonly URL[]): Promise<void> {
    const { auth, tls } = this.#config
    if (auth !== undefined) this.#auth = new ClientAuth(auth.authenticator, host)
    await this.#requireCodec()
    const plain = urls.find(({ protocol }) => protocol === 'http:')
    if (auth !== undefined && plain !== undefined) {
      this.#services.log.warn('credentials_sent_without_tls', { endpoint: plain.origin })
    }
    if (urls.some(({ protocol }) => protocol === 'https:')) {
      this.#tls = await clientTls(tls ?? {}, this.#services)
    }
    // Loaded only where it is used: undici costs 75 ms of start and 8 MB.
    const { HttpClient } = await import('../../net/http-client.ts')
    for (const { origin } of urls) {
      if (!this.#clients.has(origin))
        this.#clients.set(origin, new HttpClient(this.#client(origin)))
    }
  }

  #client(origin: string): HttpClientOptions {
    const { address, parallel } = this.#options
    const { max_conns_per_host, idle_conn_timeout, disable_keep_alives } = this.#config
    return {
      origin: new URL(origin),
      address: address ?? undefined,
      clock: this.#services.clock,
      tls: origin.startsWith('https:') ? () => this.#tls!.connectOptions() : null,
      maxConnections: max_conns_per_host || parallel,
      idleTimeoutMs: idle_conn_timeout,
      keepAlive: !disable_keep_alives,
    }
  }

  /** The server's reply whatever its status, or `retry` when there is none. Never rejects. */
  async post(batch: Batch, request: PostRequest, abort: Abort): Promise<HttpReply | SendResult> {
    const { url, isBatch, maxAnswerBytes } = request
    let { chunks, byteLength } = request
    let shown: AuthHeaders | null = null
    if (this.#auth !== null) {
      const answer = await this.#auth.headers(batch)
      if (!hasHeaders(answer)) return { kind: 'retry', message: answer.message, isOurs: true }
      shown = answer
    }
    const { compression, compression_params } = this.#config
    const isPacked = compression !== 'none' && byteLength >= MIN_COMPRESS_BYTES
    if (isPacked) {
      const packed = await compress(compression, chunks, byteLength, compression_params?.level ?? 0)
      chunks = [packed]
      byteLength = packed.length
    }
    const reply = await this.#clients.get(url.origin)!.post({
      path: url.pathname + url.search,
      headers: this.#headersFor(isPacked, byteLength, shown),
      chunks,
      byteLength,
      maxSuccessBytes: maxAnswerBytes,
      maxErrorBytes: MAX_ERROR_BYTES,
      abort,
    })
    if (!reply.chunksFree && isBatch && !isPacked) batch.taint()
    if ('failure' in reply) return { kind: 'retry', message: (reply as HttpFailure).failure }
    const isRenewed = reply.status === 401 && this.#auth?.rejected() === true
    return isRenewed ? { kind: 'retry', message: 'HTTP 401', isOurs: true } : reply
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.values()) client.close()
    this.#tls?.stop()
  }

  /** Configured headers win over those of an authenticator, as in upstream. */
  #headersFor(
    isPacked: boolean,
    byteLength: number,
    shown: AuthHeaders | null,
  ): Record<string, string> {
    const fixed = isPacked ? this.#packedHeaders : this.#headers
    const own = shown === null ? null : Object.fromEntries(shown)
    return { ...own, ...fixed, 'content-length': String(byteLength) }
  }

  async #requireCodec(): Promise<void> {
    const { compression } = this.#config
    if (compression === 'none') return
    const codec = await loadCodec(compression as Encoding)
    if (codec?.compress !== undefined) return
    const message = `compression ${compression} is not available here; choose gzip or none.`
    throw new MillraceError('MILLRACE_START_FAILED', message)
  }

  /** Names that HTTP cannot carry are accepted in configurations, as upstream does, and left out here. */
  #fixedHeaders(): Record<string, string> {
    const headers: Record<string, string> = {
      'user-agent': `millrace/${VERSION}`,
      'content-type': this.#options.contentType,
    }
    for (const [name, value] of Object.entries(this.#config.headers)) {
      const key = name.toLowerCase()
      const isSendable = /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(key) && !OWN_HEADERS.has(key)
      if (isSendable) headers[key] = value.reveal()
      else this.#services.log.warn('header_cannot_be_sent', { header: name })
    }
    return headers
  }
}

export function isHttpReply(answer: HttpReply | SendResult): answer is HttpReply {
  return 'status' in answer
}

export function headerText(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
