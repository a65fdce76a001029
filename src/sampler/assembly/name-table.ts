/** Texts by number, found by their bytes; numbers are dense and stay. */
import { hashBytes, sameBytes } from './hash.ts'

const FIRST_ROOM = 256
/** Answers of `find`. */
export const UNKNOWN = -1
export const CROWDED = -2
/** Places that are looked at; half of them are free. */
const MAX_LOOKS = 256

/** Bytes of a saved table's head (names, bytes of text) and of an entry: owner, kind, length. */
const SAVED_HEAD = 8
const SAVED_ENTRY = 8

/** Columns of an entry. */
const OWNER = 0
const KIND = 1
const TEXT = 2
const LENGTH = 3
const HASH = 4
const COLUMNS = 5

/** Texts by number, told apart by owner and kind; open addressing, nothing is ever taken out. */
export class NameTable {
  count = 0
  #entries = new Int32Array(FIRST_ROOM * COLUMNS)
  #slots = new Int32Array(FIRST_ROOM * 2)
  #texts = new Uint8Array(FIRST_ROOM * 16)
  #textBytes = 0

  get bytesHeld(): number {
    return this.#entries.byteLength + this.#slots.byteLength + this.#texts.byteLength
  }

  owner(id: number): number {
    return this.#entries[id * COLUMNS + OWNER]
  }

  kind(id: number): number {
    return this.#entries[id * COLUMNS + KIND]
  }

  text(id: number): string {
    const at = this.#entries[id * COLUMNS + TEXT]
    const to = at + this.#entries[id * COLUMNS + LENGTH]
    return Buffer.from(this.#texts.subarray(at, to)).toString('utf8')
  }

  /** UNKNOWN, or CROWDED when a sender chose names that all fall into one place. */
  find(owner: number, kind: number, bytes: Uint8Array, from: number, to: number): number {
    const hash = hashBytes(bytes, from, to, Math.imul(owner, 0x2c1b3c6d) + kind)
    const entries = this.#entries
    const slots = this.#slots
    const mask = slots.length - 1
    let looks = 0
    for (let i = hash & mask; slots[i] !== 0; i = (i + 1) & mask) {
      if (++looks > MAX_LOOKS) return CROWDED
      const at = (slots[i] - 1) * COLUMNS
      if (
        entries[at + HASH] === hash &&
        entries[at + OWNER] === owner &&
        entries[at + KIND] === kind &&
        entries[at + LENGTH] === to - from &&
        sameBytes(bytes, from, this.#texts, entries[at + TEXT], to - from)
      ) {
        return slots[i] - 1
      }
    }
    return UNKNOWN
  }

  add(owner: number, kind: number, bytes: Uint8Array, from: number, to: number): number {
    const id = this.count++
    if (this.count * COLUMNS > this.#entries.length) this.#grow()
    const at = id * COLUMNS
    const entries = this.#entries
    entries[at + OWNER] = owner
    entries[at + KIND] = kind
    entries[at + TEXT] = this.#keep(bytes, from, to)
    entries[at + LENGTH] = to - from
    entries[at + HASH] = hashBytes(bytes, from, to, Math.imul(owner, 0x2c1b3c6d) + kind)
    this.#place(id)
    return id
  }

  /** All names with their numbers, for `load`. */
  save(): Uint8Array {
    const bytes = new Uint8Array(SAVED_HEAD + this.count * SAVED_ENTRY + this.#textBytes)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, this.count)
    view.setUint32(4, this.#textBytes)
    for (let id = 0, at = SAVED_HEAD; id < this.count; id++, at += SAVED_ENTRY) {
      view.setInt32(at, this.#entries[id * COLUMNS + OWNER])
      view.setUint16(at + 4, this.#entries[id * COLUMNS + KIND])
      view.setUint16(at + 6, this.#entries[id * COLUMNS + LENGTH])
    }
    // Texts stand in the order of their numbers.
    bytes.set(this.#texts.subarray(0, this.#textBytes), SAVED_HEAD + this.count * SAVED_ENTRY)
    return bytes
  }

  /** Adds what was saved, to an empty table; returns the offset after it, -1 when it cannot be right. */
  load(bytes: Uint8Array, from: number, maxOwner: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (bytes.length - from < SAVED_HEAD) return -1
    const count = view.getUint32(from)
    let text = from + SAVED_HEAD + count * SAVED_ENTRY
    const end = text + view.getUint32(from + 4)
    if (end > bytes.length) return -1
    let at = from + SAVED_HEAD
    for (let id = 0; id < count; id++, at += SAVED_ENTRY) {
      const owner = view.getInt32(at)
      const length = view.getUint16(at + 6)
      if (owner < 0 || owner >= maxOwner || text + length > end) return -1
      this.add(owner, view.getUint16(at + 4), bytes, text, text + length)
      text += length
    }
    return text === end ? end : -1
  }

  #place(id: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let i = this.#entries[id * COLUMNS + HASH] & mask
    while (slots[i] !== 0) i = (i + 1) & mask
    slots[i] = id + 1
  }

  #keep(bytes: Uint8Array, from: number, to: number): number {
    const at = this.#textBytes
    this.#textBytes += to - from
    if (this.#textBytes > this.#texts.length) {
      const grown = new Uint8Array(Math.max(this.#textBytes, this.#texts.length * 2))
      grown.set(this.#texts)
      this.#texts = grown
    }
    for (let i = from; i < to; i++) this.#texts[at + i - from] = bytes[i]
    return at
  }

  #grow(): void {
    const entries = new Int32Array(this.#entries.length * 2)
    entries.set(this.#entries)
    this.#entries = entries
    this.#slots = new Int32Array(this.#slots.length * 2)
    for (let id = 0; id < this.count - 1; id++) this.#place(id)
  }
}
