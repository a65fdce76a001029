/**
 * Where the fields of one message stand, found by one walk and kept up while fields are replaced. The table's memory is
 * reused from message to message, so looking something up allocates nothing.
 *
 * ```
 * words: [ number << 3 | wire, tag, start, end ] a field, in the order of the bytes; offsets count from `#base`
 * last : by field number, the last field with it; -1 = none
 * ```
 */
import { BYTES, readVarint32, skipValue, skipVarint } from '../../otlp/wire-reader.ts'
import { hasKey, isPlainPair } from './plain-pair.ts'

const FIELD = 4
/** Numbers that are looked up; higher ones are unknown fields. */
const NUMBERS = 32
/** Words of a table that is kept for the next message; one odd message must not hold memory for ever. */
const MAX_KEPT = 65_536

const NO_BYTES = new Uint8Array(0)

export class FieldTable {
  /** Number of fields; -1 = not walked yet. */
  count = -1
  #bytes: Uint8Array = NO_BYTES
  #base = 0
  #words = new Int32Array(32 * FIELD)
  readonly #last = new Int32Array(NUMBERS)
  /** Number of the KeyValue fields of which `#arePlain` says whether all are plain pairs; 0 = not looked at. */
  #checkedPairs = 0
  #arePlain = false
  /** The key that was looked up last since the last change, and where it stands; a rule mostly reads what it sets. */
  #key: Uint8Array | null = null
  #keyNumber = 0
  #keyAt = -1

  clear(): void {
    this.count = -1
    this.#bytes = NO_BYTES
    if (this.#words.length > MAX_KEPT) this.#words = new Int32Array(32 * FIELD)
  }

  // hot: bench/micro/rule-contexts.ts
  /** Walks the fields from `start` to `end`. Bit n of `children`: fields of number n are passed over. */
  fill(bytes: Uint8Array, start: number, end: number, children: number): void {
    const last = this.#last
    let words = this.#words
    let pos = start
    let count = 0
    for (let i = 0; i < NUMBERS; i++) last[i] = -1
    while (pos < end) {
      const tagAt = pos
      let tag = bytes[pos++]
      if (tag > 0x7f) {
        tag = readVarint32(bytes, tagAt)
        pos = skipVarint(bytes, tagAt)
      }
      let contentAt = pos
      if ((tag & 7) === BYTES) {
        let length = bytes[pos++]
        if (length > 0x7f) {
          length = readVarint32(bytes, contentAt)
          pos = skipVarint(bytes, contentAt)
        }
        contentAt = pos
        pos += length
      } else pos = skipValue(bytes, pos, tag & 7, end)
      const number = tag >>> 3
      if (number < NUMBERS) {
        if ((children & (1 << number)) !== 0) continue
        last[number] = count
      }
      const at = count * FIELD
      if (at === words.length) {
        this.#grow()
        words = this.#words
      }
      words[at] = tag
      words[at + 1] = tagAt
      words[at + 2] = contentAt
      words[at + 3] = pos
      count++
    }
    this.#bytes = bytes
    this.#base = 0
    this.#key = null
    this.count = count
    this.#checkedPairs = 0
  }

  /** The last field with this number (below 32), which is the one that counts; -1 = none. */
  last(number: number): number {
    return this.#last[number]
  }

  /** First field with this number at `from` or after; `count` when there is none. */
  next(number: number, from: number): number {
    const words = this.#words
    const { count } = this
    for (let i = from; i < count; i++) if (words[i * FIELD] >>> 3 === number) return i
    return count
  }

  number(field: number): number {
    return this.#words[field * FIELD] >>> 3
  }

  wire(field: number): number {
    return this.#words[field * FIELD] & 7
  }

  tagAt(field: number): number {
    return this.#base + this.#words[field * FIELD + 1]
  }

  startOf(field: number): number {
    return this.#base + this.#words[field * FIELD + 2]
  }

  endOf(field: number): number {
    return this.#base + this.#words[field * FIELD + 3]
  }

  // hot: bench/micro/rule-contexts.ts
  /** The first KeyValue field of this number with this key; -1 = none. */
  findPair(number: number, key: Uint8Array): number {
    if (key === this.#key && number === this.#keyNumber) return this.#keyAt
    if (this.#checkedPairs !== number) this.#checkPairs(number)
    this.#key = key
    this.#keyNumber = number
    this.#keyAt = this.#arePlain ? this.#findPlainPair(number, key) : this.#findAnyPair(number, key)
    return this.#keyAt
  }

  #findPlainPair(number: number, key: Uint8Array): number {
    const words = this.#words
    const bytes = this.#bytes
    const base = this.#base + 2
    const { count } = this
    const { length } = key
    if (length > 0x7f) return -1
    for (let i = 0; i < count; i++) {
      const at = i * FIELD
      if (words[at] >>> 3 !== number) continue
      const start = base + words[at + 2]
      if (bytes[start - 1] !== length) continue
      // Keys often begin alike.
      let k = length - 1
      while (k >= 0 && bytes[start + k] === key[k]) k--
      if (k < 0) return i
    }
    return -1
  }

  #checkPairs(number: number): void {
    const words = this.#words
    const bytes = this.#bytes
    const base = this.#base
    const end = this.count * FIELD
    let at = 0
    while (
      at < end &&
      (words[at] >>> 3 !== number || isPlainPair(bytes, base + words[at + 2], base + words[at + 3]))
    )
      at += FIELD
    this.#checkedPairs = number
    this.#arePlain = at === end
  }

  #findAnyPair(number: number, key: Uint8Array): number {
    const bytes = this.#bytes
    for (let i = this.next(number, 0); i < this.count; i = this.next(number, i + 1)) {
      if (hasKey(bytes, this.startOf(i), this.endOf(i), key)) return i
    }
    return -1
  }

  /** The same fields stand elsewhere now. */
  move(bytes: Uint8Array, distance: number): void {
    this.#bytes = bytes
    this.#base += distance
  }

  /** In place of a field stands another one of the same number, `size` bytes long; 0 = nothing. */
  exchange(field: number, size: number): void {
    const words = this.#words
    const at = field * FIELD
    const before = words[at + 3] - words[at + 1]
    this.#key = null
    if (size === 0) this.#forget(field, before)
    else {
      if (size !== before) this.#shiftFrom(field + 1, size - before)
      this.#place(at, this.tagAt(field), this.tagAt(field) + size)
    }
  }

  /** Another field was put after all others. */
  append(tagAt: number, end: number): void {
    const field = this.count++
    this.#key = null
    if (field * FIELD === this.#words.length) this.#grow()
    this.#place(field * FIELD, tagAt, end)
    const number = this.number(field)
    if (number < NUMBERS) this.#last[number] = field
  }

  #place(at: number, tagAt: number, end: number): void {
    const words = this.#words
    const tag = readVarint32(this.#bytes, tagAt)
    const pos = skipVarint(this.#bytes, tagAt)
    const start = (tag & 7) === BYTES ? skipVarint(this.#bytes, pos) : pos
    const base = this.#base
    words[at] = tag
    words[at + 1] = tagAt - base
    words[at + 2] = start - base
    words[at + 3] = end - base
    if (tag >>> 3 !== this.#checkedPairs) return
    // What was not plain may have gone.
    if (!this.#arePlain) this.#checkedPairs = 0
    else this.#arePlain = isPlainPair(this.#bytes, start, end)
  }

  #shiftFrom(field: number, distance: number): void {
    const words = this.#words
    const end = this.count * FIELD
    for (let at = field * FIELD; at < end; at += FIELD) {
      words[at + 1] += distance
      words[at + 2] += distance
      words[at + 3] += distance
    }
  }

  #forget(field: number, size: number): void {
    const words = this.#words
    const last = this.#last
    const removed = words[field * FIELD] >>> 3
    if (!this.#arePlain) this.#checkedPairs = 0
    const end = --this.count * FIELD
    for (let at = field * FIELD; at < end; at += FIELD) {
      words[at] = words[at + 4]
      words[at + 1] = words[at + 5] - size
      words[at + 2] = words[at + 6] - size
      words[at + 3] = words[at + 7] - size
    }
    if (removed < NUMBERS && last[removed] === field) {
      let before = field - 1
      while (before >= 0 && words[before * FIELD] >>> 3 !== removed) before--
      last[removed] = before
    }
    for (let number = 0; number < NUMBERS; number++) if (last[number] > field) last[number]--
  }

  #grow(): void {
    const grown = new Int32Array(this.#words.length * 2)
    grown.set(this.#words)
    this.#words = grown
  }
}
