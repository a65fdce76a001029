/** Where a server listens: from the endpoint of a configuration to a bound socket. */
import { lstat, unlink } from 'node:fs/promises'
import { connect, type ListenOptions, type Server } from 'node:net'
import { MillraceError } from '../errors.ts'
import { splitHostPort } from '../util/host-port.ts'

/** Waiting connections that the kernel keeps; Linux caps it at net.core.somaxconn. */
const BACKLOG = 1024

/**
 * `localhost` is 127.0.0.1, as in Go; an empty host is every interface. With the transport `unix` the endpoint is a
 * path, or an abstract name that begins with "@".
 */
export function readListenOptions(endpoint: string, transport: string): ListenOptions {
  if (transport === 'unix') {
    const path = endpoint.replace(/^unix:(\/\/)?/, '')
    return { path: path.startsWith('@') ? `\0${path.slice(1)}` : path, backlog: BACKLOG }
  }
  const parts = splitHostPort(endpoint)
  if (typeof parts === 'string') {
    throw new MillraceError('MILLRACE_START_FAILED', `${endpoint}: ${parts}`)
  }
  const { port } = parts
  const loopback = transport === 'tcp6' ? '::1' : '127.0.0.1'
  const anywhere = transport === 'tcp4' ? '0.0.0.0' : undefined
  const host = parts.host === 'localhost' ? loopback : parts.host || anywhere
  return { port, host, ipv6Only: transport === 'tcp6', backlog: BACKLOG }
}

/** Resolves when the server accepts connections; rejects with MILLRACE_START_FAILED if the address cannot be had. */
export async function listen(server: Server, options: ListenOptions): Promise<void> {
  const path = options.path
  if (path !== undefined && !path.startsWith('\0')) await removeStaleSocket(path)
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: Error) =>
      reject(new MillraceError('MILLRACE_START_FAILED', cause.message, { cause }))
    server.once('error', failed)
    server.listen(options, () => {
      server.off('error', failed)
      // Errors of accepting (too many open files) must not end the process; the next attempt may succeed.
      server.on('error', () => {})
      resolve()
    })
  })
}

/** A socket file that nobody listens on any more is left by a process that was killed. */
async function removeStaleSocket(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined)
  if (stat?.isSocket() !== true || (await answers(path))) return
  await unlink(path).catch(() => {})
}

function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
