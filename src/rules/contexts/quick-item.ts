/**
 * One item under the few edits that can be told in advance: single fields by number, attributes by key. One walk over the
 * item finds them all; what is put and cut is laid out as splices of the payload, and the item itself is not copied.
 * An item in which one of the fields occurs twice, or an attribute is written in an unusual form, is left to the general
 * way: `walk` gives false.
 *
 * ```
 * slot : 0-31 the field of this number; from 32 on the attributes by key
 * words: [ tag, start, end, sent from, sent to ] a slot: where the field stands now, and where the sender put it
 * ```
 */
import type { Edits } from '../../otlp/splice.ts'
import {
  BYTES,
  FIXED32,
  FIXED64,
  readVarint32,
  skipValue,
  skipVarint,
} from '../../otlp/wire-reader.ts'
import { isPlainPair } from './plain-pair.ts'

const NUMBERS = 32
const WORD = 5
const TAG = 0
const START = 1
const END = 2
const SENT_FROM = 3
const SENT_TO = 4
/** Largest number that is a single byte on the wire, and largest field number of a tag that is one. */
const MAX_BYTE = 0x7f
const MAX_PAIR_NUMBER = 15
/** Slots are counted in bytes. */
const MAX_KEYS = 200
const KEY_TAG = 0x0a
const VALUE_TAG = 0x12

/** Where a field is: nowhere, where the sender put it, put in its place, put after all others. */
const ABSENT = 0
const SENT = 1
const PUT = 2
const ADDED = 3

const NO_BYTES: Uint8Array = new Uint8Array(0)

export class QuickItem {
  /** Number of the attributes' field. */
  readonly pairs: number
  #wanted = 0
  readonly #keys: Uint8Array[] = []
  /** By length of the key: the first slot to be tried; then by slot, the one after it. 0 = none. */
  readonly #firstOf = new Uint8Array(MAX_BYTE + 1)
  readonly #after: number[] = []
  #words = new Int32Array(NUMBERS * WORD)
  #states = new Uint8Array(NUMBERS)
  #sources: Uint8Array[] = new Array(NUMBERS).fill(NO_BYTES)
  /** Slots whose field is not where the sender put it any more, in the order of the bytes. */
  readonly #cuts: number[] = []
  #cutCount = 0
  /** Slots that were added, in this order. */
  readonly #added: number[] = []
  #addedCount = 0
  #bytes = NO_BYTES
  #end = 0

  constructor(pairs: number) {
    if (pairs > MAX_PAIR_NUMBER) throw new Error('attributes with such a number take the table')
    this.pairs = pairs
  }

  /** The slot of a single field. */
  field(number: number): number {
    this.#wanted |= 1 << number
    return number
  }

  /** The slot of an attribute; -1 when the key is too long, or there are too many. */
  pair(key: Uint8Array): number {
    const known = this.#keys.findIndex(each => Buffer.compare(each, key) === 0)
    if (known >= 0) return NUMBERS + known
    if (key.length > MAX_BYTE || this.#keys.length === MAX_KEYS) return -1
    const slot = NUMBERS + this.#keys.push(key) - 1
    this.#after[slot] = this.#firstOf[key.length]
    this.#firstOf[key.length] = slot
    this.#words = new Int32Array((slot + 1) * WORD)
    this.#states = new Uint8Array(slot + 1)
    this.#sources.push(NO_BYTES)
    return slot
  }

  /** Lets go of the bytes. */
  release(): void {
    this.#bytes = NO_BYTES
    this.#sources.fill(NO_BYTES)
  }

  // hot: bench/micro/rule-contexts.ts
  /** Comes to the item from `start` to `end`; false when it is to be edited in the general way. */
  walk(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes
    this.#end = end
    this.#cutCount = this.#addedCount = 0
    this.#states.fill(ABSENT)
    const pairTag = (this.pairs << 3) | BYTES
    const wanted = this.#wanted
    const firstOf = this.#firstOf
    let pos = start
    while (pos < end) {
      const tagAt = pos
      const tag = bytes[pos]
      if (tag === pairTag) {
        const length = bytes[pos + 1]
        if (length > MAX_BYTE) {
          const at = skipVarint(bytes, pos + 1)
          pos = at + readVarint32(bytes, tagAt + 1)
          if (!this.#seeLong(bytes, tagAt, at, pos)) return false
          continue
        }
        pos += 2 + length
        const keyLength = bytes[tagAt + 3]
        const valueAt = tagAt + 4 + keyLength
        // One key and then one value or none: see isPlainPair, of which this is the case of short lengths.
        if (length < 2 || bytes[tagAt + 2] !== KEY_TAG) return false
        if (valueAt !== pos) {
          if (bytes[valueAt] !== VALUE_TAG || valueAt + 2 + bytes[valueAt + 1] !== pos) return false
        }
        const slot = firstOf[keyLength]
        if (slot !== 0 && !this.#matchKey(slot, bytes, tagAt, tagAt + 2, pos)) return false
        continue
      }
      const wire = tag & 7
      let number = tag >>> 3
      pos++
      if (tag > MAX_BYTE) {
        number = readVarint32(bytes, tagAt) >>> 3
        pos = skipVarint(bytes, tagAt)
        // A tag that is longer than it need be.
        if (number === this.pairs) return false
      }
      let contentAt = pos
      if (wire === BYTES) {
        const length = bytes[pos++]
        if (length > MAX_BYTE) {
          pos = skipVarint(bytes, contentAt)
          const at = pos
          pos += readVarint32(bytes, contentAt)
          contentAt = at
        } else {
          contentAt = pos
          pos += length
        }
      } else if (wire === FIXED64) pos += 8
      else if (wire === FIXED32) pos += 4
      else pos = skipValue(bytes, pos, wire, end)
      if (number < NUMBERS && (wanted & (1 << number)) !== 0) {
        if (this.#states[number] !== ABSENT) return false
        this.#see(number, tagAt, contentAt, pos)
      }
    }
    return true
  }

  #see(slot: number, tagAt: number, start: number, end: number): void {
    const words = this.#words
    const at = slot * WORD
    this.#states[slot] = SENT
    words[at + TAG] = words[at + SENT_FROM] = tagAt
    words[at + START] = start
    words[at + END] = words[at + SENT_TO] = end
  }

  #seeLong(bytes: Uint8Array, tagAt: number, start: number, end: number): boolean {
    if (!isPlainPair(bytes, start, end)) return false
    const slot = this.#firstOf[bytes[start + 1]]
    return slot === 0 || this.#matchKey(slot, bytes, tagAt, start, end)
  }

  /** False when the key was there before. All keys that are tried have the right length. */
  #matchKey(first: number, bytes: Uint8Array, tagAt: number, start: number, end: number): boolean {
    for (let slot = first; slot !== 0; slot = this.#after[slot]) {
      const key = this.#keys[slot - NUMBERS]
      const at = start + 2
      // Keys often begin alike.
      let k = key.length - 1
      while (k >= 0 && bytes[at + k] === key[k]) k--
      if (k >= 0) continue
      if (this.#states[slot] !== ABSENT) return false
      this.#see(slot, tagAt, start, end)
      return true
    }
    return true
  }

  has(slot: number): boolean {
    return this.#states[slot] !== ABSENT
  }

  bytesOf(slot: number): Uint8Array {
    return this.#states[slot] === SENT ? this.#bytes : this.#sources[slot]
  }

  startOf(slot: number): number {
    return this.#words[slot * WORD + START]
  }

  endOf(slot: number): number {
    return this.#words[slot * WORD + END]
  }

  /**
   * The item has this field, from `from` to `to` of other bytes, its content from `start` on: where it was, or after all
   * others. The bytes stay as they are as long as the edits live.
   */
  put(slot: number, bytes: Uint8Array, from: number, start: number, to: number): void {
    const words = this.#words
    const o = slot * WORD
    const state = this.#states[slot]
    if (state === SENT) {
      if (isSame(this.#bytes, words[o + TAG], words[o + END], bytes, from, to)) return
      this.#cut(slot)
      this.#states[slot] = PUT
    } else if (state === ABSENT) {
      this.#states[slot] = ADDED
      this.#added[this.#addedCount++] = slot
    }
    words[o + TAG] = from
    words[o + START] = start
    words[o + END] = to
    this.#sources[slot] = bytes
  }

  remove(slot: number): void {
    const state = this.#states[slot]
    if (state === SENT) this.#cut(slot)
    else if (state === ADDED) {
      const added = this.#added
      const count = --this.#addedCount
      for (let i = added.indexOf(slot); i < count; i++) added[i] = added[i + 1]
    }
    this.#states[slot] = ABSENT
  }

  /** A slot is cut once: what is put there, removed and added again stands elsewhere. */
  #cut(slot: number): void {
    const cuts = this.#cuts
    const words = this.#words
    const from = words[slot * WORD + SENT_FROM]
    let i = this.#cutCount++
    for (; i > 0 && words[cuts[i - 1] * WORD + SENT_FROM] > from; i--) cuts[i] = cuts[i - 1]
    cuts[i] = slot
  }

  // hot: bench/micro/rule-contexts.ts
  /** Adds what was changed since the walk to the edits. */
  layOut(edits: Edits): void {
    const words = this.#words
    for (let i = 0; i < this.#cutCount; i++) {
      const slot = this.#cuts[i]
      const o = slot * WORD
      if (this.#states[slot] !== PUT) edits.add(words[o + SENT_FROM], words[o + SENT_TO], NO_BYTES)
      else {
        const source = this.#sources[slot]
        edits.add(words[o + SENT_FROM], words[o + SENT_TO], source, words[o + TAG], words[o + END])
      }
    }
    for (let i = 0; i < this.#addedCount; i++) {
      const slot = this.#added[i]
      const o = slot * WORD
      edits.add(this.#end, this.#end, this.#sources[slot], words[o + TAG], words[o + END])
    }
  }
}

function isSame(
  a: Uint8Array,
  start: number,
  end: number,
  b: Uint8Array,
  from: number,
  to: number,
): boolean {
  if (end - start !== to - from) return false
  let i = to - from - 1
  while (i >= 0 && a[start + i] === b[from + i]) i--
  return i < 0
}
