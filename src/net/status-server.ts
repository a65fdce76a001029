/**
 * A small HTTP server for operators' pages: health, metrics, profiles, status. Apart from the OTLP server because it
 * only answers GET, reads no bodies, and has tight fixed limits instead of configurable ones.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { listen, readListenOptions } from './listen.ts'
import { type ServerTls, serverTls, type TlsServerSettings } from './tls.ts'

const MAX_HEADER_BYTES = 8 << 10
const MAX_HEADERS = 100
const MAX_CONNECTIONS = 128
const REQUEST_TIMEOUT_MS = 5000
const KEEP_ALIVE_MS = 15_000
/** A connection on which nothing moves; longer than the slowest route, a profile of a minute. */
const SILENCE_TIMEOUT_MS = 90_000
/** How often Node looks for connections that break the limits above. */
const CHECK_INTERVAL_MS = 1000

export interface StatusRequest {
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** Aborts when the client goes away or the server closes. */
  readonly signal: AbortSignal
}

export interface StatusAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export type StatusRoute = (request: StatusRequest) => StatusAnswer | Promise<StatusAnswer>

export interface StatusServerOptions {
  /** "host:port", or a unix socket: "unix:/path", "/path" or "@name". */
  readonly endpoint: string
  readonly tls?: TlsServerSettings | undefined
  /** By exact path; a path that ends with "/" also answers for everything below it. The longest match counts. */
  readonly routes: ReadonlyMap<string, StatusRoute>
  readonly log: Logger
  readonly clock: Clock
}

export class StatusServer {
  readonly #options: StatusServerOptions
  readonly #closing = new AbortController()
  #server: Server | null = null
  #tls: ServerTls | null = null
  #closed: Promise<void> | null = null

  constructor(options: StatusServerOptions) {
    this.#options = options
  }

  /** The bound port; 0 for a unix socket and before `start`. */
  get port(): number {
    const address = this.#server?.address() as AddressInfo | string | null | undefined
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Rejects with MILLRACE_START_FAILED if the address or the certificate cannot be had. */
  async start(): Promise<void> {
    const { endpoint, tls, clock, log } = this.#options
    if (tls !== undefined) this.#tls = await serverTls(tls, { clock, log })
    const server = createLimited(this.#tls, (request, response) => this.#serve(request, response))
    const transport = /^(unix:|\/|@)/.test(endpoint) ? 'unix' : 'tcp'
    try {
      await listen(server, readListenOptions(endpoint, transport))
    } catch (error) {
      this.#tls?.stop()
      throw error
    }
    this.#server = server
  }

  /** Ends every connection, also those that wait for an answer. Safe twice, and safe before `start`. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    this.#tls?.stop()
    const server = this.#server
    if (server === null) return
    await new Promise<void>(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const answer = this.#refuse(request)
    if (answer !== undefined) {
      send(request, response, answer)
      return
    }
    void this.#answer(request, response)
  }

  #refuse({ method, headers }: IncomingMessage): StatusAnswer | undefined {
    if (method !== 'GET' && method !== 'HEAD') {
      return {
        ...plain(405, 'only GET is answered here'),
        headers: { allow: 'GET, HEAD', connection: 'close' },
      }
    }
    const hasBody =
      headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
    if (!hasBody) return undefined
    return { ...plain(413, 'a body is not read here'), headers: { connection: 'close' } }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path, query = ''] = splitOnce(request.url ?? '/', '?')
    const route = findRoute(this.#options.routes, path)
    if (route === undefined) {
      send(request, response, plain(404, 'there is no such page'))
      return
    }
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, this.#closing.signal])
    const asked = { path, query: new URLSearchParams(query), headers: request.headers, signal }
    try {
      send(request, response, await route(asked))
    } catch (error) {
      this.#options.log.warn('status page failed', { path, error })
      send(request, response, plain(500, 'the page could not be made; see the log'))
    }
  }
}

export function plain(status: number, text: string): StatusAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${text}\n` }
}

export function json(status: number, value: unknown): StatusAnswer {
  return { status, contentType: 'application/json', body: JSON.stringify(value) }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

function createLimited(tls: ServerTls | null, handler: Handler): Server {
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
  }
  const server =
    tls === null
      ? createServer(limits, handler)
      : createSecureServer(
          { ...tls.options, ...limits, handshakeTimeout: REQUEST_TIMEOUT_MS },
          handler,
        )
  if (tls !== null) tls.attach(server as ReturnType<typeof createSecureServer>)
  server.maxConnections = MAX_CONNECTIONS
  server.maxHeadersCount = MAX_HEADERS
  server.setTimeout(SILENCE_TIMEOUT_MS)
  return server
}

function send(request: IncomingMessage, response: ServerResponse, answer: StatusAnswer): void {
  if (response.destroyed || response.headersSent) return
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...answer.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : answer.body)
}

function findRoute(
  routes: ReadonlyMap<string, StatusRoute>,
  path: string,
): StatusRoute | undefined {
  const exact = routes.get(path)
  if (exact !== undefined) return exact
  const above = [...routes.keys()].filter(key => key.endsWith('/') && path.startsWith(key))
  const longest = above.sort((a, b) => b.length - a.length)[0]
  return longest === undefined ? undefined : routes.get(longest)
}

function splitOnce(text: string, separator: string): [string, string?] {
  const cut = text.indexOf(separator)
  return cut < 0 ? [text] : [text.slice(0, cut), text.slice(cut + 1)]
}
