/** A link by `@platformatic/kafka`: its connections, our requests. */
import type { KafkaClusterOptions, KafkaFailure } from '../client.ts'
import { retryLater } from '../errors.ts'
import type { Link } from '../link.ts'
import type { RequestBody } from '../protocol.ts'
import { isFailure } from '../wire.ts'
import {
  connectionOptions,
  type PlatformaticConnection,
  type PlatformaticLibrary,
} from './library.ts'

const API_VERSIONS = 18
const NO_VERSIONS = { min: 0, max: -1 }

export class PlatformaticLink implements Link {
  readonly host: string
  readonly port: number
  readonly #library: PlatformaticLibrary
  readonly #options: KafkaClusterOptions
  #connection: PlatformaticConnection | null = null
  #versions: ReadonlyMap<number, { readonly min: number; readonly max: number }> | null = null
  #opening: Promise<KafkaFailure | null> | null = null
  #throttledUntilMs = 0

  constructor(
    library: PlatformaticLibrary,
    host: string,
    port: number,
    options: KafkaClusterOptions,
  ) {
    this.#library = library
    this.host = host
    this.port = port
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#versions !== null && this.#connection?.isConnected() === true
  }

  open(): Promise<KafkaFailure | null> {
    this.#opening ??= this.#open().finally(() => (this.#opening = null))
    return this.#opening
  }

  versions(apiKey: number): { readonly min: number; readonly max: number } {
    return this.#versions?.get(apiKey) ?? NO_VERSIONS
  }

  async request(
    body: RequestBody,
    timeoutMs: number,
    expectResponse: boolean,
  ): Promise<Buffer | KafkaFailure> {
    const { clock } = this.#options
    const waitMs = this.#throttledUntilMs - clock.monotonic()
    if (waitMs > 0) await new Promise<void>(done => clock.after(waitMs, done))
    const connection = this.#connection
    if (connection === null) return retryLater(`${this.#address}: the connection is closed`)
    const answer = await this.#exchange(connection, body, timeoutMs, expectResponse)
    // Whoever does not answer may hang: the next request gets a new connection.
    if (isFailure(answer)) await this.close()
    return answer
  }

  throttle(ms: number): void {
    this.#throttledUntilMs = this.#options.clock.monotonic() + ms
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    this.#versions = null
    connection?.socket?.destroy()
    try {
      await connection?.close()
    } catch {
      // It is gone either way.
    }
  }

  get #address(): string {
    return `${this.host}:${this.port}`
  }

  async #open(): Promise<KafkaFailure | null> {
    if (this.isOpen) return null
    await this.close()
    const { Connection } = this.#library
    const connection = new Connection(
      this.#options.clientId,
      connectionOptions(this.#options, this.host),
    )
    // An error without a listener would end the process; what it means is told by whoever waits.
    connection.on('error', () => {})
    try {
      await connection.connect(this.host, this.port)
    } catch (error) {
      return this.#failureOf(error)
    }
    this.#connection = connection
    return this.#readVersions()
  }

  async #readVersions(): Promise<KafkaFailure | null> {
    const body = { apiKey: API_VERSIONS, apiVersion: 0, apiName: 'ApiVersions' }
    const timeoutMs = this.#options.connectTimeoutMs
    const answer = await this.request({ ...body, chunks: [], byteLength: 0 }, timeoutMs, true)
    if (isFailure(answer)) return answer
    const versions = new Map<number, { min: number; max: number }>()
    for (let at = 6; at + 6 <= answer.length; at += 6) {
      const [min, max] = [answer.readInt16BE(at + 2), answer.readInt16BE(at + 4)]
      versions.set(answer.readInt16BE(at), { min, max })
    }
    this.#versions = versions
    return null
  }

  #exchange(
    connection: PlatformaticConnection,
    body: RequestBody,
    timeoutMs: number,
    expectResponse: boolean,
  ): Promise<Buffer | KafkaFailure> {
    return new Promise(resolve => {
      const timer = this.#options.clock.after(timeoutMs, () =>
        resolve(retryLater(`${this.#address}: no answer within ${timeoutMs} ms`)),
      )
      connection.send(
        body.apiKey,
        body.apiVersion,
        () => this.#write(body, expectResponse),
        (_correlationId, _apiKey, _apiVersion, reader) => reader.buffer.slice(),
        false,
        false,
        (error, payload) => {
          timer.cancel()
          if (error !== null && error !== undefined) resolve(this.#failureOf(error))
          else resolve(expectResponse ? payload! : Buffer.alloc(0))
        },
      )
    })
  }

  #write({ chunks }: RequestBody, expectResponse: boolean) {
    const writer = this.#library.Writer.create()
    for (const chunk of chunks) {
      writer.append(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    }
    if (!expectResponse) writer.context.noResponse = true
    return writer
  }

  /** The innermost cause says most. */
  #failureOf(error: unknown): KafkaFailure {
    const messages: string[] = []
    let isDenied = false
    for (let cause = error as ErrorWithCode | undefined; cause !== undefined; cause = next(cause)) {
      isDenied ||= cause.code === 'PLT_KFK_AUTHENTICATION'
      isDenied ||= cause.apiId === 'SASL_AUTHENTICATION_FAILED'
      messages.push(cause.message)
    }
    const reason = isDenied ? 'unauthenticated' : 'unavailable'
    return retryLater(`${this.#address}: ${messages.at(-1)}`, reason)
  }
}

interface ErrorWithCode extends Error {
  readonly code?: string
  readonly apiId?: string
  readonly errors?: readonly ErrorWithCode[]
}

function next(error: ErrorWithCode): ErrorWithCode | undefined {
  return (error.cause as ErrorWithCode | undefined) ?? error.errors?.[0]
}
