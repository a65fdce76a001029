/**
 * Attributes out of Jaeger tags: each becomes a KeyValue in place, and a table remembers where it stands. Keys that mean
 * more are found in the table afterwards and taken out; of equal keys the last one stays, as in the maps of other programs.
 *
 * ```
 * row : start of the field | of the key | end of the key | type | start of the value | its end | hash
 * ```
 */
import type { MessageWriter } from '../../otlp/json/message-writer.ts'
import { readVarint64 } from '../../otlp/wire-reader.ts'
import { moveBytes } from '../../otlp/wire-writer.ts'
import { hashBytes } from '../hash.ts'
import { appendMended } from '../utf8.ts'
import { CLASSES, classOf, KEYS } from './tags.ts'

/** Types of values, numbered as in Jaeger's protobuf. */
export const STRING = 0
export const BOOL = 1
export const INT64 = 2
export const FLOAT64 = 3
export const BINARY = 4

/** Tags that one span, log or process may have. */
export const MAX_TAGS = 65_535

const WORDS = 7
const START = 0
const KEY = 1
const KEY_END = 2
const TYPE = 3
const VALUE = 4
const VALUE_END = 5
const HASH = 6

const FIRST_ROWS = 64
/** Larger tables are not kept for the next request. */
const KEPT_ROWS = 4096

const KEY_FIELD = 0x0a
const VALUE_FIELD = 0x12
const STRING_FIELD = 0x0a
const BOOL_FIELD = 0x10
const INT_FIELD = 0x18
const DOUBLE_FIELD = 0x21
const BYTES_FIELD = 0x3a

/** A tag as it was read; offsets are of the source. */
export class Tag {
  keyStart = 0
  keyEnd = 0
  type = STRING
  textStart = 0
  textEnd = 0
  bool = 0
  intHigh = 0
  intLow = 0
  double = 0
  binaryStart = 0
  binaryEnd = 0

  clear(): void {
    this.keyStart = this.keyEnd = 0
    this.type = STRING
    this.textStart = this.textEnd = 0
    this.bool = 0
    this.intHigh = this.intLow = 0
    this.double = 0
    this.binaryStart = this.binaryEnd = 0
  }
}

export class TagSink {
  readonly #field: number
  #out: MessageWriter
  #rows = new Int32Array(FIRST_ROWS * WORDS)
  #count = 0
  /** Hash table of row numbers + 1, valid where the generation is this one: [generation, row + 1]. */
  #slots = new Int32Array(4 * FIRST_ROWS)
  #generation = 0
  #removed = 0
  /** By class: its row; -1 = absent. */
  readonly #found = new Int32Array(CLASSES).fill(-1)

  /** `field` is the tag byte of the attributes in their message. */
  constructor(out: MessageWriter, field: number) {
    this.#out = out
    this.#field = field
  }

  release(): void {
    if (this.#rows.length <= KEPT_ROWS * WORDS) return
    this.#rows = new Int32Array(FIRST_ROWS * WORDS)
    this.#slots = new Int32Array(4 * FIRST_ROWS)
  }

  begin(): void {
    if (this.#count > 0) this.#found.fill(-1)
    this.#count = 0
    this.#removed = 0
    this.#generation++
    if (this.#generation === 0x7fff_ffff) {
      this.#slots.fill(0)
      this.#generation = 1
    }
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  get isFull(): boolean {
    return this.#count === MAX_TAGS
  }

  // hot: bench/micro/jaeger.ts
  /** Appends a tag of the source; false when there is no memory. */
  add(source: Uint8Array, tag: Tag): boolean {
    const out = this.#out
    const length = tag.keyEnd - tag.keyStart + tag.textEnd - tag.textStart
    if (!out.reserve(3 * length + tag.binaryEnd - tag.binaryStart)) return false
    const start = this.#openTag()
    appendMended(out, source, tag.keyStart, tag.keyEnd)
    this.#closeKey()
    const value = out.open(VALUE_FIELD, 1)
    this.#value(source, tag)
    out.close(value, 1)
    this.#closeTag(start)
    return true
  }

  /** Appends a string of our own; nothing when there is no memory. */
  addText(key: string, text: string): void {
    const out = this.#out
    if (!out.reserve(3 * (key.length + text.length))) return
    const start = this.#openTag()
    appendText(out, key)
    this.#closeKey()
    const value = out.open(VALUE_FIELD, 1)
    this.#type = STRING
    const content = out.open(STRING_FIELD, 1)
    appendText(out, text)
    this.#valueLength(content)
    out.close(value, 1)
    this.#closeTag(start)
  }

  /** Appends a copy of another value of this table under the key of a class, with a text before it when it is a string. */
  copyAs(key: number, from: number, prefix: string): void {
    if (this.type(from) === STRING) {
      this.addText(KEYS[key], prefix + this.text(from))
      return
    }
    const out = this.#out
    const at = this.#found[from] * WORDS
    const bytes = out.bytes.slice(this.#rows[at + VALUE], this.#rows[at + VALUE_END])
    if (!out.reserve(bytes.length)) return
    const type = this.#rows[at + TYPE]
    const start = this.#openTag()
    appendText(out, KEYS[key])
    this.#closeKey()
    const value = out.open(VALUE_FIELD, 1)
    this.#type = type
    const content = this.#openContent()
    out.bytes.set(bytes, out.pos)
    out.pos += bytes.length
    if (type === BINARY) this.#valueLength(content)
    else {
      this.#valueStart = content
      this.#valueEnd = out.pos
    }
    out.close(value, 1)
    this.#closeTag(start)
  }

  // Of the tag that is open: where it and its key stand relative to the field, and what its value is.
  #key = 0
  #keyEnd = 0
  #type = STRING
  #valueStart = 0
  #valueEnd = 0

  #openTag(): number {
    const start = this.#out.pos
    this.#out.open(this.#field, 1)
    this.#key = this.#out.open(KEY_FIELD, 1)
    return start
  }

  #closeKey(): void {
    const out = this.#out
    this.#key += out.close(this.#key, 1) - 1
    this.#keyEnd = out.pos
  }

  #closeTag(start: number): void {
    const shift = this.#out.close(start + 2, 1) - 1
    // The value's own length may have moved its content: it ends where the field ends.
    const back = this.#out.pos - (this.#valueEnd + shift)
    this.#remember(start, shift, back)
  }

  #openContent(): number {
    const out = this.#out
    if (this.#type === BINARY) return out.open(BYTES_FIELD, 1)
    out.tag(this.#type === BOOL ? BOOL_FIELD : this.#type === INT64 ? INT_FIELD : DOUBLE_FIELD)
    return out.pos
  }

  #value(source: Uint8Array, tag: Tag): void {
    const out = this.#out
    this.#type = tag.type
    if (tag.type === STRING) {
      const content = out.open(STRING_FIELD, 1)
      appendMended(out, source, tag.textStart, tag.textEnd)
      this.#valueLength(content)
      return
    }
    if (tag.type < BOOL || tag.type > BINARY) {
      this.#type = STRING
      const content = out.open(STRING_FIELD, 1)
      appendText(out, `<Unknown Jaeger TagType "${tag.type}">`)
      this.#valueLength(content)
      return
    }
    const content = this.#openContent()
    if (tag.type === BINARY) {
      out.bytes.set(source.subarray(tag.binaryStart, tag.binaryEnd), out.pos)
      out.pos += tag.binaryEnd - tag.binaryStart
      this.#valueLength(content)
      return
    }
    if (tag.type === BOOL) out.varint(tag.bool)
    else if (tag.type === INT64) out.varint64(tag.intHigh, tag.intLow)
    else out.double(tag.double)
    this.#valueStart = content
    this.#valueEnd = out.pos
  }

  #valueLength(content: number): void {
    this.#valueStart = content + this.#out.close(content, 1) - 1
    this.#valueEnd = this.#out.pos
  }

  #remember(start: number, shift: number, back: number): void {
    const { bytes } = this.#out
    const key = this.#key + shift
    const keyEnd = this.#keyEnd + shift
    const hash = hashBytes(bytes, key, keyEnd)
    const row = this.#count++
    if (this.#count * WORDS > this.#rows.length) this.#grow(row)
    const slots = this.#slots
    const mask = (slots.length >> 1) - 1
    let slot = hash & mask
    while (slots[2 * slot] === this.#generation) {
      const other = slots[2 * slot + 1] - 1
      if (this.#rows[other * WORDS + HASH] === hash && this.#sameKey(other, key, keyEnd)) {
        this.#remove(other)
        break
      }
      slot = (slot + 1) & mask
    }
    slots[2 * slot] = this.#generation
    slots[2 * slot + 1] = row + 1
    const at = row * WORDS
    const rows = this.#rows
    rows[at + START] = start
    rows[at + KEY] = key
    rows[at + KEY_END] = keyEnd
    rows[at + TYPE] = this.#type
    rows[at + VALUE] = this.#valueStart + shift + back
    rows[at + VALUE_END] = this.#valueEnd + shift + back
    rows[at + HASH] = hash
    const found = classOf(bytes, key, keyEnd)
    if (found !== 0) this.#found[found] = row
  }

  #sameKey(other: number, key: number, keyEnd: number): boolean {
    const { bytes } = this.#out
    const start = this.#rows[other * WORDS + KEY]
    const length = keyEnd - key
    if (this.#rows[other * WORDS + KEY_END] - start !== length) return false
    for (let i = 0; i < length; i++) if (bytes[start + i] !== bytes[key + i]) return false
    return true
  }

  #grow(rows: number): void {
    const grown = new Int32Array(this.#rows.length * 2)
    grown.set(this.#rows)
    this.#rows = grown
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = (slots.length >> 1) - 1
    for (let row = 0; row < rows; row++) {
      if (grown[row * WORDS + START] < 0) continue
      let slot = grown[row * WORDS + HASH] & mask
      while (slots[2 * slot] === this.#generation) slot = (slot + 1) & mask
      slots[2 * slot] = this.#generation
      slots[2 * slot + 1] = row + 1
    }
    this.#slots = slots
  }

  #remove(row: number): void {
    const at = row * WORDS + START
    if (this.#rows[at] < 0) return
    this.#rows[at] = -this.#rows[at] - 1
    this.#removed++
  }

  has(key: number): boolean {
    return this.#found[key] >= 0
  }

  /** Type of the value; -1 when there is no such tag. */
  type(key: number): number {
    return this.has(key) ? this.#rows[this.#found[key] * WORDS + TYPE] : -1
  }

  /** The key will not be among the attributes. */
  forget(key: number): void {
    if (this.has(key)) this.#remove(this.#found[key])
  }

  /** Where the content of the value stands in the writer, until `compact`. */
  start(key: number): number {
    return this.#rows[this.#found[key] * WORDS + VALUE]
  }

  end(key: number): number {
    return this.#rows[this.#found[key] * WORDS + VALUE_END]
  }

  /** A string value; '' when it is none. */
  text(key: number): string {
    if (this.type(key) !== STRING) return ''
    return Buffer.from(this.#out.bytes.buffer, this.#out.bytes.byteOffset).toString(
      'utf8',
      this.start(key),
      this.end(key),
    )
  }

  isTrue(key: number): boolean {
    return this.type(key) === BOOL && this.#out.bytes[this.start(key)] !== 0
  }

  /** A whole number, out of an integer or its text; undefined when it is none. */
  int(key: number): number | undefined {
    const type = this.type(key)
    if (type === INT64) return Number(readVarint64(this.#out.bytes, this.start(key)))
    if (type !== STRING || this.end(key) - this.start(key) > 20) return undefined
    const text = this.text(key)
    return /^[+-]?\d+$/.test(text) ? Number(text) : undefined
  }

  /** Takes out what was forgotten or replaced, and moves up what stands behind: one pass, however much it is. */
  compact(): void {
    if (this.#removed === 0) return
    const out = this.#out
    const rows = this.#rows
    let to = -1
    let from = 0
    for (let row = 0; row < this.#count; row++) {
      const at = row * WORDS
      if (rows[at + START] >= 0) continue
      const start = -rows[at + START] - 1
      if (to < 0) to = start
      else {
        moveBytes(out.bytes, to, from, start)
        to += start - from
      }
      from = rows[at + VALUE_END]
    }
    moveBytes(out.bytes, to, from, out.pos)
    out.pos = to + out.pos - from
    this.#removed = 0
  }
}

export function appendText(out: MessageWriter, text: string): void {
  if (text.length < 32) {
    let at = 0
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code > 0x7f) break
      out.bytes[out.pos + at] = code
    }
    if (at === text.length) {
      out.pos += at
      return
    }
  }
  out.pos += Buffer.from(out.bytes.buffer, out.bytes.byteOffset).write(text, out.pos)
}
