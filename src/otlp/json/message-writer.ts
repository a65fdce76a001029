/**
 * Where the JSON reader puts the protobuf it makes: one buffer that always has room for what the rest of the text can
 * become, so that copying a string needs no check per byte.
 *
 * Output is bounded by the text. Only `0,` in a list of doubles or fixed64 makes 8 bytes of 2; every other value is at
 * most a tag and ten bytes beside a quoted key. So a request is never longer than MAX_EXPANSION times its text.
 */
import { varintSize, writeVarint } from '../wire-writer.ts'

/** Bytes of protobuf that one byte of JSON can become, at most. */
export const MAX_EXPANSION = 4

/** Protobuf messages end at 2 GiB. */
const MAX_BYTES = 0x7fff_ffff

/**
 * Room beyond the rest of the text: for one value that is longer in protobuf than in JSON, and for 4 bytes that each
 * of MAX_DEPTH open messages may still need for its length.
 */
const SLACK = 1024

/** Between requests a buffer of this size is kept; a larger one goes back to the heap. */
const KEPT_BYTES = 4 * 1024 * 1024
const FIRST_BYTES = 64 * 1024
const LEAST_GROWTH = 1.25

/** Contents up to this length are moved by a loop: a native call costs as much as 50 bytes. */
const LOOP_MOVE = 64

export class MessageWriter {
  bytes: Uint8Array = new Uint8Array(FIRST_BYTES)
  /** The same bytes, written four at a time. */
  view = new DataView(this.bytes.buffer)
  pos = 0

  /** Starts anew with room for a text of `length` bytes; false when there is no such memory. */
  start(length: number): boolean {
    this.pos = 0
    return this.reserve(length)
  }

  /** The message so far as its own exact copy; the writer is empty afterwards. */
  take(): Uint8Array {
    const message = this.bytes.slice(0, this.pos)
    this.release()
    return message
  }

  release(): void {
    this.pos = 0
    if (this.bytes.length > KEPT_BYTES) this.#use(new Uint8Array(FIRST_BYTES))
  }

  /** Before each value: room for `rest`, the bytes of text to come. False when there is no such memory. */
  reserve(rest: number): boolean {
    return this.bytes.length - this.pos >= rest + SLACK || this.#grow(rest)
  }

  #grow(rest: number): boolean {
    const { length } = this.bytes
    const likely = Math.min(length * 2, this.pos + MAX_EXPANSION * rest)
    // By a part of what there is in any case: callers may know of the next value only, and all is copied each time.
    const least = Math.min(Math.max(likely, length * LEAST_GROWTH), MAX_BYTES)
    const wanted = Math.max(this.pos + rest, Math.floor(least))
    if (wanted > MAX_BYTES) return false
    try {
      // Not zeroed: every byte that leaves has been written before.
      const grown = Buffer.allocUnsafeSlow(wanted + SLACK)
      const bytes = new Uint8Array(grown.buffer, grown.byteOffset, grown.length)
      bytes.set(this.bytes.subarray(0, this.pos))
      this.#use(bytes)
      return true
    } catch {
      return false
    }
  }

  #use(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  tag(tag: number): void {
    if (tag > 0x7f) {
      this.bytes[this.pos++] = (tag & 0x7f) | 0x80
      tag >>>= 7
    }
    this.bytes[this.pos++] = tag
  }

  /** Begins a length-delimited field whose length will probably take `width` bytes; answers where its content starts. */
  open(tag: number, width: number): number {
    this.tag(tag)
    return (this.pos += width)
  }

  // hot: bench/micro/json.ts
  /** Ends the field whose content begins at `start`; answers how many bytes its length took. */
  close(start: number, width: number): number {
    const bytes = this.bytes
    const end = this.pos
    const length = end - start
    if (length < 0x80 && width === 1) {
      bytes[start - 1] = length
      return 1
    }
    const needed = varintSize(length)
    if (needed !== width) this.#move(start, end, needed - width)
    writeVarint(bytes, start - width, length)
    return needed
  }

  #move(start: number, end: number, by: number): void {
    const bytes = this.bytes
    this.pos = end + by
    if (end - start > LOOP_MOVE) bytes.copyWithin(start + by, start, end)
    else if (by > 0) for (let i = end - 1; i >= start; i--) bytes[i + by] = bytes[i]
    else for (let i = start; i < end; i++) bytes[i + by] = bytes[i]
  }

  /** An unsigned integer below 2^32. */
  varint(value: number): void {
    this.pos = writeVarint(this.bytes, this.pos, value)
  }

  /** A 64-bit varint from its halves, both unsigned. */
  varint64(high: number, low: number): void {
    const bytes = this.bytes
    let pos = this.pos
    while (high !== 0) {
      bytes[pos++] = (low & 0x7f) | 0x80
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    this.pos = writeVarint(bytes, pos, low)
  }

  fixed32(value: number): void {
    this.view.setInt32(this.pos, value, true)
    this.pos += 4
  }

  fixed64(high: number, low: number): void {
    this.view.setInt32(this.pos, low, true)
    this.view.setInt32(this.pos + 4, high, true)
    this.pos += 8
  }

  double(value: number): void {
    this.view.setFloat64(this.pos, value, true)
    this.pos += 8
  }
}
