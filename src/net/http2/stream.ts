/** What a connection knows of one stream: its windows, which side has ended, and what waits for the window to open. */

export abstract class Http2Stream {
  readonly id: number
  /** Bytes that the other side still takes. */
  sendWindow: number
  /** Bytes that the other side may still send before it is told that it may send more. */
  receiveWindow: number
  peerEnded = false
  /** Our END_STREAM is out, or at least with the socket. */
  ended = false
  /** Nothing that comes is kept any more, so the other side is not told that it may send more. */
  isDeaf = false
  /** The connection no longer knows it. */
  closed = false
  /** What is left to send; null when nothing waits. */
  outbox: Outbox | null = null

  constructor(id: number, sendWindow: number, receiveWindow: number) {
    this.id = id
    this.sendWindow = sendWindow
    this.receiveWindow = receiveWindow
  }

  /** Content has come; the bytes are only valid until this returns. */
  abstract onData(bytes: Buffer, from: number, to: number): void

  /** The other side has ended in good order. */
  abstract onEnd(): void

  /**
   * The connection no longer knows the stream; the last call. `error` is the code of a reset by either side, or
   * undefined when both sides have ended.
   */
  abstract onClosed(error: number | undefined): void
}

/** Contents that go out as the windows allow. */
export interface Outbox {
  readonly chunks: readonly Uint8Array[]
  /** Chunk that is next, and how much of it has gone. */
  index: number
  offset: number
  /** Bytes of all chunks that have not gone. */
  left: number
  /** Header block that ends the stream; without one the last DATA frame does. */
  readonly trailers: Uint8Array | null
  /** Told when all of it has left this process; the chunks may change from then on. */
  readonly onWritten: (() => void) | null
}
