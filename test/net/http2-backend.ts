/** A gRPC backend in the raw, on `node:http2`: answers each call as a test says, misbehaviour included. */
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface Call {
  readonly headers: IncomingHttpHeaders
  readonly stream: ServerHttp2Stream
  /** The message without its prefix, and its compressed flag. */
  readonly message: Buffer
  readonly flag: number
}

export interface Http2Backend {
  readonly port: number
  readonly server: Http2Server
  readonly calls: Call[]
  readonly sessions: ServerHttp2Session[]
  readonly sockets: Socket[]
  /** What to do with a call once its message is complete. */
  answer: (call: Call) => void
  /** Called when the headers have come; answers before the message if set. */
  onHeaders: ((stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void) | null
  close(): Promise<void>
}

const OK_HEADERS = { ':status': 200, 'content-type': 'application/grpc+proto' }

/** A message with its prefix. */
export function framed(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flag
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** Headers, a message, and trailers. */
export function answerOk(
  { stream }: Pick<Call, 'stream'>,
  message: Uint8Array = new Uint8Array(0),
  headers: Record<string, string> = {},
): void {
  stream.respond({ ...OK_HEADERS, ...headers }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(framed(message, headers['grpc-encoding'] === undefined ? 0 : 1))
}

/** Trailers only. */
export function answerStatus(
  { stream }: Pick<Call, 'stream'>,
  status: number,
  trailers: Record<string, string> = {},
): void {
  stream.respond({ ...OK_HEADERS, 'grpc-status': String(status), ...trailers }, { endStream: true })
}

export async function startHttp2Backend(
  t: TestContext,
  options: ServerOptions = {},
  port = 0,
): Promise<Http2Backend> {
  const server = createServer(options)
  const calls: Call[] = []
  const sessions: ServerHttp2Session[] = []
  const sockets: Socket[] = []
  const backend: Http2Backend = {
    port: 0,
    server,
    calls,
    sessions,
    sockets,
    answer: answerOk,
    onHeaders: null,
    close: async () => {
      for (const session of sessions) session.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
  server.on('connection', (socket: Socket) => sockets.push(socket))
  server.on('session', session => {
    sessions.push(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    if (backend.onHeaders !== null) {
      backend.onHeaders(stream, headers)
      return
    }
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const body = Buffer.concat(chunks)
      const call = { headers, stream, message: body.subarray(5), flag: body[0] }
      calls.push(call)
      backend.answer(call)
    })
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  t.after(() => backend.close())
  return Object.assign(backend, { port: (server.address() as AddressInfo).port })
}
