/**
 * Slabs: memory outside of the JavaScript heap, filled with spans from the front and with their rows from the back, so that one
 * allocation bounds both. A slab goes as a whole when its last span has gone; stragglers are moved together before.
 *
 * ```
 * | span span span ......                free                ...... row 2 | row 1 | row 0 |
 * ```
 */

import type { Room } from './room.ts'
import { LENGTH, ROW_BITS, ROW_BYTES, ROW_MASK, ROW_WORDS } from './row.ts'

export const SLAB_BYTES = 1 << 20
/** A span larger than this may get a slab of its own, so that no other slab has to end early for it. */
export const LARGE_SPAN = SLAB_BYTES >>> 4
/** Empty slabs that are kept for use: fresh memory costs page faults. */
const IDLE_SLABS = 8

/** Slabs for spans of so many bytes, rows included. */
export function slabBytes(bytes: number): number {
  // One more, as spans with slabs of their own may leave a little over.
  return (Math.ceil(bytes / (SLAB_BYTES - LARGE_SPAN - ROW_BYTES)) + 1) * SLAB_BYTES
}

export class Slab {
  readonly number: number
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly words: Int32Array
  /** Bytes from the front. */
  used = 0
  /** Rows from the back, gone ones included. */
  rows = 0
  /** Rows that are not gone, and their bytes with their spans'. */
  live = 0
  liveBytes = 0
  /** May get more spans. */
  isOpen = true
  /** When it was found to be mostly empty; -1 = it was not. */
  sparseSinceMs = -1
  /** Its spans are to be moved. */
  isLeaving = false

  constructor(number: number, memory: ArrayBuffer) {
    this.number = number
    this.bytes = new Uint8Array(memory)
    this.view = new DataView(memory)
    this.words = new Int32Array(memory)
  }

  get free(): number {
    return this.bytes.length - this.used - this.rows * ROW_BYTES
  }

  /** First word of a row of this slab. */
  at(row: number): number {
    return this.words.length - ((row & ROW_MASK) + 1) * ROW_WORDS
  }

  /** Number of the row that is added. */
  addRow(length: number): number {
    this.live++
    this.liveBytes += length + ROW_BYTES
    return (this.number << ROW_BITS) | this.rows++
  }
}

export class Slabs {
  readonly #room: Room
  readonly #slabs: (Slab | null)[] = []
  readonly #freeNumbers: number[] = []
  readonly #idle: ArrayBuffer[] = []
  /** Slab that what comes in goes to, and the one for what was moved. */
  #young: Slab | null = null
  #old: Slab | null = null
  #count = 0

  constructor(room: Room) {
    this.#room = room
  }

  get count(): number {
    return this.#count
  }

  of(row: number): Slab {
    return this.#slabs[row >>> ROW_BITS]!
  }

  /**
   * Bytes that must be free in the room before spans of `bytes` in all, rows included, can be added: each slab may end
   * with less than a large span's room unused.
   */
  need(bytes: number): number {
    if (this.#young !== null && bytes <= this.#young.free) return 0
    return Math.max(0, slabBytes(bytes) - this.#idle.length * SLAB_BYTES)
  }

  /** The slab for a span whose field has so many bytes. */
  forSpan(length: number): Slab {
    const young = this.#young
    if (young !== null && length + ROW_BYTES <= young.free) return young
    if (length > LARGE_SPAN) return this.#open(length + ROW_BYTES, false)
    if (young !== null) this.#close(young)
    this.#young = this.#open(SLAB_BYTES, true)
    return this.#young
  }

  /** The slab for a span that is moved; null when there is no room. */
  forMoved(length: number): Slab | null {
    const old = this.#old
    if (old !== null && length + ROW_BYTES <= old.free) return old
    if (this.#idle.length === 0 && !this.#room.ensure(SLAB_BYTES)) return null
    if (old !== null) this.#close(old)
    this.#old = this.#open(SLAB_BYTES, true)
    return this.#old
  }

  /** All rows of a run have been added. */
  settle(slab: Slab): void {
    if (slab.live === 0 && !slab.isOpen) this.#free(slab)
  }

  /** A row is gone. */
  drop(slab: Slab, at: number): void {
    slab.liveBytes -= slab.words[at + LENGTH] + ROW_BYTES
    slab.words[at + LENGTH] = 0
    if (--slab.live > 0) return
    if (slab.isOpen) slab.used = slab.rows = 0
    else this.#free(slab)
  }

  /** Slabs that have been worth emptying for a while: they are not just running empty. */
  findLeaving(nowMs: number, sinceMs: number, found: Slab[]): void {
    for (const slab of this.#slabs) {
      if (slab === null || slab.isOpen || slab.liveBytes > SLAB_BYTES >>> 1) continue
      if (slab.bytes.length !== SLAB_BYTES) continue
      if (slab.sparseSinceMs < 0) slab.sparseSinceMs = nowMs
      else if (nowMs - slab.sparseSinceMs >= sinceMs) {
        slab.isLeaving = true
        found.push(slab)
      }
    }
  }

  /** Gives back all memory without spans. */
  giveBackEmpty(): void {
    if (this.#young?.live === 0) {
      this.#close(this.#young)
      this.#young = null
    }
    if (this.#old?.live === 0) {
      this.#close(this.#old)
      this.#old = null
    }
    this.#keepIdle(0)
  }

  /** Gives idle memory back. */
  trim(): void {
    this.#keepIdle(Math.min(IDLE_SLABS, this.#count >>> 2))
  }

  close(): void {
    for (const slab of this.#slabs) if (slab !== null) this.#free(slab)
    this.#young = this.#old = null
    this.#idle.length = 0
  }

  /** A slab that is not shared takes one span only. */
  #open(bytes: number, isShared: boolean): Slab {
    const size = (bytes + 3) & ~3
    const kept = isShared ? this.#idle.pop() : undefined
    if (kept === undefined) this.#room.take(size)
    // What was counted on for shared slabs must not be missing for this one.
    if (!isShared) this.#keepIdle(this.#idle.length - Math.ceil(size / SLAB_BYTES))
    const number = this.#freeNumbers.pop() ?? this.#slabs.length
    const slab = new Slab(number, kept ?? new ArrayBuffer(size))
    slab.isOpen = isShared
    this.#slabs[number] = slab
    this.#count++
    return slab
  }

  #close(slab: Slab): void {
    slab.isOpen = false
    if (slab.live === 0) this.#free(slab)
  }

  #free(slab: Slab): void {
    this.#slabs[slab.number] = null
    this.#freeNumbers.push(slab.number)
    this.#count--
    const { length, buffer } = slab.bytes
    if (length === SLAB_BYTES && this.#idle.length < IDLE_SLABS) {
      this.#idle.push(buffer as ArrayBuffer)
    } else this.#room.give(length)
  }

  /** Idle slabs count as in use. */
  #keepIdle(most: number): void {
    while (this.#idle.length > Math.max(0, most)) {
      this.#idle.pop()
      this.#room.give(SLAB_BYTES)
    }
  }
}
