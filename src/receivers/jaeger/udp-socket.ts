/** A UDP socket that listens: its address, its buffer in the kernel, and what the kernel dropped because that was full. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { MillraceError } from '../../errors.ts'
import { splitHostPort } from '../../util/host-port.ts'

export type TakePacket = (bytes: Uint8Array, from: RemoteInfo) => void

export interface UdpOptions {
  /** `localhost` is 127.0.0.1, as in Go; an empty host is every interface. */
  readonly endpoint: string
  /** 0: the system's default. */
  readonly bufferBytes: number
}

/** Turns of the event loop in which a socket that closes still reads what the kernel has. */
const LAST_TURNS = 32

export class UdpSocket {
  readonly #socket: Socket
  #hasCome = false

  private constructor(socket: Socket, take: TakePacket) {
    this.#socket = socket
    socket.on('message', (bytes, from) => {
      this.#hasCome = true
      take(bytes, from)
    })
    // Such as an answer that one of our own packets could not be delivered; we send none.
    socket.on('error', () => {})
  }

  /** Rejects with MILLRACE_START_FAILED if the address cannot be had. */
  static async open(options: UdpOptions, take: TakePacket): Promise<UdpSocket> {
    const parts = splitHostPort(options.endpoint)
    if (typeof parts === 'string') {
      throw new MillraceError('MILLRACE_START_FAILED', `${options.endpoint}: ${parts}`)
    }
    const { port } = parts
    const host = parts.host === 'localhost' ? '127.0.0.1' : parts.host
    const socket =
      host === ''
        ? await bindAnywhere(port, options)
        : await bind(isIP(host) === 6 ? 'udp6' : 'udp4', port, host, options)
    return new UdpSocket(socket, take)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** What the kernel gives, which may be less than was asked for. Linux doubles what is set, for its own books. */
  get bufferBytes(): number {
    return this.#socket.getRecvBufferSize()
  }

  /** Packets that the kernel dropped since the socket was opened; 0 where it does not tell. */
  droppedByKernel(): number {
    return readKernelDrops(this.port)
  }

  /** Reads what has come by now, and closes. */
  async close(): Promise<void> {
    for (let turn = 0; turn < LAST_TURNS; turn++) {
      this.#hasCome = false
      // Two, because the first may run before the socket is polled.
      for (let i = 0; i < 2; i++) await new Promise<void>(resolve => setImmediate(resolve))
      if (!this.#hasCome) break
    }
    await new Promise<void>(resolve => this.#socket.close(() => resolve()))
  }
}

/** Both families at once, or only IPv4 on machines without IPv6. */
async function bindAnywhere(port: number, options: UdpOptions): Promise<Socket> {
  try {
    return await bind('udp6', port, '::', options)
  } catch (error) {
    const { code } = (error as Error).cause as NodeJS.ErrnoException
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL' && code !== 'EINVAL') throw error
    return bind('udp4', port, '0.0.0.0', options)
  }
}

function bind(
  type: 'udp4' | 'udp6',
  port: number,
  address: string,
  { bufferBytes }: UdpOptions,
): Promise<Socket> {
  const socket = createSocket({ type, ...(bufferBytes > 0 && { recvBufferSize: bufferBytes }) })
  return new Promise((resolve, reject) => {
    socket.once('error', cause => {
      socket.close()
      reject(new MillraceError('MILLRACE_START_FAILED', cause.message, { cause }))
    })
    socket.bind({ port, address, exclusive: true }, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

/**
 * Linux tells in /proc/net/udp and udp6, one line a socket: `sl local_address rem_address st ... drops`, the port in
 * hexadecimal behind the last colon of the address, the drops last.
 */
function readKernelDrops(port: number): number {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  let drops = 0
  for (const file of ['/proc/net/udp', '/proc/net/udp6']) {
    let text: string
    try {
      text = readFileSync(file, 'latin1')
    } catch {
      continue
    }
    for (const line of text.split('\n')) {
      const columns = line.trim().split(/\s+/)
      if (columns[1]?.endsWith(end) === true) drops += Number(columns.at(-1)) || 0
    }
  }
  return drops
}
