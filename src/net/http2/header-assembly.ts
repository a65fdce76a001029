/** Puts a header block together out of HEADERS and CONTINUATION frames (RFC 9113 §6.2, §6.10), within bounds. */
import { END_HEADERS, END_STREAM, H2, HEADERS, PADDED, WITH_PRIORITY } from './protocol.ts'

/** Compressed. What is larger cannot be within any limit of ours, and must be read to the end all the same. */
const MAX_BLOCK_BYTES = 128 << 10
/** Frames of one block: many small ones are work for nothing (CVE-2024-27983). */
const MAX_FRAMES = 32

const NOTHING = Buffer.alloc(0)

export class HeaderAssembly {
  /** Frames of this block are missing; nothing else may come. */
  isOpen = false
  stream = 0
  endStream = false
  dependsOnItself = false
  /** The block, complete when no longer open, from `start` to `end`. Valid until the frame's bytes are gone. */
  block: Buffer = NOTHING
  start = 0
  end = 0
  #pieces: Buffer[] = []
  #bytes = 0

  /** Returns the error that ends the connection, or 0. */
  // hot: bench/flow/side-by-side.ts
  add(
    type: number,
    flags: number,
    stream: number,
    bytes: Buffer,
    from: number,
    to: number,
  ): number {
    if (stream === 0) return H2.PROTOCOL_ERROR
    if (type === HEADERS) {
      const error = this.#begin(flags, stream, bytes, from, to)
      if (error !== 0) return error
      if ((flags & END_HEADERS) !== 0) return 0
      this.isOpen = true
      this.#pieces = [Buffer.from(bytes.subarray(this.start, this.end))]
      this.#bytes = this.end - this.start
      return 0
    }
    this.#pieces.push(Buffer.from(bytes.subarray(from, to)))
    this.#bytes += to - from
    if (this.#bytes > MAX_BLOCK_BYTES || this.#pieces.length > MAX_FRAMES) {
      return H2.ENHANCE_YOUR_CALM
    }
    if ((flags & END_HEADERS) !== 0) this.#complete()
    return 0
  }

  forget(): void {
    this.block = NOTHING
  }

  #begin(flags: number, stream: number, bytes: Buffer, from: number, to: number): number {
    let start = from
    let end = to
    if ((flags & PADDED) !== 0) {
      if (start === end) return H2.FRAME_SIZE_ERROR
      end -= bytes[start++]
    }
    this.dependsOnItself = false
    if ((flags & WITH_PRIORITY) !== 0) {
      if (end - start < 5) return H2.FRAME_SIZE_ERROR
      this.dependsOnItself = (bytes.readUInt32BE(start) & 0x7fff_ffff) === stream
      start += 5
    }
    if (end < start) return H2.PROTOCOL_ERROR
    this.stream = stream
    this.endStream = (flags & END_STREAM) !== 0
    this.block = bytes
    this.start = start
    this.end = end
    return 0
  }

  #complete(): void {
    this.isOpen = false
    this.block = Buffer.concat(this.#pieces)
    this.start = 0
    this.end = this.block.length
    this.#pieces = []
  }
}
