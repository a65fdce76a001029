/**
 * Reads plain sockets into one buffer that all of them share, instead of a new one of 64 KiB for each read: those were
 * a quarter of the CPU at small requests, in allocation and in garbage collection. Who reads must be done with the
 * bytes, or have copied them, when it returns.
 */
import { connect, type NetConnectOpts, Socket, type SocketConstructorOpts } from 'node:net'
import { noteReceivedBytes } from '../util/young-collector.ts'

type TakeChunk = (chunk: Buffer) => void

/** Larger reads save few system calls, and leave the cache. */
const BUFFER_BYTES = 64 << 10

const shared = Buffer.allocUnsafeSlow(BUFFER_BYTES)
/** Sockets that read in place, and who takes what they read. */
const takers = new WeakMap<Socket, { take: TakeChunk }>()

/** A plain client socket that reads in place. */
export function connectInPlace(where: NetConnectOpts): Socket {
  const { taker, onread } = makeReader()
  const socket = connect({ ...where, onread })
  takers.set(socket, taker)
  return socket
}

/**
 * Has an accepted socket, of which nothing was read, read in place: returns the socket to use in its stead. Node has no
 * option for it on servers, so the handle moves to a socket that is made with one; where it cannot be had, or what was
 * accepted is not plain, the socket itself comes back and reads as ever.
 */
export function readInPlace(accepted: Socket): Socket {
  const owner = accepted as unknown as { _handle: { useUserBuffer?: unknown } | null }
  const handle = owner._handle
  if (accepted.constructor !== Socket || typeof handle?.useUserBuffer !== 'function') {
    return accepted
  }
  owner._handle = null
  const { taker, onread } = makeReader()
  const options = { handle, allowHalfOpen: accepted.allowHalfOpen, onread }
  const socket = new Socket(options as SocketConstructorOpts)
  takers.set(socket, taker)
  // The server counts its connections by the sockets that it made.
  socket.once('close', () => accepted.destroy())
  return socket
}

/** Has `take` called with all that the socket reads from now on; to be called in the turn in which it was made. */
export function onChunk(socket: Socket, take: TakeChunk): void {
  const taker = takers.get(socket)
  if (taker !== undefined) taker.take = take
  else {
    socket.on('data', (chunk: Buffer) => {
      noteReceivedBytes(chunk.length)
      take(chunk)
    })
  }
}

/**
 * Has `open` called when the first bytes come, which must have somebody take them by `onChunk`. Only for sockets that read
 * in place; false: this one does not.
 */
export function onFirstChunk(socket: Socket, open: () => void): boolean {
  const taker = takers.get(socket)
  if (taker === undefined) return false
  taker.take = first => {
    taker.take = ignore
    open()
    taker.take(first)
  }
  return true
}

function ignore(): void {}

function makeReader() {
  const taker: { take: TakeChunk } = { take: ignore }
  const callback = (length: number): boolean => {
    taker.take(shared.subarray(0, length))
    return true
  }
  return { taker, onread: { buffer: shared, callback } }
}
