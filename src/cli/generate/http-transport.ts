/** Generated requests over HTTP, by undici. */
import { Pool } from 'undici'
import { HTTP_EXPORT_PATH, type Signal } from '../../core/signal.ts'
import { compress } from '../../net/compression.ts'
import { countRejected } from './answers.ts'
import type { LoadCompression, LoadOptions } from './options.ts'
import type { Answer, Identity, Transport } from './transport.ts'

/** The statuses that the OTLP specification calls retryable. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504])

export class HttpTransport implements Transport {
  readonly #pools: readonly Pool[]
  readonly #headers: Readonly<Record<string, string>>
  readonly #prefix: string
  readonly #compression: LoadCompression
  readonly #encoding: 'proto' | 'json'

  constructor(options: LoadOptions, identity: Identity) {
    const { compression, protocol, connections } = options
    const url = new URL(options.target)
    this.#prefix = url.pathname.replace(/\/$/, '')
    this.#compression = compression
    this.#encoding = protocol === 'http-json' ? 'json' : 'proto'
    this.#headers = {
      'content-type': this.#encoding === 'json' ? 'application/json' : 'application/x-protobuf',
      ...(compression === 'none' ? {} : { 'content-encoding': compression }),
      ...Object.fromEntries(options.headers),
    }
    const poolOptions = optionsOfPool(options, identity)
    this.#pools = Array.from({ length: connections }, () => new Pool(url.origin, poolOptions))
  }

  async send(signal: Signal, body: Buffer, connection: number): Promise<Answer> {
    try {
      const compression = this.#compression
      const packed =
        compression === 'none' ? body : await compress(compression, [body], body.length)
      const { statusCode, body: answer } = await this.#pools[connection].request({
        path: `${this.#prefix}${HTTP_EXPORT_PATH[signal]}`,
        method: 'POST',
        headers: this.#headers,
        body: packed,
      })
      const response = Buffer.from(await answer.arrayBuffer())
      if (statusCode !== 200) {
        return { kind: 'refused', code: String(statusCode), busy: BUSY_STATUSES.has(statusCode) }
      }
      return { kind: 'accepted', rejected: countRejected(signal, response, this.#encoding) }
    } catch (cause) {
      return { kind: 'failed', message: (cause as Error).message }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map(pool => pool.close()))
  }
}

function optionsOfPool(options: LoadOptions, { ca, cert, key }: Identity): Pool.Options {
  const { connections, inFlight, timeoutMs, skipVerify } = options
  return {
    connections: Math.ceil(inFlight / connections),
    bodyTimeout: timeoutMs,
    headersTimeout: timeoutMs,
    connect: {
      ca: ca ?? undefined,
      cert: cert ?? undefined,
      key: key ?? undefined,
      rejectUnauthorized: !skipVerify,
    },
  }
}
