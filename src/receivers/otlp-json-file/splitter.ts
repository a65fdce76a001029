/**
 * Cuts a stream of bytes into records, in both layouts of the `file` exporter.
 *
 * ```
 * lines            [ record ] \n [ record ] \n ...
 * length-prefixed  [ length, 4 bytes, big-endian ] [ record ] ...
 * ```
 */

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
const PREFIX_BYTES = 4

export type Cut =
  /** `bytes` are valid until the next call. `end` is the position behind it. */
  | { readonly kind: 'record'; readonly bytes: Buffer; readonly end: number }
  /** It is longer than allowed and was passed over. */
  | { readonly kind: 'oversize'; readonly length: number; readonly end: number }
  /** Where a length should stand is none: what follows cannot be told apart any more. */
  | { readonly kind: 'broken'; readonly message: string }

export interface Splitter {
  /** More bytes of the stream, which may be used again afterwards. */
  push(chunk: Uint8Array): void
  /** Null when it takes more bytes. Empty records are passed over. */
  next(): Cut | null
  /** What is left without an end. */
  readonly rest: Buffer
  /** Behind the last record. */
  readonly position: number
  /** Bytes of a line that is too long and has no end yet, which are no longer at hand; 0 = there is none. */
  readonly skipped: number
}

export function createSplitter(
  layout: 'lines' | 'lengths',
  position: number,
  maxBytes: number,
  skipped = 0,
): Splitter {
  return layout === 'lines'
    ? new LineSplitter(position, maxBytes, skipped)
    : new LengthSplitter(position, maxBytes)
}

/** Bytes that have come and are not part of a record yet. */
class Pending {
  #buffer = Buffer.alloc(0)
  #start = 0
  #end = 0

  get bytes(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  push(chunk: Uint8Array): void {
    const length = this.#end - this.#start
    if (this.#end + chunk.length > this.#buffer.length) {
      const needed = length + chunk.length
      const isRoomy = needed <= this.#buffer.length
      const target = isRoomy ? this.#buffer : Buffer.allocUnsafeSlow(Math.max(needed, 2 * length))
      this.#buffer.copy(target, 0, this.#start, this.#end)
      this.#buffer = target
      this.#start = 0
      this.#end = length
    }
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }

  drop(count: number): void {
    this.#start += count
  }
}

class LineSplitter implements Splitter {
  readonly #pending = new Pending()
  readonly #maxBytes: number
  #position: number
  /** So many bytes of what is pending have no line end in them. */
  #searched = 0
  #skipped: number

  constructor(position: number, maxBytes: number, skipped: number) {
    this.#position = position - skipped
    this.#maxBytes = maxBytes
    this.#skipped = skipped
  }

  get skipped(): number {
    return this.#skipped
  }

  get position(): number {
    return this.#position
  }

  get rest(): Buffer {
    return this.#pending.bytes
  }

  push(chunk: Uint8Array): void {
    this.#pending.push(chunk)
  }

  next(): Cut | null {
    for (;;) {
      const bytes = this.#pending.bytes
      const at = bytes.indexOf(NEWLINE, this.#searched)
      if (at < 0) {
        this.#searched = bytes.length
        if (this.#skipped + bytes.length > this.#maxBytes) this.#skip(bytes.length)
        return null
      }
      this.#searched = 0
      this.#pending.drop(at + 1)
      const length = this.#skipped + at
      this.#position += length + 1
      this.#skipped = 0
      const end = this.#position
      if (length > this.#maxBytes) return { kind: 'oversize', length, end }
      const line = withoutReturn(bytes.subarray(0, at))
      if (line.length > 0) return { kind: 'record', bytes: line, end }
    }
  }

  #skip(count: number): void {
    this.#pending.drop(count)
    this.#searched = 0
    this.#skipped += count
  }
}

class LengthSplitter implements Splitter {
  readonly skipped = 0
  readonly #pending = new Pending()
  readonly #maxBytes: number
  #position: number

  constructor(position: number, maxBytes: number) {
    this.#position = position
    this.#maxBytes = maxBytes
  }

  get position(): number {
    return this.#position
  }

  get rest(): Buffer {
    return this.#pending.bytes
  }

  push(chunk: Uint8Array): void {
    this.#pending.push(chunk)
  }

  next(): Cut | null {
    for (;;) {
      const bytes = this.#pending.bytes
      if (bytes.length < PREFIX_BYTES) return null
      const length = bytes.readUInt32BE(0)
      if (length > this.#maxBytes) {
        const message = `${length} at byte ${this.#position} is no length, or over max_log_size`
        return { kind: 'broken', message }
      }
      const whole = PREFIX_BYTES + length
      if (bytes.length < whole) return null
      this.#pending.drop(whole)
      this.#position += whole
      const end = this.#position
      if (length > 0) return { kind: 'record', bytes: bytes.subarray(PREFIX_BYTES, whole), end }
    }
  }
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
}
