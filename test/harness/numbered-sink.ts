/** A destination for numbered spans that can be well, slow, busy, deaf, refusing or dead, and remembers every number that it took. */
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { gunzipSync } from 'node:zlib'
import { NumberBook, scanNumbers } from './numbered-spans.ts'

/** What a destination answers; `hang` never does. */
export type Mood =
  | { readonly kind: 'well' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'busy' }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'hang' }

export const WELL: Mood = { kind: 'well' }
const UNAVAILABLE = '14'
const INVALID_ARGUMENT = '3'
const PREFIX_BYTES = 5
const WINDOW_BYTES = 8 << 20

/** A request that was taken. */
export interface Taken {
  readonly atMs: number
  readonly stream: number
  /** Number of its first span. */
  readonly first: number
  readonly spans: number
  readonly bytes: number
}

export class NumberedSink {
  /** How often each number was taken. */
  readonly arrived = new NumberBook()
  readonly taken: Taken[] = []
  /** Answers other than yes. */
  refused = 0
  /** The metadata of the last request of each stream. */
  readonly metadata = new Map<number, IncomingHttpHeaders>()
  /** Requests with a number that is marked here are bad, whatever the mood. */
  readonly poison = new NumberBook()
  readonly #moods = new Map<number, Mood>()
  readonly #sessions = new Set<ServerHttp2Session>()
  #mood: Mood = WELL
  #server: Http2Server | null = null
  #port = 0

  /** A sink that lives until `close`, on a port of its own. */
  static async start(port = 0): Promise<NumberedSink> {
    const sink = new NumberedSink()
    sink.#port = port
    await sink.revive()
    return sink
  }

  get port(): number {
    return this.#port
  }

  /** For all, or for requests whose first span is of one stream. */
  feel(mood: Mood, stream?: number): void {
    if (stream === undefined) this.#mood = mood
    else this.#moods.set(stream, mood)
  }

  /** Spans taken of a stream, each number once. */
  distinct(stream: number): number {
    return this.arrived.count(stream, times => times > 0)
  }

  /** Spans that came more than once, and how often above once, together. */
  duplicates(stream: number): number {
    let more = 0
    for (const times of this.arrived.values(stream)) if (times > 1) more += times - 1
    return more
  }

  /** Nobody listens and every connection is cut. */
  async die(): Promise<void> {
    const server = this.#server
    this.#server = null
    if (server === null) return
    const closed = new Promise(resolve => server.close(resolve))
    for (const session of this.#sessions) session.destroy()
    this.#sessions.clear()
    await closed
  }

  /** Listens again, on the port it had. */
  async revive(): Promise<void> {
    const server = createServer({
      settings: { initialWindowSize: WINDOW_BYTES, maxFrameSize: 1 << 20 },
    })
    server.on('session', session => {
      session.setLocalWindowSize(8 * WINDOW_BYTES)
      session.on('error', () => {})
      session.on('close', () => this.#sessions.delete(session))
      this.#sessions.add(session)
    })
    server.on('stream', (stream, headers) => this.#receive(stream, headers))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', () => resolve())
    })
    this.#port = (server.address() as { port: number }).port
    this.#server = server
  }

  close(): Promise<void> {
    return this.die()
  }

  #receive(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const chunks: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => this.#judge(stream, headers, Buffer.concat(chunks)))
  }

  #judge(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, message: Buffer): void {
    const body = message.subarray(PREFIX_BYTES)
    const bytes = message[0] === 1 ? gunzipSync(body) : body
    let from = -1
    let first = -1
    let isPoisoned = false
    const spans = scanNumbers(bytes, (of, number) => {
      if (from === -1) {
        from = of
        first = number
      }
      isPoisoned ||= this.poison.get(of, number) > 0
    })
    this.metadata.set(from, headers)
    const mood = this.#moods.get(from) ?? this.#mood
    if (mood.kind === 'hang') return
    if (isPoisoned || mood.kind === 'refuse') this.#refuse(stream, INVALID_ARGUMENT)
    else if (mood.kind === 'busy') this.#refuse(stream, UNAVAILABLE)
    else {
      const take = (): void => this.#take(stream, bytes, { stream: from, first, spans })
      if (mood.kind === 'slow') setTimeout(take, mood.ms)
      else take()
    }
  }

  #refuse(stream: ServerHttp2Stream, status: string): void {
    this.refused++
    answer(stream, status)
  }

  /** Not taken when the connection is gone by then: nobody was told. */
  #take(answerTo: ServerHttp2Stream, bytes: Buffer, of: Omit<Taken, 'atMs' | 'bytes'>): void {
    if (answerTo.destroyed) return
    scanNumbers(bytes, (stream, number) => this.arrived.add(stream, number))
    this.taken.push({ atMs: performance.now(), ...of, bytes: bytes.length })
    answer(answerTo, '0')
  }
}

function answer(stream: ServerHttp2Stream, status: string): void {
  if (stream.destroyed) return
  const head = { ':status': 200, 'content-type': 'application/grpc' }
  if (status !== '0') {
    stream.respond({ ...head, 'grpc-status': status }, { endStream: true })
    return
  }
  stream.respond(head, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
  stream.end(Buffer.alloc(PREFIX_BYTES))
}
