/**
 * Cuts what a socket delivers into frames (RFC 9113 §4.1). DATA is passed on as it comes, without waiting for the
 * whole frame; every other frame is whole, and small.
 *
 * ```
 * length(3) type(1) flags(1) stream(4, first bit ignored) payload
 * ```
 */
import { CONTINUATION, DATA, FRAME_HEADER_BYTES, H2, PADDED } from './protocol.ts'

/** Largest frame that is collected before it is looked at. */
const MAX_WHOLE_FRAME_BYTES = 128 << 10

/** Answers are error codes to end the connection with; 0 goes on. */
export interface FrameSink {
  /** Any known frame but DATA. The payload is `bytes` from `from` to `to`, valid until this returns. */
  frame(
    type: number,
    flags: number,
    stream: number,
    bytes: Buffer,
    from: number,
    to: number,
  ): number
  /** A frame of an unknown type comes; its payload is skipped. */
  unknownFrame(): number
  /** A DATA frame begins; `length` with its padding, which flow control counts too. */
  dataBegins(stream: number, length: number): number
  /** A piece of its content. */
  data(bytes: Buffer, from: number, to: number): void
  dataEnds(flags: number): void
}

const AT_HEADER = 0
const IN_FRAME = 1
const IN_DATA = 2
const AT_PAD_LENGTH = 3
const IN_UNKNOWN = 4

export class FrameReader {
  readonly #sink: FrameSink
  readonly #maxFrameBytes: number
  readonly #head = Buffer.alloc(FRAME_HEADER_BYTES)
  #headLength = 0
  #state: number = AT_HEADER
  #type = 0
  #flags = 0
  #stream = 0
  /** Bytes of the payload that have not come. */
  #left = 0
  /** Those at its end that are padding. */
  #padding = 0
  #whole: Buffer | undefined
  #wholeLength = 0

  constructor(sink: FrameSink, maxFrameBytes: number) {
    this.#sink = sink
    this.#maxFrameBytes = maxFrameBytes
  }

  /** A frame other than DATA has come in part. */
  get isCollecting(): boolean {
    return this.#headLength > 0 || this.#state === IN_FRAME
  }

  /** Returns the error that ends the connection, or 0. After an error it must not be called again. */
  // hot: bench/flow/side-by-side.ts
  read(chunk: Buffer, from: number): number {
    let at = from
    let error = 0
    const end = chunk.length
    while (at < end && error === 0) {
      const left = end - at
      switch (this.#state) {
        case AT_HEADER:
          if (this.#headLength === 0 && left >= FRAME_HEADER_BYTES) {
            this.#readHeader(chunk, at)
            at += FRAME_HEADER_BYTES
          } else {
            const taken = Math.min(left, FRAME_HEADER_BYTES - this.#headLength)
            chunk.copy(this.#head, this.#headLength, at, at + taken)
            this.#headLength += taken
            at += taken
            if (this.#headLength < FRAME_HEADER_BYTES) return 0
            this.#headLength = 0
            this.#readHeader(this.#head, 0)
          }
          error = this.#begin()
          if (error !== 0 || !this.#isWhole(end - at)) break
          // The usual case: all of it is here already.
          this.#state = AT_HEADER
          error = this.#pass(chunk, at, at + this.#left)
          at += this.#left
          break
        case IN_FRAME:
          at += this.#collect(chunk, at)
          if (this.#left > 0) break
          this.#state = AT_HEADER
          error = this.#pass(this.#whole as Buffer, 0, this.#wholeLength)
          this.#whole = undefined
          break
        case IN_DATA:
          at += this.#readData(chunk, at)
          break
        case AT_PAD_LENGTH:
          this.#padding = chunk[at++]
          this.#left--
          if (this.#padding > this.#left) return H2.PROTOCOL_ERROR
          this.#state = IN_DATA
          this.#endData()
          break
        default: {
          const skipped = Math.min(left, this.#left)
          at += skipped
          this.#left -= skipped
          if (this.#left === 0) this.#state = AT_HEADER
        }
      }
    }
    return error
  }

  /** The frame is to be collected, and all of it is among the next `length` bytes. */
  #isWhole(length: number): boolean {
    return this.#state === IN_FRAME && length >= this.#left
  }

  #readHeader(bytes: Buffer, at: number): void {
    this.#left = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]
    this.#type = bytes[at + 3]
    this.#flags = bytes[at + 4]
    this.#stream = bytes.readUInt32BE(at + 5) & 0x7fff_ffff
  }

  #begin(): number {
    if (this.#left > this.#maxFrameBytes) return H2.FRAME_SIZE_ERROR
    if (this.#type === DATA) return this.#beginData()
    if (this.#type > CONTINUATION) {
      if (this.#left > 0) this.#state = IN_UNKNOWN
      return this.#sink.unknownFrame()
    }
    if (this.#left > MAX_WHOLE_FRAME_BYTES) return H2.ENHANCE_YOUR_CALM
    this.#state = IN_FRAME
    this.#wholeLength = 0
    return 0
  }

  #beginData(): number {
    const error = this.#sink.dataBegins(this.#stream, this.#left)
    if (error !== 0) return error
    this.#padding = 0
    const isPadded = (this.#flags & PADDED) !== 0
    if (isPadded && this.#left === 0) return H2.FRAME_SIZE_ERROR
    this.#state = isPadded ? AT_PAD_LENGTH : IN_DATA
    if (!isPadded) this.#endData()
    return 0
  }

  /** Returns how many bytes it took: content, and the padding behind it if that is here too. */
  #readData(chunk: Buffer, at: number): number {
    const content = Math.min(chunk.length - at, this.#left - this.#padding)
    this.#left -= content
    if (content > 0) this.#sink.data(chunk, at, at + content)
    if (this.#left > this.#padding) return content
    const padding = Math.min(chunk.length - at - content, this.#padding)
    this.#left -= padding
    this.#padding -= padding
    this.#endData()
    return content + padding
  }

  #endData(): void {
    if (this.#left > 0) return
    this.#state = AT_HEADER
    this.#sink.dataEnds(this.#flags)
  }

  #collect(chunk: Buffer, at: number): number {
    this.#whole ??= Buffer.allocUnsafe(this.#left)
    const taken = Math.min(chunk.length - at, this.#left)
    chunk.copy(this.#whole, this.#wholeLength, at, at + taken)
    this.#wholeLength += taken
    this.#left -= taken
    return taken
  }

  #pass(bytes: Buffer, from: number, to: number): number {
    return this.#sink.frame(this.#type, this.#flags, this.#stream, bytes, from, to)
  }
}
