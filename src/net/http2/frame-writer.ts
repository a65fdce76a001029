/**
 * Collects the frames that leave in one turn of the event loop and hands them to the socket together: a write costs
 * more than a hundred small frames. Large contents are passed on by reference, never copied.
 */
import type { Socket } from 'node:net'
import {
  ACK,
  CONTINUATION,
  END_HEADERS,
  END_STREAM,
  FRAME_HEADER_BYTES,
  GOAWAY,
  HEADERS,
  MIN_MAX_FRAME_BYTES,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './protocol.ts'

const BUFFER_BYTES = 16 << 10
/** Up to this length copying costs less than another buffer in a write. */
const MAX_COPIED_BYTES = 2048
/** Content goes to the socket up to so much; the rest waits, whatever windows a peer opens that reads nothing. */
const MAX_QUEUED_BYTES = 8 << 20
/** The table of header compression gets the size 0 (RFC 7541 §6.3). */
const NO_TABLE = Buffer.of(0x20)

export class FrameWriter {
  readonly #socket: Socket
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  /** What is collected, but not yet among the parts, stands from here on. */
  #from = 0
  #length = 0
  #parts: Uint8Array[] = []
  #written: (() => void)[] = []
  /** Bytes of content since the last flush. */
  #pending = 0
  /** The peer has made its table smaller: the next header block must say that it knows (RFC 7541 §4.2). */
  mustYieldTable = false
  #scheduled = false
  readonly #flushScheduled = (): void => {
    this.#scheduled = false
    this.flush()
  }

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Bytes that the socket has not taken off our hands. */
  get backlog(): number {
    return this.#socket.writableLength
  }

  /** Bytes of content that may still be added; none or fewer: not before the socket has drained. */
  get room(): number {
    return MAX_QUEUED_BYTES - this.#pending - this.#socket.writableLength
  }

  /** Nothing is on its way from here to the system. */
  get isEmpty(): boolean {
    return this.#parts.length === 0 && this.#length === this.#from && this.backlog === 0
  }

  /** Room for `length` bytes (at most 16 KiB) in the buffer: returns where they go. The caller fills them at once. */
  // hot: bench/flow/side-by-side.ts
  take(length: number): number {
    if (this.#length + length > this.#buffer.length) {
      this.#closePart()
      this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
      this.#from = this.#length = 0
    }
    const at = this.#length
    this.#length += length
    return at
  }

  get buffer(): Buffer {
    return this.#buffer
  }

  frameHeader(length: number, type: number, flags: number, stream: number): void {
    const at = this.take(FRAME_HEADER_BYTES)
    const buffer = this.#buffer
    buffer[at] = length >>> 16
    buffer[at + 1] = length >>> 8
    buffer[at + 2] = length
    buffer[at + 3] = type
    buffer[at + 4] = flags
    buffer.writeUInt32BE(stream, at + 5)
  }

  bytes(content: Uint8Array): void {
    this.#pending += content.length
    if (content.length <= MAX_COPIED_BYTES) {
      // `take` may change the buffer, so it comes first.
      const at = this.take(content.length)
      this.#buffer.set(content, at)
      return
    }
    this.#closePart()
    this.#parts.push(content)
  }

  /** `written` is called when all that was added before has left for the system. */
  afterWrite(written: () => void): void {
    this.#written.push(written)
  }

  headers(stream: number, fields: Uint8Array, end: boolean): void {
    const block = this.mustYieldTable ? Buffer.concat([NO_TABLE, fields]) : fields
    this.mustYieldTable = false
    const isWhole = block.length <= MIN_MAX_FRAME_BYTES
    const first = isWhole ? block : block.subarray(0, MIN_MAX_FRAME_BYTES)
    const flags = (isWhole ? END_HEADERS : 0) | (end ? END_STREAM : 0)
    this.frameHeader(first.length, HEADERS, flags, stream)
    this.bytes(first)
    for (let at = first.length; at < block.length; at += MIN_MAX_FRAME_BYTES) {
      const next = block.subarray(at, at + MIN_MAX_FRAME_BYTES)
      const isLast = at + next.length === block.length
      this.frameHeader(next.length, CONTINUATION, isLast ? END_HEADERS : 0, stream)
      this.bytes(next)
    }
  }

  /** Pairs of setting and value. */
  settings(pairs: readonly (readonly [number, number])[]): void {
    this.frameHeader(pairs.length * 6, SETTINGS, 0, 0)
    for (const [setting, value] of pairs) {
      const at = this.take(6)
      this.#buffer.writeUInt16BE(setting, at)
      this.#buffer.writeUInt32BE(value, at + 2)
    }
  }

  settingsAck(): void {
    this.frameHeader(0, SETTINGS, ACK, 0)
  }

  ping(content: Uint8Array, isAck: boolean): void {
    this.frameHeader(8, PING, isAck ? ACK : 0, 0)
    this.bytes(content)
  }

  windowUpdate(stream: number, bytes: number): void {
    this.frameHeader(4, WINDOW_UPDATE, 0, stream)
    this.#number(bytes)
  }

  reset(stream: number, error: number): void {
    this.frameHeader(4, RST_STREAM, 0, stream)
    this.#number(error)
  }

  goaway(lastStream: number, error: number, debug: string): void {
    const text = Buffer.from(debug, 'latin1')
    this.frameHeader(8 + text.length, GOAWAY, 0, 0)
    this.#number(lastStream)
    this.#number(error)
    this.bytes(text)
  }

  #number(value: number): void {
    const at = this.take(4)
    this.#buffer.writeUInt32BE(value, at)
  }

  /** For frames that are not answers to what is being read: they leave when this turn is over. */
  flushSoon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    process.nextTick(this.#flushScheduled)
  }

  flush(): void {
    this.#closePart()
    const parts = this.#parts
    if (parts.length === 0) return
    this.#parts = []
    this.#pending = 0
    const done = this.#takeDone()
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) {
      done?.()
      return
    }
    if (parts.length === 1) socket.write(parts[0], done)
    else {
      socket.cork()
      const last = parts.length - 1
      for (let i = 0; i < last; i++) socket.write(parts[i])
      socket.write(parts[last], done)
      socket.uncork()
    }
    // Taken by the system at once, as it mostly is: the same buffer can be filled again.
    if (socket.writableLength === 0) this.#from = this.#length = 0
  }

  #takeDone(): (() => void) | undefined {
    if (this.#written.length === 0) return undefined
    const written = this.#written
    this.#written = []
    return () => {
      for (const call of written) call()
    }
  }

  #closePart(): void {
    if (this.#length === this.#from) return
    this.#parts.push(this.#buffer.subarray(this.#from, this.#length))
    this.#from = this.#length
  }
}
