/** Sends encoded batches to an OTLP backend over HTTP, and reads what its answers mean for the data. */

import type { Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import { HTTP_EXPORT_PATH, SIGNALS, type Signal } from '../../core/signal.ts'
import { MillraceError } from '../../errors.ts'
import {
  compress,
  decompress,
  type Encoding,
  isCodecFault,
  loadCodec,
} from '../../net/compression.ts'
import type {
  HttpClient,
  HttpClientOptions,
  HttpFailure,
  HttpReply,
} from '../../net/http-client.ts'
import { decodeStatus, decodeStatusJson } from '../../net/rpc-status.ts'
import { isRetryableHttp, parseRetryAfter } from '../../net/status.ts'
import { type ClientTls, clientTls } from '../../net/tls.ts'
import { flatten } from '../../otlp/encode.ts'
import { encodeJson } from '../../otlp/json/encode.ts'
import {
  decodeExportResponse,
  isResponseFault,
  MAX_RESPONSE_BYTES,
  type ResponseFormat,
} from '../../otlp/responses.ts'
import type { Abort } from '../../util/abort.ts'
import { VERSION } from '../../util/version.ts'
import { type AuthHeaders, ClientAuth, hasHeaders } from '../sending/client-auth.ts'
import type { Place } from '../sending/pool/place.ts'
import type { EncodedBatch, Sender, SendResult } from '../sending/sender.ts'
import type { OtlpHttpConfig } from './config.ts'

/** Enough of an error page to say what went wrong. */
const MAX_ERROR_BYTES = 65_536
const MAX_ERROR_CHARS = 300

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

interface Route {
  readonly client: HttpClient
  readonly path: string
}

export class OtlpHttpSender implements Sender {
  readonly #config: OtlpHttpConfig
  /** Where to connect instead of looking the endpoint's host up. */
  readonly #address: string | undefined
  readonly #context: CreateContext<OtlpHttpConfig>
  readonly #headers: Readonly<Record<string, string>>
  readonly #packedHeaders: Readonly<Record<string, string>>
  readonly #clients = new Map<string, HttpClient>()
  readonly #routes: Partial<Record<Signal, Route>> = {}
  #auth: ClientAuth | null = null
  #tls: ClientTls | null = null

  /** `place` is one of `endpoints`, or says again what the configuration says. */
  constructor(context: CreateContext<OtlpHttpConfig>, { endpoint, address }: Place) {
    const config = endpoint === '' ? context.config : { ...context.config, endpoint }
    this.#address = address ?? undefined
    this.#config = config
    this.#context = context
    this.#headers = this.#fixedHeaders()
    this.#packedHeaders = { ...this.#headers, 'content-encoding': config.compression }
  }

  async start(host: Host): Promise<void> {
    const { auth } = this.#config
    if (auth !== undefined) this.#auth = new ClientAuth(auth.authenticator, host)
    await this.#requireCodec()
    const urls = SIGNALS.map(signal => [signal, this.#urlOf(signal)] as const)
    if (auth !== undefined && urls.some(([, url]) => url?.protocol === 'http:')) {
      this.#context.log.warn('credentials_sent_without_tls', { exporter: this.#context.id })
    }
    if (urls.some(([, url]) => url?.protocol === 'https:')) {
      this.#tls = await clientTls(this.#config.tls ?? {}, this.#context)
    }
    // Loaded only where it is used: undici costs 75 ms of start and 8 MB.
    const { HttpClient } = await import('../../net/http-client.ts')
    const create = (options: HttpClientOptions): HttpClient => new HttpClient(options)
    for (const [signal, url] of urls) {
      if (url === null) {
        if (!this.#context.signals.includes(signal)) continue
        const message = `${this.#context.id} has neither endpoint nor ${signal}_endpoint.`
        throw new MillraceError('MILLRACE_START_FAILED', message)
      }
      this.#routes[signal] = {
        client: this.#clientOf(url, create),
        path: url.pathname + url.search,
      }
    }
  }

  async send(encoded: EncodedBatch, abort: Abort): Promise<SendResult> {
    const { signal, batch } = encoded
    const route = this.#routes[signal]
    if (route === undefined) {
      const message = `no endpoint is configured for ${signal}`
      return { kind: 'drop', reason: 'unimplemented', message }
    }
    let shown: AuthHeaders | null = null
    if (this.#auth !== null) {
      const answer = await this.#auth.headers(batch)
      if (!hasHeaders(answer)) return { kind: 'retry', message: answer.message, isOurs: true }
      shown = answer
    }
    let { chunks, byteLength } = encoded
    const isJson = this.#config.encoding === 'json'
    if (isJson) {
      const text = encodeJson(signal, flatten({ chunks: [...chunks], byteLength }))
      chunks = [text]
      byteLength = text.length
    }
    const isPacked = this.#config.compression !== 'none' && byteLength >= MIN_COMPRESS_BYTES
    if (isPacked) {
      const level = this.#config.compression_params?.level ?? 0
      const packed = await compress(this.#config.compression, chunks, byteLength, level)
      chunks = [packed]
      byteLength = packed.length
    }
    const reply = await route.client.post({
      path: route.path,
      headers: this.#headersFor(isPacked, byteLength, shown),
      chunks,
      byteLength,
      maxSuccessBytes: MAX_RESPONSE_BYTES,
      maxErrorBytes: MAX_ERROR_BYTES,
      abort,
    })
    if (!reply.chunksFree && !isPacked && !isJson) batch.taint()
    if ('failure' in reply) return { kind: 'retry', message: (reply as HttpFailure).failure }
    const isRenewed = reply.status === 401 && this.#auth?.rejected() === true
    if (isRenewed) return { kind: 'retry', message: 'HTTP 401', isOurs: true }
    return readReply(signal, reply, this.#context.clock.now())
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

  /** The signal's own URL as it is, or the common one with the signal's path appended. */
  #urlOf(signal: Signal): URL | null {
    const own = this.#config[`${signal}_endpoint`]
    if (own !== undefined) return new URL(own)
    const { endpoint } = this.#config
    if (endpoint === undefined) return null
    const url = new URL(endpoint)
    url.pathname = url.pathname.replace(/\/$/, '') + HTTP_EXPORT_PATH[signal]
    return url
  }

  /** Signals that go to one origin share its connections. */
  #clientOf(url: URL, create: (options: HttpClientOptions) => HttpClient): HttpClient {
    let client = this.#clients.get(url.origin)
    if (client !== undefined) return client
    const { max_conns_per_host, sending_queue, idle_conn_timeout, disable_keep_alives } =
      this.#config
    client = create({
      origin: new URL(url.origin),
      address: this.#address,
      clock: this.#context.clock,
      tls: url.protocol === 'https:' ? () => this.#tls!.connectOptions() : null,
      maxConnections: max_conns_per_host || sending_queue.num_consumers * SIGNALS.length,
      idleTimeoutMs: idle_conn_timeout,
      keepAlive: !disable_keep_alives,
    })
    this.#clients.set(url.origin, client)
    return client
  }

  /** Names that HTTP cannot carry are accepted in configurations, as upstream does, and left out here. */
  #fixedHeaders(): Record<string, string> {
    const isJson = this.#config.encoding === 'json'
    const headers: Record<string, string> = {
      'user-agent': `millrace/${VERSION}`,
      'content-type': isJson ? 'application/json' : 'application/x-protobuf',
    }
    for (const [name, value] of Object.entries(this.#config.headers)) {
      const key = name.toLowerCase()
      const isSendable = /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(key) && !OWN_HEADERS.has(key)
      if (isSendable) headers[key] = value.reveal()
      else this.#context.log.warn('header_cannot_be_sent', { header: name })
    }
    return headers
  }
}

async function readReply(signal: Signal, reply: HttpReply, nowMs: number): Promise<SendResult> {
  const { status, headers } = reply
  const format = formatOf(headers['content-type'])
  const encoding = String(headers['content-encoding'] ?? '')
  const body = await decompress(encoding, reply.body, MAX_RESPONSE_BYTES)
  const bytes = isCodecFault(body) ? new Uint8Array(0) : body
  if (status >= 200 && status < 300) {
    if (reply.isCut) return { kind: 'sent', message: 'the response is too long to be read' }
    return readSuccess(signal, bytes, format)
  }
  const message = `HTTP ${status}${explain(bytes, format)}`
  if (isRetryableHttp(status)) {
    const afterMs = parseRetryAfter(oneOf(headers['retry-after']), nowMs)
    return { kind: 'retry', afterMs, message }
  }
  return { kind: 'drop', reason: reasonOf(status), message }
}

function readSuccess(signal: Signal, bytes: Uint8Array, format: ResponseFormat | null): SendResult {
  if (format === null) return { kind: 'sent' }
  const partial = decodeExportResponse(signal, bytes, format)
  if (partial === null) return { kind: 'sent' }
  if (isResponseFault(partial)) {
    return { kind: 'sent', message: `the response cannot be read: ${partial.fault}` }
  }
  return { kind: 'sent', rejected: partial.rejected, message: partial.message }
}

function reasonOf(status: number): string {
  if (status === 400) return 'bad_data'
  if (status === 401) return 'unauthenticated'
  if (status === 403) return 'permission_denied'
  if (status === 404 || status === 405) return 'unimplemented'
  if (status === 413) return 'too_large'
  return 'rejected'
}

/** What the backend says about it: a google.rpc.Status, or the beginning of a text. */
function explain(bytes: Uint8Array, format: ResponseFormat | null): string {
  if (bytes.length === 0) return ''
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  const status =
    format === 'proto'
      ? decodeStatus(bytes)
      : format === 'json'
        ? decodeStatusJson(text)
        : undefined
  const said = status?.message || (format === 'proto' ? '' : text)
  return said === '' ? '' : `: ${said.slice(0, MAX_ERROR_CHARS)}`
}

function formatOf(contentType: string | string[] | undefined): ResponseFormat | null {
  const type = oneOf(contentType)?.split(';')[0].trim().toLowerCase()
  if (type === 'application/x-protobuf') return 'proto'
  return type === 'application/json' ? 'json' : null
}

function oneOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
