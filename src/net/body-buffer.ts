/**
 * Collects a body in one buffer out of reserved room. A claimed length alone takes no more than a first stretch; larger
 * bodies get their room as they come, so that lying about lengths does not eat up the budget of others.
 */
import type { RpcStatus } from './status.ts'

/** Where room for bodies comes from. No function of it throws. */
export interface Room {
  /** A buffer of exactly this many bytes, reserved in the memory budget; or what to answer instead. */
  reserve(bytes: number): Uint8Array | RpcStatus
  /** The first `length` bytes of a buffer; the rest of the reservation ends. */
  fit(buffer: Uint8Array, length: number): Uint8Array
  /** Takes back a buffer whose body never became whole. */
  giveBack(buffer: Uint8Array): void
}

const FIRST_ROOM_BYTES = 1 << 20
const GROWTH = 4

export class BodyBuffer {
  readonly #room: Room
  /** The body's length, or the most that it may have. */
  readonly #bound: number
  #bytes: Uint8Array | undefined
  #length = 0

  constructor(room: Room, bound: number) {
    this.#room = room
    this.#bound = bound
  }

  get length(): number {
    return this.#length
  }

  /** Takes the first room, for `expected` bytes. Returns why not. */
  open(expected: number): RpcStatus | undefined {
    return this.#reserve(Math.min(expected, this.#bound, FIRST_ROOM_BYTES))
  }

  /** Adds the bytes of `chunk` between these offsets; they must fit the bound. Returns why not. */
  append(chunk: Uint8Array, from: number, to: number): RpcStatus | undefined {
    const needed = this.#length + to - from
    if (needed > this.#bytes!.length) {
      const fault = this.#grow(needed)
      if (fault !== undefined) return fault
    }
    const isWhole = from === 0 && to === chunk.length
    this.#bytes!.set(isWhole ? chunk : chunk.subarray(from, to), this.#length)
    this.#length = needed
    return undefined
  }

  /** The body; the caller owns it and its reservation. */
  take(): Uint8Array {
    const bytes = this.#bytes!
    this.#bytes = undefined
    return bytes.length === this.#length ? bytes : this.#room.fit(bytes, this.#length)
  }

  /** Gives the room back, unless the body was taken. Safe at any time. */
  drop(): void {
    if (this.#bytes !== undefined) this.#room.giveBack(this.#bytes)
    this.#bytes = undefined
  }

  #reserve(bytes: number): RpcStatus | undefined {
    const room = this.#room.reserve(bytes)
    if ('code' in room) return room
    this.#bytes = room
    return undefined
  }

  #grow(needed: number): RpcStatus | undefined {
    const small = this.#bytes!
    const fault = this.#reserve(Math.min(this.#bound, Math.max(needed, small.length * GROWTH)))
    if (fault !== undefined) return fault
    this.#bytes!.set(small.subarray(0, this.#length))
    this.#room.giveBack(small)
    return undefined
  }
}
