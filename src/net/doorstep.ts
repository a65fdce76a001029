/**
 * Connections on which nothing has come yet. A server keeps no more of them than the socket: what a connection needs to be
 * served is some 20 KiB, which who only connects shall not get.
 */
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.ts'
import type { CutReason } from './grpc-transport.ts'
import type { Guest } from './guests.ts'
import { onFirstChunk } from './read-in-place.ts'

/** Within this time something must come. */
export const SILENCE_TIMEOUT_MS = 10_000
/** Ended at once, and the pause until the next: ten thousand at once would hold up everybody else for half a second. */
const MOST_ENDED = 5
const PAUSE_MS = 50

interface Waiting {
  readonly socket: Socket
  readonly guest: Guest
  readonly sinceMs: number
}

export class Doorstep {
  readonly #clock: Clock
  readonly #open: (socket: Socket, guest: Guest) => void
  readonly #onCut: (reason: CutReason) => void
  /** The oldest first. */
  readonly #waiting = new Set<Waiting>()
  /** There are more to be ended. */
  #again: Timer | null = null

  /** `open` takes a connection over, in the turn in which its first bytes come. */
  constructor(
    clock: Clock,
    open: (socket: Socket, guest: Guest) => void,
    onCut: (reason: CutReason) => void,
  ) {
    this.#clock = clock
    this.#open = open
    this.#onCut = onCut
  }

  get size(): number {
    return this.#waiting.size
  }

  /** False: it is not a socket that can wait here. */
  wait(socket: Socket, guest: Guest): boolean {
    const one: Waiting = { socket, guest, sinceMs: this.#clock.monotonic() }
    const onEnd = (): void => void socket.destroy()
    const onClose = (): void => {
      if (this.#waiting.delete(one)) guest.leave()
    }
    const isWaiting = onFirstChunk(socket, () => {
      socket.removeListener('error', onEnd).removeListener('end', onEnd)
      socket.removeListener('close', onClose)
      this.#waiting.delete(one)
      this.#open(socket, guest)
    })
    if (!isWaiting) return false
    this.#waiting.add(one)
    guest.evict = () => this.#end(one, 'too_many_connections')
    socket.on('error', onEnd).on('end', onEnd).on('close', onClose)
    return true
  }

  /** Ends those that have been silent for too long, a few at a time. */
  look(): void {
    if (this.#again !== null) return
    const untilMs = this.#clock.monotonic() - SILENCE_TIMEOUT_MS
    let ended = 0
    for (const one of this.#waiting) {
      if (one.sinceMs > untilMs) return
      if (ended++ === MOST_ENDED) break
      this.#end(one, 'no_preface')
    }
    if (ended <= MOST_ENDED) return
    this.#again = this.#clock.after(PAUSE_MS, () => {
      this.#again = null
      this.look()
    })
  }

  #end(one: Waiting, why: CutReason): void {
    if (!this.#waiting.delete(one)) return
    this.#onCut(why)
    one.guest.leave()
    one.socket.destroy()
  }

  /** Nothing has come of them, so nothing is lost. */
  close(): void {
    this.#again?.cancel()
    for (const { socket } of this.#waiting) socket.destroy()
  }
}
