/** Senders who misbehave, each in its own way, all from an address of their own. Runs as a process of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { GRPC_EXPORT_PATH } from '../../src/core/signal.ts'
import { NumberedLoad } from './numbered-load.ts'

export const NOISES = [
  'over_quota',
  'huge_requests',
  'connections',
  'slow_bodies',
  'bad_auth',
] as const
export type NoiseKind = (typeof NOISES)[number]

export interface NoiseOptions {
  readonly kind: NoiseKind
  readonly port: number
  /** Credentials of the tenant that misbehaves. */
  readonly metadata: Readonly<Record<string, string>>
  /** Spans a second of `over_quota`. */
  readonly rate: number
}

export const NOISE_STREAM = 666
const NOISE_ADDRESS = '127.0.0.2'
const CONNECTIONS = 10_000
/** Connections are opened in groups, so that the listener's backlog is not what fails. */
const CONNECT_GROUP = 100
const HUGE_BYTES = 48 << 20
/** With less Node itself gives up on calls while what others had to say is still to be sent. */
const SESSION_MIB = 256
const SLOW_STREAMS = 500
const SLOW_SESSIONS = 5
/** Each slow body gets a byte in one of so many ticks, so that they do not all come at once. */
const SLOW_TICKS = 10
const SLOW_TICK_MS = 10
const BAD_IN_FLIGHT = 16
const BAD_PER_SECOND = 500
/** The noise gives way to those who are measured: it stands for other machines. */
const NICENESS = 10

/** Starts to misbehave until the returned function is called. */
export async function makeNoise(options: NoiseOptions): Promise<() => Promise<void>> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)], {
    execArgv: ['--import', 'tsx'],
  })
  setPriority(child.pid!, NICENESS)
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', code => reject(new Error(`noise ended with ${code}`)))
  })
  return () => endOf(child)
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    child.once('exit', () => resolve())
    child.kill()
  })
}

async function serve(options: NoiseOptions): Promise<void> {
  process.on('disconnect', () => process.exit(0))
  await WAYS[options.kind](options)
  process.send!('noisy')
}

const WAYS: Readonly<Record<NoiseKind, (options: NoiseOptions) => void | Promise<void>>> = {
  over_quota: ({ port, metadata, rate }) => {
    new NumberedLoad({
      ...{ port, metadata, rate, from: NOISE_ADDRESS },
      ...{ stream: NOISE_STREAM, spans: 100, inFlight: 64, connections: 4 },
    })
  },
  bad_auth: ({ port }) => {
    const metadata = { authorization: 'Bearer mr_000000000000_nobody' }
    new NumberedLoad({
      ...{ port, metadata, rate: BAD_PER_SECOND, from: NOISE_ADDRESS },
      ...{ stream: NOISE_STREAM, spans: 1, inFlight: BAD_IN_FLIGHT, connections: 4 },
    })
  },
  huge_requests: options => void sendHuge(options),
  connections: ({ port }) => openMany(port),
  slow_bodies: sendSlowly,
}

async function openMany(port: number): Promise<void> {
  const open = new Set<Socket>()
  for (let i = 0; i < CONNECTIONS; i += CONNECT_GROUP) {
    await Promise.all(Array.from({ length: CONNECT_GROUP }, () => openOne(port, open)))
  }
}

/** Resolves however it ends; kept for as long as the other side lets it. */
function openOne(port: number, open: Set<Socket>): Promise<void> {
  return new Promise(resolve => {
    const socket = connectTcp({ port, host: '127.0.0.1', localAddress: NOISE_ADDRESS })
    socket.once('connect', () => {
      open.add(socket)
      resolve()
    })
    socket.on('error', () => {})
    socket.once('close', () => {
      open.delete(socket)
      resolve()
    })
  })
}

function sessionTo(port: number): ClientHttp2Session {
  const to = { port, host: '127.0.0.1', localAddress: NOISE_ADDRESS }
  const session = connect(`http://127.0.0.1:${port}`, {
    createConnection: () => connectTcp(to),
    maxSessionMemory: SESSION_MIB,
  })
  session.on('error', () => {})
  return session
}

function begin(session: ClientHttp2Session, { metadata }: NoiseOptions): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': GRPC_EXPORT_PATH.traces,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...metadata,
  })
  stream.on('error', () => {})
  stream.resume()
  return stream
}

/** One after the other, each promised and sent as a whole. */
async function sendHuge(options: NoiseOptions): Promise<void> {
  const message = Buffer.alloc(HUGE_BYTES + 5, 0x0a)
  message.writeUInt8(0, 0)
  message.writeUInt32BE(HUGE_BYTES, 1)
  let session = sessionTo(options.port)
  for (;;) {
    if (session.destroyed || session.closed) session = sessionTo(options.port)
    const stream = begin(session, options)
    const ended = new Promise(resolve => stream.once('close', resolve))
    stream.end(message)
    await ended
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Each promises a large message and sends a byte from time to time. */
function sendSlowly(options: NoiseOptions): void {
  const sessions = Array.from({ length: SLOW_SESSIONS }, () => sessionTo(options.port))
  const streams: (ClientHttp2Stream | null)[] = new Array(SLOW_STREAMS).fill(null)
  let tick = 0
  setInterval(() => {
    tick = (tick + 1) % SLOW_TICKS
    for (let i = tick; i < streams.length; i += SLOW_TICKS) streams[i] = trickle(streams[i], i)
  }, SLOW_TICK_MS)

  function trickle(stream: ClientHttp2Stream | null, i: number): ClientHttp2Stream {
    if (stream?.writable && !stream.destroyed) {
      stream.write(Buffer.alloc(1))
      return stream
    }
    const at = i % SLOW_SESSIONS
    if (sessions[at].destroyed || sessions[at].closed) sessions[at] = sessionTo(options.port)
    const next = begin(sessions[at], options)
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(1 << 20, 1)
    next.write(prefix)
    return next
  }
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  await serve(JSON.parse(process.argv[2]) as NoiseOptions)
}
