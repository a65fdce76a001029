/**
 * The key of a series, put together in one buffer that is used again: texts of the dimensions with marks between them that
 * no UTF-8 text contains, so that different dimensions never make the same key.
 */
import { randomInt } from 'node:crypto'
import { readAnyValue } from '../../otlp/any-value.ts'
import { asString } from '../../rules/as-string.ts'

/** Longer keys are not kept. */
export const MAX_KEY_BYTES = 64 << 10

const END_OF_TEXT = 0xff
const ABSENT = 0xfe
/** AnyValue: a string, an integer. */
const STRING = 0x0a
const INTEGER = 0x18
/** Integers that a varint of 4 bytes holds; they are written digit by digit. */
const SMALL = 2 ** 28
const MAX_DIGITS = 10

/** Differs from process to process, so that no sender can prepare keys that all fall into one slot. */
const SEED = randomInt(0x1_0000_0000) | 0

export class KeyBuffer {
  words = new Int32Array(256)
  bytes = new Uint8Array(this.words.buffer)
  length = 0

  reset(): void {
    this.length = 0
  }

  get isTooLong(): boolean {
    return this.length > MAX_KEY_BYTES
  }

  /** Kind, status and the like: below 0xfe. */
  byte(value: number): void {
    if (this.length >= this.bytes.length) {
      if (this.isTooLong) return
      this.#grow(1)
    }
    this.bytes[this.length++] = value
  }

  absent(): void {
    this.byte(ABSENT)
  }

  // hot: bench/micro/spanmetrics.ts
  text(from: Uint8Array, start: number, end: number): void {
    const size = end - start + 1
    if (this.length + size > this.bytes.length) {
      // What stands in a key that is too long does not matter any more.
      if (this.length + size > MAX_KEY_BYTES) {
        this.length = Number.MAX_SAFE_INTEGER
        return
      }
      this.#grow(size)
    }
    const to = this.bytes
    let pos = this.length
    for (let i = start; i < end; i++) to[pos++] = from[i]
    to[pos++] = END_OF_TEXT
    this.length = pos
  }

  /** The text of an AnyValue's content, whatever its kind: 5 and "5" are the same. */
  value(from: Uint8Array, start: number, end: number): void {
    if (from[start] === STRING) {
      const length = from[start + 1]
      if (length < 0x80 && start + 2 + length === end) {
        this.text(from, start + 2, end)
        return
      }
    } else if (from[start] === INTEGER && end - start <= 5) {
      let number = from[end - 1]
      let i = end - 2
      for (; i > start && from[i] >= 0x80; i--) number = number * 128 + (from[i] & 0x7f)
      if (i === start && number < SMALL && from[end - 1] < 0x80) {
        this.#number(number)
        return
      }
    }
    const text = Buffer.from(asString(readAnyValue(from, start, end)))
    this.text(text, 0, text.length)
  }

  // hot: bench/micro/spanmetrics.ts
  /** Ends the key: its last word is filled up with zeros, which end no text, so different keys stay different. */
  hash(): number {
    const { bytes, length } = this
    const size = (length + 3) >>> 2
    for (let i = length; i < size * 4; i++) bytes[i] = 0
    const { words } = this
    let hash = SEED
    for (let i = 0; i < size; i++) {
      hash = Math.imul(hash ^ words[i], 0x9e3779b1)
      hash ^= hash >>> 15
    }
    return hash
  }

  /** Of the key that was ended last. */
  get size(): number {
    return (this.length + 3) >>> 2
  }

  /** A copy of the key that was ended last. */
  copy(): Int32Array {
    return this.words.slice(0, this.size)
  }

  #number(value: number): void {
    if (this.length + MAX_DIGITS > this.bytes.length) {
      if (this.isTooLong) return
      this.#grow(MAX_DIGITS)
    }
    let digits = 1
    for (let power = 10; value >= power; power *= 10) digits++
    const end = this.length + digits
    for (let i = end - 1; i >= this.length; i--) {
      this.bytes[i] = 0x30 + (value % 10)
      value = Math.floor(value / 10)
    }
    this.bytes[end] = END_OF_TEXT
    this.length = end + 1
  }

  /** Room for so many bytes more, and for the end of the last word. */
  #grow(by: number): void {
    const words = new Int32Array(Math.max((this.length + by + 3) >>> 2, this.words.length * 2))
    words.set(this.words)
    this.words = words
    this.bytes = new Uint8Array(words.buffer)
  }
}
