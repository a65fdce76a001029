/**
 * The attributes of the span that is growing: each tag becomes a KeyValue in place, unless its key means more; then its
 * text is put aside by class. Of equal keys the last one stays, as in the maps of other programs.
 */
import { MessageWriter } from '../../otlp/json/message-writer.ts'
import { latin1 } from '../../otlp/json/number-reader.ts'
import { copyBytes, moveBytes } from '../../otlp/wire-writer.ts'
import { hashBytes } from '../hash.ts'
import { CLASSES, classOf, KEY_BYTES, NAME, SPECIAL_V1, SPECIAL_V2 } from './tags.ts'
import { GUESSED, TEXT, writeInt, writeTyped } from './typed-tag.ts'

const ATTRIBUTE_FIELD = 0x4a
const KEY_FIELD = 0x0a
const VALUE_FIELD = 0x12
const STRING_FIELD = 0x0a
const BOOL_FIELD = 0x10

/** Words of the tag table: start of the field, of the key, end of the key, hash; negative start = replaced by a later one. */
const TAG_WORDS = 4
const MAX_COUNT = 0xffff_ffff

/** In place of a start: there was no such text, or it has been used. */
const ABSENT = -1
const FORGOTTEN = -2

export abstract class AttributeSink {
  readonly out = new MessageWriter()
  readonly aside = new MessageWriter()
  /** By class: where its text stands in `aside`; -1 = absent. */
  readonly starts = new Int32Array(CLASSES).fill(ABSENT)
  readonly ends = new Int32Array(CLASSES)
  readonly #kinds = new Uint8Array(CLASSES)
  /** Classes met in this span. */
  readonly seen = new Uint16Array(CLASSES)
  seenCount = 0

  isLegacy = false
  parseTags = false
  #special = SPECIAL_V2

  #tags = new Int32Array(64 * TAG_WORDS)
  #count = 0
  #replaced = 0
  /** Hash table of tag numbers + 1, valid where the generation is this span's. */
  #slots = new Int32Array(2 * 64)
  #generation = 0

  /** Of the tag that is open. */
  #field = 0
  #key = 0
  #value = 0
  #content = 0
  #class = 0
  #hash = 0
  #keyEnd = 0

  protected startAttributes(isLegacy: boolean, parseTags: boolean): void {
    this.isLegacy = isLegacy
    this.parseTags = parseTags
    this.#special = isLegacy ? SPECIAL_V1 : SPECIAL_V2
    if (this.#tags.length > 0x10000) {
      this.#tags = new Int32Array(64 * TAG_WORDS)
      this.#slots = new Int32Array(2 * 64)
    }
    this.forgetAll()
  }

  protected beginAttributes(): void {
    this.forgetAll()
    this.aside.pos = 0
    this.#count = 0
    this.#replaced = 0
    this.#generation++
    if (this.#generation === 0x7fff_ffff) {
      this.#slots.fill(0)
      this.#generation = 1
    }
  }

  // hot: bench/micro/zipkin.ts
  /** Begins a tag; its key is to be appended to `out`. */
  openTag(): void {
    this.#field = this.out.pos
    this.out.open(ATTRIBUTE_FIELD, 1)
    this.#key = this.out.open(KEY_FIELD, 1)
  }

  /** Ends the key; answers where the value's text is to be appended: `out`, or `aside` where room must be asked for. */
  openValue(): MessageWriter {
    const { out } = this
    const width = out.close(this.#key, 1)
    this.#key += width - 1
    const end = (this.#keyEnd = out.pos)
    this.#hash = hashBytes(out.bytes, this.#key, end)
    const found = classOf(out.bytes, this.#key, end, this.#hash)
    this.#class = this.#special[found] === 1 ? found : 0
    if (this.#class !== 0) {
      out.pos = this.#field
      this.#content = this.aside.pos
      return this.aside
    }
    this.#value = out.open(VALUE_FIELD, 1)
    this.#content = out.open(STRING_FIELD, 1)
    return out
  }

  /** Ends the value that was appended as text, which stands for a value of this kind. */
  closeTag(kind: number): void {
    if (this.parseTags && kind === TEXT) kind = GUESSED
    if (this.#class !== 0) {
      this.put(this.#class, this.#content, this.aside.pos)
      this.#kinds[this.#class] = kind
      return
    }
    const { out } = this
    if (kind !== TEXT && this.#typed(kind)) out.close(this.#value, 1)
    else {
      out.close(this.#content, 1)
      out.close(this.#value, 1)
    }
    const shift = out.close(this.#field + 2, 1) - 1
    this.#remember(this.#key + shift, this.#keyEnd + shift)
  }

  /** Replaces the text by another value, when it reads as one. */
  #typed(kind: number): boolean {
    const { out, aside } = this
    const length = out.pos - this.#content
    aside.reserve(length)
    const from = aside.pos
    const end = copyBytes(aside.bytes, from, out.bytes, this.#content, out.pos)
    const before = out.pos
    out.pos = this.#value
    if (writeTyped(out, aside.bytes, from, end, kind)) return true
    out.pos = before
    return false
  }

  #remember(key: number, keyEnd: number): void {
    const number = this.#count++
    const at = number * TAG_WORDS
    if (this.#count * 2 > this.#slots.length >> 1) this.#grow(number)
    const mask = (this.#slots.length >> 1) - 1
    const slots = this.#slots
    let slot = this.#hash & mask
    while (slots[2 * slot] === this.#generation) {
      const other = slots[2 * slot + 1] * TAG_WORDS
      const tags = this.#tags
      if (tags[other + 3] === this.#hash && this.#sameKey(other, key, keyEnd)) {
        tags[other] = -tags[other] - 1
        this.#replaced++
        break
      }
      slot = (slot + 1) & mask
    }
    slots[2 * slot] = this.#generation
    slots[2 * slot + 1] = number
    this.#tags[at] = this.#field
    this.#tags[at + 1] = key
    this.#tags[at + 2] = keyEnd
    this.#tags[at + 3] = this.#hash
  }

  #sameKey(other: number, key: number, keyEnd: number): boolean {
    const bytes = this.out.bytes
    const start = this.#tags[other + 1]
    if (this.#tags[other + 2] - start !== keyEnd - key) return false
    for (let i = 0; i < keyEnd - key; i++) if (bytes[start + i] !== bytes[key + i]) return false
    return true
  }

  #grow(tags: number): void {
    const grown = new Int32Array(this.#tags.length * 2)
    grown.set(this.#tags)
    this.#tags = grown
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = (slots.length >> 1) - 1
    for (let number = 0; number < tags; number++) {
      // Of equal keys the last one is in the table.
      if (this.#tags[number * TAG_WORDS] < 0) continue
      let slot = this.#tags[number * TAG_WORDS + 3] & mask
      while (slots[2 * slot] === this.#generation) slot = (slot + 1) & mask
      slots[2 * slot] = this.#generation
      slots[2 * slot + 1] = number
    }
    this.#slots = slots
  }

  /** Takes out the tags that later ones replaced: one pass over the span, however many they are. */
  protected dropDuplicates(): void {
    if (this.#replaced === 0) return
    const { out } = this
    const tags = this.#tags
    let to = -1
    let from = 0
    for (let number = 0; number < this.#count; number++) {
      const start = tags[number * TAG_WORDS]
      if (start >= 0) continue
      const field = -start - 1
      if (to < 0) to = field
      else {
        moveBytes(out.bytes, to, from, field)
        to += field - from
      }
      from = this.#fieldEnd(field)
    }
    moveBytes(out.bytes, to, from, out.pos)
    out.pos -= from - to
  }

  #fieldEnd(field: number): number {
    const { bytes } = this.out
    let pos = field + 1
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[pos++]
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) return pos + length
    }
  }

  has(key: number): boolean {
    return this.starts[key] >= 0
  }

  /** Says where the text of a class stands in `aside`. */
  put(key: number, start: number, end: number): void {
    if (this.starts[key] === ABSENT) this.seen[this.seenCount++] = key
    this.starts[key] = start
    this.ends[key] = end
    this.#kinds[key] = TEXT
  }

  /** From here on the span has no such text. */
  forget(key: number): void {
    if (this.starts[key] >= 0) this.starts[key] = FORGOTTEN
  }

  protected forgetAll(): void {
    for (let i = 0; i < this.seenCount; i++) this.starts[this.seen[i]] = ABSENT
    this.seenCount = 0
  }

  /** Brings the classes of this span into ascending order; they are few. */
  sortSeen(): void {
    const { seen } = this
    for (let i = 1; i < this.seenCount; i++) {
      const key = seen[i]
      let at = i
      while (at > 0 && seen[at - 1] > key) seen[at] = seen[--at]
      seen[at] = key
    }
  }

  isText(key: number, text: string): boolean {
    const length = this.ends[key] - this.starts[key]
    return this.has(key) && length === text.length && this.text(key) === text
  }

  /** For comparing with ASCII: other characters do not come out right. */
  text(key: number): string {
    return this.has(key) ? latin1(this.aside.bytes, this.starts[key], this.ends[key]) : ''
  }

  /** An unsigned 32-bit number that a class's text says; -1 = it says none. */
  count(key: number): number {
    if (!this.has(key)) return -1
    const text = this.text(key)
    return /^\d{1,10}$/.test(text) && Number(text) <= MAX_COUNT ? Number(text) : -1
  }

  /** What was put aside and nobody had a use for becomes attributes after all. */
  protected restAttributes(): void {
    for (let i = 0; i < this.seenCount; i++) {
      const key = this.seen[i]
      if (key >= NAME || !this.has(key)) continue
      const field = this.#openOwn(key)
      const { out } = this
      const value = out.open(VALUE_FIELD, 1)
      const kind = this.#kinds[key]
      const { bytes } = this.aside
      if (kind === TEXT || !writeTyped(out, bytes, this.starts[key], this.ends[key], kind)) {
        this.putText(STRING_FIELD, key, true)
      }
      out.close(value, 1)
      out.close(field, 1)
    }
  }

  /** An attribute with the text of `source`, if there is one; it wins over a tag of that key. */
  protected putHost(key: number, source: number): void {
    if (!this.has(source)) return
    const { out } = this
    const field = this.#openOwn(key)
    const value = out.open(VALUE_FIELD, 1)
    this.putText(STRING_FIELD, source)
    out.close(value, 1)
    out.close(field, 1)
    this.forget(key)
  }

  protected putPort(key: number, port: number): void {
    if (port === 0) return
    const { out } = this
    const field = this.#openOwn(key)
    const value = out.open(VALUE_FIELD, 1)
    writeInt(out, port)
    out.close(value, 1)
    out.close(field, 1)
    this.forget(key)
  }

  protected putFlag(key: number): void {
    const { out } = this
    const field = this.#openOwn(key)
    const value = out.open(VALUE_FIELD, 1)
    out.tag(BOOL_FIELD)
    out.varint(1)
    out.close(value, 1)
    out.close(field, 1)
    this.forget(key)
  }

  #openOwn(key: number): number {
    const { out } = this
    const field = out.open(ATTRIBUTE_FIELD, 1)
    const start = out.open(KEY_FIELD, 1)
    const bytes = KEY_BYTES[key]
    out.pos = copyBytes(out.bytes, start, bytes, 0, bytes.length)
    out.close(start, 1)
    return field
  }

  /** A string field with the text of a class; an empty one is left out unless it is wanted. */
  protected putText(tag: number, key: number, wanted = false): void {
    const start = this.starts[key]
    const end = this.ends[key]
    if (start < 0 || (start === end && !wanted)) return
    const { out } = this
    out.tag(tag)
    out.varint(end - start)
    out.pos = copyBytes(out.bytes, out.pos, this.aside.bytes, start, end)
  }
}
