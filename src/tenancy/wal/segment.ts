/**
 * What memory knows of one segment: where each record lies and what has become of it, in plain arrays of 17 bytes an entry.
 * Does no I/O.
 */
import { MAX_RECORDS, recordBytes } from './format.ts'

/** States of an entry. */
const UNTAKEN = 0
const TAKEN = 1
/** Acknowledged, evicted, or lost by damage. */
const GONE = 2

const FIRST_CAPACITY = 64

export class Segment {
  readonly number: number
  readonly path: string
  readonly seed: number
  /** Where the next record would begin. */
  end: number
  /** Indices given out. */
  count = 0
  /** Of entries that are not gone. */
  live = 0
  liveItems = 0
  liveBytes = 0
  taken = 0
  /** No untaken entry has a smaller index. */
  #cursor = 0
  #offsets = new Uint32Array(FIRST_CAPACITY)
  #items = new Uint32Array(FIRST_CAPACITY)
  #contextBytes = new Uint32Array(FIRST_CAPACITY)
  #requestBytes = new Uint32Array(FIRST_CAPACITY)
  #states = new Uint8Array(FIRST_CAPACITY)
  /** Indices that went and are not written down yet: pairs of first and count. */
  #goneUnwritten: number[] = []

  constructor(number: number, path: string, seed: number, end: number) {
    this.number = number
    this.path = path
    this.seed = seed
    this.end = end
  }

  /** Beside the segment: which of its entries are gone. */
  get acksPath(): string {
    return acksPathOf(this.path)
  }

  get isFull(): boolean {
    return this.count >= MAX_RECORDS
  }

  /** No room for one more behind `more` new ones. */
  holdsAtMost(more: number): boolean {
    return this.count + more >= MAX_RECORDS
  }

  /** Indices that are left out before `index` are gone. */
  add(
    index: number,
    offset: number,
    items: number,
    contextBytes: number,
    requestBytes: number,
  ): void {
    if (index >= this.#offsets.length) this.#grow(index + 1)
    for (let i = this.count; i < index; i++) this.#states[i] = GONE
    this.#offsets[index] = offset
    this.#items[index] = items
    this.#contextBytes[index] = contextBytes
    this.#requestBytes[index] = requestBytes
    this.#states[index] = UNTAKEN
    this.count = index + 1
    this.live++
    this.liveItems += items
    this.liveBytes += recordBytes(contextBytes, requestBytes)
  }

  offsetOf(index: number): number {
    return this.#offsets[index]
  }

  itemsOf(index: number): number {
    return this.#items[index]
  }

  contextBytesOf(index: number): number {
    return this.#contextBytes[index]
  }

  requestBytesOf(index: number): number {
    return this.#requestBytes[index]
  }

  isTaken(index: number): boolean {
    return index < this.count && this.#states[index] === TAKEN
  }

  isGone(index: number): boolean {
    return index >= this.count || this.#states[index] === GONE
  }

  get hasUntaken(): boolean {
    return this.live > this.taken
  }

  /** The oldest untaken entry is taken; -1 when there is none. */
  take(): number {
    const index = this.oldestUntaken()
    if (index >= 0) {
      this.#states[index] = TAKEN
      this.taken++
    }
    return index
  }

  /** False when it is taken or gone. */
  takeAt(index: number): boolean {
    if (index >= this.count || this.#states[index] !== UNTAKEN) return false
    this.#states[index] = TAKEN
    this.taken++
    return true
  }

  /** -1 when there is none. */
  oldestUntaken(): number {
    if (!this.hasUntaken) return -1
    let i = this.#cursor
    while (this.#states[i] !== UNTAKEN) i++
    this.#cursor = i
    return i
  }

  putBack(index: number): void {
    if (!this.isTaken(index)) return
    this.#states[index] = UNTAKEN
    this.taken--
    if (index < this.#cursor) this.#cursor = index
  }

  /** False when it had gone before. `isWritten` says that it is on disk already. */
  drop(index: number, isWritten = false): boolean {
    if (this.isGone(index)) return false
    if (this.#states[index] === TAKEN) this.taken--
    this.#states[index] = GONE
    this.live--
    this.liveItems -= this.#items[index]
    this.liveBytes -= recordBytes(this.#contextBytes[index], this.#requestBytes[index])
    if (!isWritten) this.#note(index)
    return true
  }

  get hasUnwritten(): boolean {
    return this.#goneUnwritten.length > 0
  }

  /** Pairs of first and count; they count as written now. */
  takeUnwritten(): readonly number[] {
    const ranges = this.#goneUnwritten
    this.#goneUnwritten = []
    return ranges
  }

  /** They could not be written. */
  putBackUnwritten(ranges: readonly number[]): void {
    this.#goneUnwritten = [...ranges, ...this.#goneUnwritten]
  }

  /** No more entries come: gives back room that was kept for them. */
  seal(): void {
    const { count } = this
    if (this.#offsets.length - count < FIRST_CAPACITY) return
    this.#resize(count)
  }

  #note(index: number): void {
    const ranges = this.#goneUnwritten
    const last = ranges.length - 2
    if (last >= 0 && ranges[last] + ranges[last + 1] === index) ranges[last + 1]++
    else if (last >= 0 && ranges[last] === index + 1) {
      ranges[last]--
      ranges[last + 1]++
    } else ranges.push(index, 1)
  }

  #grow(needed: number): void {
    let capacity = this.#offsets.length
    while (capacity < needed) capacity *= 2
    this.#resize(Math.min(capacity, Math.max(needed, MAX_RECORDS)))
  }

  #resize(capacity: number): void {
    this.#offsets = resized(this.#offsets, new Uint32Array(capacity))
    this.#items = resized(this.#items, new Uint32Array(capacity))
    this.#contextBytes = resized(this.#contextBytes, new Uint32Array(capacity))
    this.#requestBytes = resized(this.#requestBytes, new Uint32Array(capacity))
    this.#states = resized(this.#states, new Uint8Array(capacity))
  }
}

const ENDING = /\.wal$/

export function acksPathOf(segmentPath: string): string {
  return segmentPath.replace(ENDING, '.ack')
}

function resized<A extends Uint32Array | Uint8Array>(from: A, to: A): A {
  to.set(from.subarray(0, Math.min(from.length, to.length)))
  return to
}
