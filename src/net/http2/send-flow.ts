/** Flow control of what one side sends (RFC 9113 §5.2): contents go out as the windows of stream and connection allow. */
import type { FrameWriter } from './frame-writer.ts'
import type { PeerSettings } from './peer-settings.ts'
import { DATA, DEFAULT_WINDOW_BYTES, END_STREAM, H2, MAX_WINDOW_BYTES } from './protocol.ts'
import type { Http2Stream, Outbox } from './stream.ts'

export class SendFlow {
  readonly #writer: FrameWriter
  readonly #peer: PeerSettings
  readonly #ended: (stream: Http2Stream) => void
  /** Of the connection. */
  #window = DEFAULT_WINDOW_BYTES
  /**
   * Streams whose outbox waits for the connection, in the order in which they began to. Those that their own window holds
   * back are not here: a peer could have us look at all of them for each byte by which it opens the connection.
   */
  readonly #waiting = new Set<Http2Stream>()

  /** `ended` is called when the frame that ends a stream is written. */
  constructor(writer: FrameWriter, peer: PeerSettings, ended: (stream: Http2Stream) => void) {
    this.#writer = writer
    this.#peer = peer
    this.#ended = ended
  }

  /** True if `bytes` may go out at once on this stream, as one frame. */
  allows(stream: Http2Stream, bytes: number): boolean {
    return bytes <= this.#window && bytes <= stream.sendWindow && this.#waiting.size === 0
  }

  /** Counts content that is written. */
  count(stream: Http2Stream, bytes: number): void {
    this.#window -= bytes
    stream.sendWindow -= bytes
  }

  /** The connection's window opens. Returns the error that ends the connection, or 0. */
  open(bytes: number): number {
    this.#window += bytes
    if (this.#window > MAX_WINDOW_BYTES) return H2.FLOW_CONTROL_ERROR
    this.goOn()
    return 0
  }

  /** The connection takes more: its window has opened, or the socket has gone through what it had. */
  goOn(): void {
    for (const stream of this.#waiting) {
      if (this.#room <= 0) return
      this.send(stream)
    }
  }

  get #room(): number {
    return Math.min(this.#window, this.#writer.room)
  }

  /** Sends of the stream's outbox what can go, and ends the stream when that is all. */
  send(stream: Http2Stream): void {
    const outbox = stream.outbox as Outbox
    while (outbox.left > 0) {
      if (stream.sendWindow <= 0) {
        this.#waiting.delete(stream)
        return
      }
      const room = Math.min(this.#room, stream.sendWindow, this.#peer.maxFrameBytes)
      if (room <= 0) {
        this.#waiting.add(stream)
        return
      }
      this.#writeData(stream, outbox, Math.min(room, outbox.left))
    }
    this.forget(stream)
    if (outbox.trailers !== null) this.#writer.headers(stream.id, outbox.trailers, true)
    if (outbox.onWritten !== null) this.#writer.afterWrite(outbox.onWritten)
    this.#ended(stream)
  }

  forget(stream: Http2Stream): void {
    this.#waiting.delete(stream)
    stream.outbox = null
  }

  #writeData(stream: Http2Stream, outbox: Outbox, bytes: number): void {
    this.count(stream, bytes)
    outbox.left -= bytes
    const isLast = outbox.left === 0 && outbox.trailers === null
    this.#writer.frameHeader(bytes, DATA, isLast ? END_STREAM : 0, stream.id)
    let left = bytes
    while (left > 0) {
      const chunk = outbox.chunks[outbox.index]
      const taken = Math.min(left, chunk.length - outbox.offset)
      const isWhole = taken === chunk.length
      this.#writer.bytes(isWhole ? chunk : chunk.subarray(outbox.offset, outbox.offset + taken))
      left -= taken
      outbox.offset += taken
      if (outbox.offset < chunk.length) continue
      outbox.index++
      outbox.offset = 0
    }
  }
}
