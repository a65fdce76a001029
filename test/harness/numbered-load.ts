/** Sends numbered spans over gRPC and remembers what was answered for each: the sender's side of the book. */
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { countRejected } from '../../src/cli/generate/answers.ts'
import { GRPC_EXPORT_PATH } from '../../src/core/signal.ts'
import { NumberBook, NumberedRequests } from './numbered-spans.ts'

/** What became of a number, from the sender's point of view. */
export const FATE = { none: 0, unknown: 1, accepted: 2, refused: 3 } as const

const DEADLINE_MS = 20_000
/** Waits of a sender that was told no, and of one that found nobody. */
const REFUSED_PAUSE_MS = 20
const FAILED_PAUSE_MS = 20
const OK = 0
const SILENT = -1
const PREFIX_BYTES = 5

export interface LoadOptions {
  readonly port: number
  /** Who sends; destinations tell streams apart by it. */
  readonly stream: number
  readonly metadata?: Readonly<Record<string, string>>
  /** Requests in turn have one of these values in a further key: many tenants in one load. */
  readonly inTurn?: { readonly key: string; readonly values: readonly string[] }
  /** Another address of loopback, for who must not be taken for somebody else. */
  readonly from?: string
  /** Spans a request. */
  readonly spans?: number
  readonly paddingBytes?: number
  readonly inFlight?: number
  readonly connections?: number
  /** Spans a second; 0 = as many as are answered. */
  readonly rate?: number
  /** Ends by itself after so many requests. */
  readonly requests?: number
  /** Numbers go on from here, so that two loads of a stream do not share any. */
  readonly firstNumber?: number
  /** Where fates are written; loads may share one. */
  readonly book?: NumberBook
}

export interface LoadCounts {
  accepted: number
  refused: number
  unknown: number
  /** Of accepted requests, but not taken (partial success); nobody says which they are. */
  rejected: number
  requests: number
  readonly byCode: Map<number, number>
}

export class NumberedLoad {
  readonly stream: number
  readonly fates: NumberBook
  /** Milliseconds until each request was accepted. */
  readonly latenciesMs: number[] = []
  readonly counts: LoadCounts = {
    accepted: 0,
    refused: 0,
    unknown: 0,
    rejected: 0,
    requests: 0,
    byCode: new Map(),
  }
  readonly done: Promise<void>
  readonly #options: LoadOptions
  readonly #requests: NumberedRequests
  readonly #connections: Connection[]
  readonly #startMs = performance.now()
  #begun = 0
  #stopped = false

  constructor(options: LoadOptions) {
    const { spans = 100, paddingBytes, inFlight = 4, connections = 1, book } = options
    this.#options = options
    this.stream = options.stream
    this.fates = book ?? new NumberBook()
    this.#requests = new NumberedRequests(spans, `stream-${options.stream}`, paddingBytes)
    this.#connections = Array.from({ length: connections }, () => new Connection(options))
    this.done = this.#run(inFlight)
  }

  get nextNumber(): number {
    return (this.#options.firstNumber ?? 0) + this.#begun * this.#requests.spans
  }

  get seconds(): number {
    return (performance.now() - this.#startMs) / 1000
  }

  /** No new requests; resolves once all are answered or given up. */
  async stop(): Promise<this> {
    this.#stopped = true
    await this.done
    return this
  }

  async #run(inFlight: number): Promise<void> {
    await Promise.all(
      Array.from({ length: inFlight }, (_, i) =>
        this.#send(this.#connections[i % this.#connections.length]),
      ),
    )
    for (const connection of this.#connections) connection.close()
  }

  async #send(connection: Connection): Promise<void> {
    const { requests = Number.POSITIVE_INFINITY, rate = 0 } = this.#options
    const { spans } = this.#requests
    while (!this.#stopped && this.#begun < requests) {
      const first = this.nextNumber
      const dueMs = rate === 0 ? 0 : this.#startMs + ((this.#begun * spans) / rate) * 1000
      this.#begun++
      const waitMs = dueMs - performance.now()
      if (waitMs > 0.5) await sleep(waitMs)
      if (this.#stopped) return
      await this.#sendOne(connection, first)
    }
  }

  async #sendOne(connection: Connection, first: number): Promise<void> {
    const { stream } = this
    this.#mark(first, FATE.unknown)
    const message = this.#requests.message(stream, first)
    const startMs = performance.now()
    const { spans } = this.#requests
    const { code, rejected } = await connection.call(message, first / spans)
    const { counts } = this
    counts.requests++
    counts.byCode.set(code, (counts.byCode.get(code) ?? 0) + 1)
    if (code === OK && rejected > 0) {
      counts.accepted += spans - rejected
      counts.rejected += rejected
    } else if (code === OK) {
      this.latenciesMs.push(performance.now() - startMs)
      this.#mark(first, FATE.accepted)
      counts.accepted += spans
    } else if (code === SILENT) {
      counts.unknown += spans
      await sleep(FAILED_PAUSE_MS)
    } else {
      this.#mark(first, FATE.refused)
      counts.refused += spans
      await sleep(REFUSED_PAUSE_MS)
    }
  }

  #mark(first: number, fate: number): void {
    for (let n = first; n < first + this.#requests.spans; n++) {
      this.fates.set(this.stream, n, fate)
    }
  }
}

interface Answer {
  /** Of gRPC, or -1 when none came: the request may or may not have been taken. */
  readonly code: number
  readonly rejected: number
}

/** One HTTP/2 connection, opened when it is needed. */
class Connection {
  readonly #port: number
  readonly #from: string | undefined
  readonly #headers: Readonly<Record<string, string>>
  readonly #inTurn: LoadOptions['inTurn']
  #session: ClientHttp2Session | null = null

  constructor({ port, from, metadata, inTurn }: LoadOptions) {
    this.#port = port
    this.#from = from
    this.#inTurn = inTurn
    this.#headers = {
      ':method': 'POST',
      ':path': GRPC_EXPORT_PATH.traces,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...metadata,
    }
  }

  call(message: Buffer, number: number): Promise<Answer> {
    return new Promise(resolve => {
      let code = SILENT
      const chunks: Buffer[] = []
      const stream = this.#open().request(this.#headersOf(number))
      const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), DEADLINE_MS)
      const read = (headers: Record<string, unknown>): void => {
        const status = headers['grpc-status']
        if (status !== undefined) code = Number(status)
      }
      stream.on('response', read)
      stream.on('trailers', read)
      stream.on('error', () => {})
      stream.on('close', () => {
        clearTimeout(timer)
        const response = Buffer.concat(chunks).subarray(PREFIX_BYTES)
        resolve({ code, rejected: countRejected('traces', response, 'proto') })
      })
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.end(message)
    })
  }

  close(): void {
    this.#session?.destroy()
  }

  #headersOf(number: number): Readonly<Record<string, string>> {
    if (this.#inTurn === undefined) return this.#headers
    const { key, values } = this.#inTurn
    return { ...this.#headers, [key]: values[number % values.length] }
  }

  #open(): ClientHttp2Session {
    if (this.#session !== null && !this.#session.closed && !this.#session.destroyed) {
      return this.#session
    }
    const to = { port: this.#port, host: '127.0.0.1', localAddress: this.#from }
    const session = connect(`http://127.0.0.1:${this.#port}`, {
      createConnection: () => connectTcp(to),
    })
    session.on('error', () => {})
    // An answered "go away" still lets open calls end; new ones need another connection.
    session.on('goaway', () => {
      if (this.#session === session) this.#session = null
    })
    this.#session = session
    return session
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
