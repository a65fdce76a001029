/** A link by kafkajs: it connects, negotiates versions and authenticates; requests are written past its encoder. */
import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Clock } from '../../../core/clock.ts'
import type { KafkaClusterOptions, KafkaFailure, KafkaSasl } from '../client.ts'
import { codeOfName, failureOfCode, retryLater } from '../errors.ts'
import type { Link } from '../link.ts'
import { encodeRequestHead, type RequestBody } from '../protocol.ts'
import { type Broker, type Connection, loadKafkajs, quietLogger } from './internals.ts'

const KEEP_ALIVE_MS = 60_000
const NOTHING = Buffer.alloc(0)
/** Up to here, copying costs less than giving a socket several chunks. */
const SMALL = 16_384

export class KafkajsLink implements Link {
  readonly host: string
  readonly port: number
  readonly #broker: Broker
  readonly #clock: Clock
  #opening: Promise<KafkaFailure | null> | null = null

  constructor(host: string, port: number, options: KafkaClusterOptions) {
    const { clientId, rackId, connectTimeoutMs, requestTimeoutMs, sasl, tls, log } = options
    const { Broker, ConnectionPool } = loadKafkajs()
    const logger = quietLogger(log)
    const connectionPool = new ConnectionPool({
      ...{ host, port, clientId, logger, requestTimeout: requestTimeoutMs },
      rack: rackId === '' ? null : rackId,
      sasl: sasl === null ? null : saslOptions(sasl),
      ssl: tls === null ? null : {},
      socketFactory: socketFactory(tls),
      connectionTimeout: connectTimeoutMs,
      maxInFlightRequests: null,
    })
    this.host = host
    this.port = port
    this.#clock = options.clock
    this.#broker = new Broker({ connectionPool, logger, allowAutoTopicCreation: false })
  }

  get isOpen(): boolean {
    return this.#broker.isConnected()
  }

  open(): Promise<KafkaFailure | null> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  versions(apiKey: number): { readonly min: number; readonly max: number } {
    const { minVersion: min = 0, maxVersion: max = -1 } = this.#broker.versions?.[apiKey] ?? {}
    return { min, max }
  }

  async request(
    body: RequestBody,
    timeoutMs: number,
    expectResponse: boolean,
  ): Promise<Buffer | KafkaFailure> {
    const connection = this.#connection
    try {
      return await this.#exchange(connection, body, timeoutMs, expectResponse)
    } catch (error) {
      const failure = failureOf(error, `${this.host}:${this.port}`)
      // Whoever does not answer may hang: the next request gets a new connection.
      if ((error as Error).name === 'KafkaJSRequestTimeoutError') connection.socket.destroy()
      if (!connection.isConnected() || connection.socket.destroyed) await this.close()
      return failure
    }
  }

  throttle(ms: number): void {
    this.#connection.requestQueue.maybeThrottle(ms)
  }

  async close(): Promise<void> {
    for (const { requestQueue, socket } of this.#broker.connectionPool.pool) {
      socket?.destroy()
      requestQueue.rejectAll(new Error('the connection is closed'))
    }
    try {
      await this.#broker.disconnect()
    } catch {
      // It is gone either way.
    }
  }

  /** The first connection of a pool is for all requests but fetching. */
  get #connection(): Connection {
    return this.#broker.connectionPool.pool[0]
  }

  async #open(): Promise<KafkaFailure | null> {
    try {
      await this.#broker.connect()
      return null
    } catch (error) {
      await this.close()
      return failureOf(error, `${this.host}:${this.port}`)
    } finally {
      this.#opening = null
    }
  }

  #exchange(
    connection: Connection,
    body: RequestBody,
    timeoutMs: number,
    expectResponse: boolean,
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (!connection.isConnected()) throw new Error('the connection is closed')
      const correlationId = connection.nextCorrelationId()
      const { apiKey, apiName, apiVersion } = body
      const answered = ({ payload }: { readonly payload: Buffer | null }): void => {
        if (expectResponse) resolve(payload ?? NOTHING)
      }
      connection.requestQueue.push({
        entry: { apiKey, apiName, apiVersion, correlationId, resolve: answered, reject },
        expectResponse,
        requestTimeout: timeoutMs,
        sendRequest: () => {
          const head = encodeRequestHead(body, correlationId, connection.clientId)
          const { socket } = connection
          if (expectResponse) write(socket, head, body)
          else this.#writeAll(socket, head, body, timeoutMs, resolve, reject)
        },
      })
    })
  }

  /** With no answer to come, it ends when the socket has it all; one that does not get rid of it is closed. */
  #writeAll(
    socket: Socket,
    head: Uint8Array,
    body: RequestBody,
    timeoutMs: number,
    resolve: (payload: Buffer) => void,
    reject: (error: Error) => void,
  ): void {
    const timer = this.#clock.after(timeoutMs, () => socket.destroy())
    write(socket, head, body, error => {
      timer.cancel()
      // A socket that is destroyed in the middle of it reports no error.
      if (error || socket.destroyed) reject(error ?? new Error('the connection broke'))
      else resolve(NOTHING)
    })
  }
}

/** Zero copies: the socket gets the chunks in one turn, those of a small request as one. */
function write(
  socket: Socket,
  head: Uint8Array,
  { chunks, byteLength }: RequestBody,
  written?: (error?: Error | null) => void,
): void {
  if (byteLength <= SMALL) {
    socket.write(Buffer.concat([head, ...chunks], head.length + byteLength), written)
    return
  }
  socket.cork()
  socket.write(head)
  const last = chunks.length - 1
  for (let i = 0; i < last; i++) socket.write(chunks[i])
  socket.write(chunks[last], written)
  socket.uncork()
}

interface SocketPlace {
  readonly host: string
  readonly port: number
  readonly onConnect: () => void
}

export function socketFactory(tls: (() => ConnectionOptions) | null) {
  return ({ host, port, onConnect }: SocketPlace): Socket => {
    const name = isIP(host) === 0 ? { servername: host } : {}
    const socket =
      tls === null
        ? connect({ host, port }, onConnect)
        : connectTls({ host, port, ...name, ...tls() }, onConnect)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.setNoDelay(true)
    return socket
  }
}

export function saslOptions(sasl: KafkaSasl): object {
  if (sasl.mechanism === 'OAUTHBEARER') {
    const oauthBearerProvider = async () => ({ value: await sasl.token() })
    return { mechanism: 'oauthbearer', oauthBearerProvider }
  }
  const { mechanism, username, password } = sasl
  return { mechanism: mechanism.toLowerCase(), username, password: password.reveal() }
}

interface KafkajsError extends Error {
  readonly type?: string
  readonly code?: number | string
  readonly cause?: KafkajsError
}

/** kafkajs' exceptions as failures: with Kafka's code where a broker said no. */
export function failureOf(error: unknown, where: string): KafkaFailure {
  const { name, type, code, message, cause } = error as KafkajsError
  const isWrapped = name === 'KafkaJSNumberOfRetriesExceeded' || name === 'KafkaJSNonRetriableError'
  if (isWrapped && cause !== undefined && cause !== error) return failureOf(cause, where)
  if (name === 'KafkaJSSASLAuthenticationError' || type === 'SASL_AUTHENTICATION_FAILED') {
    // Credentials may be mended while the data waits.
    return retryLater(`${where}: ${message}`, 'unauthenticated')
  }
  if (type !== undefined && typeof code === 'number') {
    return failureOfCode(codeOfName(type) ?? code, where)
  }
  return retryLater(`${where}: ${message}`)
}
