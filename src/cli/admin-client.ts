/** Asks a running collector over its admin socket; finds the socket where only one collector runs. */
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MillraceError } from '../errors.ts'
import { type CliIo, EXIT } from './io.ts'

const MAX_ANSWER_BYTES = 64 * 1024 * 1024
const TIMEOUT_MS = 30_000

/** Where sockets are unless `--admin-socket` says otherwise: one folder a user, one socket a process. */
export function socketFolder(env: Readonly<Record<string, string | undefined>>): string {
  const { XDG_RUNTIME_DIR } = env
  return XDG_RUNTIME_DIR
    ? join(XDG_RUNTIME_DIR, 'millrace')
    : join(tmpdir(), `millrace-${process.getuid?.() ?? 0}`)
}

export function defaultSocket(env: Readonly<Record<string, string | undefined>>): string {
  return join(socketFolder(env), `${process.pid}.sock`)
}

/** Throws a coded error when there is no collector, or more than one. */
export function findSocket(
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (named !== undefined) return named
  const folder = socketFolder(env)
  const alive = listSockets(folder).filter(name => isAlive(Number.parseInt(name, 10)))
  if (alive.length === 1) return join(folder, alive[0])
  const why =
    alive.length === 0
      ? 'No collector of this user is running.'
      : `Several are running: ${alive.map(name => join(folder, name)).join(', ')}.`
  throw new MillraceError('MILLRACE_ADMIN_UNREACHABLE', why)
}

function listSockets(folder: string): string[] {
  try {
    return readdirSync(folder).filter(name => /^\d+\.sock$/.test(name))
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export interface AdminReply {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: each command knows the shape that it asked for
  readonly body: any
}

export function askAdmin(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<AdminReply> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new MillraceError('MILLRACE_ADMIN_UNREACHABLE', `${socketPath}: ${why}.`))
    const call = request({ socketPath, method, path, timeout: TIMEOUT_MS }, response => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > MAX_ANSWER_BYTES) call.destroy(new Error('the answer is too long'))
        chunks.push(chunk)
      })
      response.on('end', () => {
        try {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) })
        } catch {
          fail('the answer is not JSON')
        }
      })
    })
    call.on('timeout', () => call.destroy(new Error('no answer in time')))
    call.on('error', error => fail(error.message))
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** Of every command that asks a running collector. */
export interface SocketOptions {
  readonly socket?: string
  readonly json: boolean
}

/** Undefined when everything is said already: the answer as JSON, or why there is none. */
export async function askOrTell(
  { socket, json }: SocketOptions,
  io: CliIo,
  ...call: [method: 'GET' | 'POST', path: string, body?: object]
): Promise<AdminReply | undefined> {
  const reply = await askAdmin(findSocket(socket, io.env), ...call)
  if (reply.status >= 400) io.setExitCode(EXIT.failed)
  if (json) {
    io.stdout.write(`${JSON.stringify(reply.body, null, 2)}\n`)
    return undefined
  }
  if (reply.body.error === undefined) return reply
  io.stderr.write(`${reply.body.error}\n`)
  return undefined
}
