/**
 * One HTTP/2 connection over a socket, without a role: frames are checked and answered, windows kept, streams found
 * (RFC 9113). What a server or a client makes of headers, pings and settings is for the classes built on it.
 */
import type { Socket } from 'node:net'
import { onChunk } from '../read-in-place.ts'
import { ClosedStreams } from './closed-streams.ts'
import { FrameReader, type FrameSink } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { HeaderAssembly } from './header-assembly.ts'
import { type HeaderBlock, type HeaderLimits, HpackReader } from './hpack.ts'
import { type PeerSettings, readPeerSettings } from './peer-settings.ts'
import {
  ACK,
  CONTINUATION,
  DEFAULT_TABLE_BYTES,
  DEFAULT_WINDOW_BYTES,
  END_STREAM,
  GOAWAY,
  H2,
  HEADERS,
  MAX_WINDOW_BYTES,
  MIN_MAX_FRAME_BYTES,
  PING,
  PRIORITY,
  RST_STREAM,
  SETTING,
  SETTINGS,
  WINDOW_UPDATE,
} from './protocol.ts'
import { SendFlow } from './send-flow.ts'
import type { Http2Stream, Outbox } from './stream.ts'

export interface ConnectionLimits {
  readonly headers: HeaderLimits
  /** What this side takes before it must say more: for the whole connection, and for each stream. */
  readonly connectionWindowBytes: number
  readonly streamWindowBytes: number
  readonly maxFrameBytes: number
  /** Streams that the other side may have open; 0: it may open none. */
  readonly maxStreams: number
  /** A peer that reads nothing while it makes us answer is cut when so much waits with the socket. */
  readonly maxBacklogBytes: number
}

/** How long a peer may take to close its side after we have closed ours. */
const LINGER_MS = 500

export abstract class Http2Connection implements FrameSink {
  readonly socket: Socket
  readonly streams = new Map<number, Http2Stream>()
  /** As the peer last set them. */
  readonly peer: PeerSettings = {
    initialWindowBytes: DEFAULT_WINDOW_BYTES,
    maxFrameBytes: MIN_MAX_FRAME_BYTES,
    maxStreams: Number.POSITIVE_INFINITY,
    tableBytes: DEFAULT_TABLE_BYTES,
  }
  protected readonly writer: FrameWriter
  protected readonly flow: SendFlow
  readonly limits: ConnectionLimits
  /** Highest id that the peer has opened (server) or we have (client). */
  protected lastStream = 0
  /** Streams that are gone, for frames that were on their way then. */
  protected readonly gone = new ClosedStreams()
  readonly #reader: FrameReader
  readonly #hpack: HpackReader
  readonly #headers = new HeaderAssembly()
  #receiveWindow: number
  /** Of the DATA frame that is being read; undefined when its stream is gone. */
  #current: Http2Stream | undefined
  /** In a GOAWAY of ours. */
  #lastNamed = Number.POSITIVE_INFINITY
  #greeted = false
  #reading = false
  #over = false

  constructor(socket: Socket, limits: ConnectionLimits) {
    this.socket = socket
    this.limits = limits
    this.writer = new FrameWriter(socket)
    this.flow = new SendFlow(this.writer, this.peer, stream => this.endStream(stream))
    this.#reader = new FrameReader(this, limits.maxFrameBytes)
    this.#hpack = new HpackReader(limits.headers)
    this.#receiveWindow = limits.connectionWindowBytes
    socket.setNoDelay(true)
    onChunk(socket, chunk => this.#onChunk(chunk))
    socket.on('error', error => this.onSocketError(error))
    socket.on('end', () => this.onPeerEnd())
    socket.on('drain', () => this.#onDrain())
    socket.on('close', () => this.#onClose())
  }

  /** A complete, valid frame of headers. Returns an error for the whole connection, or 0. */
  protected abstract onHeaders(stream: number, block: HeaderBlock, end: boolean): number
  /** The peer's SETTINGS; they hold already. */
  protected abstract onSettings(): void
  protected abstract onPing(): void
  protected abstract onPong(): void
  protected abstract onGoaway(lastStream: number, error: number, debug: string): void
  /** A frame that carries nothing: priority, unknown, empty. A flood of them is work for nothing. */
  protected abstract onNoise(): void
  protected abstract onSocketError(error: Error): void
  protected abstract onPeerEnd(): void
  /** The socket is closed; every stream has been told. */
  protected abstract onClosed(): void
  /** The peer broke the protocol, or this side's patience; GOAWAY is out. */
  protected abstract onBroken(error: number, debug: string): void
  /** A stream is gone; it has been told. Not called when the whole connection ends. */
  protected abstract streamClosed(): void
  /** A stream was reset by the peer, or by us for what the peer did. */
  protected abstract onReset(): void
  /** Looks at bytes before the first frame; returns how many it took, or -1 when they are wrong. */
  protected abstract readPreface(chunk: Buffer): number

  /** This side's first frames. */
  protected greet(preface?: Uint8Array): void {
    if (preface !== undefined) this.writer.bytes(preface)
    const { streamWindowBytes, maxFrameBytes, headers, maxStreams, connectionWindowBytes } =
      this.limits
    this.writer.settings([
      [SETTING.enablePush, 0],
      [SETTING.initialWindowSize, streamWindowBytes],
      [SETTING.maxFrameSize, maxFrameBytes],
      [SETTING.maxHeaderListSize, headers.maxBytes],
      ...(maxStreams > 0 ? ([[SETTING.maxConcurrentStreams, maxStreams]] as const) : []),
    ])
    this.writer.windowUpdate(0, connectionWindowBytes - DEFAULT_WINDOW_BYTES)
    this.writer.flush()
  }

  /** In the middle of a header block, or of a frame other than DATA. */
  get isMidway(): boolean {
    return this.#headers.isOpen || this.#reader.isCollecting
  }

  get isOver(): boolean {
    return this.#over
  }

  // ---- reading -------------------------------------------------------------------------------------------------

  // hot: bench/flow/side-by-side.ts
  #onChunk(chunk: Buffer): void {
    if (this.#over) return
    const from = this.readPreface(chunk)
    if (from < 0) {
      this.fail(H2.PROTOCOL_ERROR, 'no HTTP/2')
      return
    }
    this.#reading = true
    const error = this.#reader.read(chunk, from)
    this.#reading = false
    if (error !== 0) this.fail(error)
    else if (this.writer.backlog > this.limits.maxBacklogBytes) {
      this.fail(H2.ENHANCE_YOUR_CALM, 'answers are not read')
    } else if (!this.#over) this.writer.flush()
  }

  frame(
    type: number,
    flags: number,
    stream: number,
    bytes: Buffer,
    from: number,
    to: number,
  ): number {
    if (this.#over) return 0
    if (this.#headers.isOpen !== (type === CONTINUATION)) return H2.PROTOCOL_ERROR
    if (this.#headers.isOpen && stream !== this.#headers.stream) return H2.PROTOCOL_ERROR
    if (!this.#greeted) {
      if (type !== SETTINGS || (flags & ACK) !== 0) return H2.PROTOCOL_ERROR
      this.#greeted = true
    }
    const length = to - from
    switch (type) {
      case HEADERS:
      case CONTINUATION:
        return this.#readHeaders(type, flags, stream, bytes, from, to)
      case SETTINGS:
        return this.#readSettings(flags, stream, bytes, from, to)
      case WINDOW_UPDATE:
        if (length !== 4) return H2.FRAME_SIZE_ERROR
        return this.#openWindow(stream, bytes.readUInt32BE(from) & 0x7fff_ffff)
      case RST_STREAM:
        if (stream === 0 || this.isIdle(stream)) return H2.PROTOCOL_ERROR
        if (length !== 4) return H2.FRAME_SIZE_ERROR
        this.#readReset(stream, bytes.readUInt32BE(from))
        return 0
      case PING:
        if (stream !== 0) return H2.PROTOCOL_ERROR
        if (length !== 8) return H2.FRAME_SIZE_ERROR
        this.#readPing(flags, bytes.subarray(from, to))
        return 0
      case GOAWAY:
        return this.#readGoaway(stream, bytes, from, to)
      case PRIORITY:
        return this.#readPriority(stream, bytes, from, to)
      default: // PUSH_PROMISE: a client never sends it, and no server may send it to us
        return H2.PROTOCOL_ERROR
    }
  }

  unknownFrame(): number {
    if (this.#headers.isOpen || !this.#greeted) return H2.PROTOCOL_ERROR
    this.onNoise()
    return 0
  }

  #readHeaders(
    type: number,
    flags: number,
    stream: number,
    bytes: Buffer,
    from: number,
    to: number,
  ): number {
    const error = this.#headers.add(type, flags, stream, bytes, from, to)
    if (error !== 0) return error
    if (this.#headers.isOpen) return 0
    const { block, start, end, endStream, dependsOnItself } = this.#headers
    const fields = this.#hpack.read(block, start, end)
    this.#headers.forget()
    if (fields === 'broken') return H2.COMPRESSION_ERROR
    if (dependsOnItself) {
      this.resetStream(stream, H2.PROTOCOL_ERROR)
      return 0
    }
    return this.onHeaders(stream, fields, endStream)
  }

  #readSettings(flags: number, stream: number, bytes: Buffer, from: number, to: number): number {
    if (stream !== 0) return H2.PROTOCOL_ERROR
    if ((flags & ACK) !== 0) return to === from ? 0 : H2.FRAME_SIZE_ERROR
    const { initialWindowBytes: before, tableBytes: tableBefore } = this.peer
    const error = readPeerSettings(this.peer, bytes, from, to)
    if (error !== 0) return error
    // Once told that we use none, a peer need not be told again.
    if (this.peer.tableBytes < tableBefore) this.writer.mustYieldTable = true
    const change = this.peer.initialWindowBytes - before
    if (change !== 0) {
      for (const open of this.streams.values()) {
        open.sendWindow += change
        if (open.sendWindow > MAX_WINDOW_BYTES) return H2.FLOW_CONTROL_ERROR
      }
    }
    this.writer.settingsAck()
    this.onSettings()
    if (change > 0) {
      for (const open of this.streams.values()) if (open.outbox !== null) this.flow.send(open)
    }
    return 0
  }

  #openWindow(stream: number, bytes: number): number {
    if (stream === 0) {
      if (bytes === 0) return H2.PROTOCOL_ERROR
      return this.flow.open(bytes)
    }
    const open = this.streams.get(stream)
    if (open === undefined) return this.isIdle(stream) ? H2.PROTOCOL_ERROR : 0
    open.sendWindow += bytes
    if (bytes === 0) this.resetStream(stream, H2.PROTOCOL_ERROR)
    else if (open.sendWindow > MAX_WINDOW_BYTES) this.resetStream(stream, H2.FLOW_CONTROL_ERROR)
    else if (open.outbox !== null) this.flow.send(open)
    return 0
  }

  #readReset(stream: number, error: number): void {
    const open = this.streams.get(stream)
    // One that has its answer already only stops sending, as it should.
    const isAnswered = open?.ended === true
    if (open !== undefined) this.#forget(open, error)
    if (!isAnswered) this.onReset()
  }

  #readPing(flags: number, content: Buffer): void {
    if ((flags & ACK) !== 0) {
      this.onPong()
      return
    }
    this.writer.ping(content, true)
    this.onPing()
  }

  #readGoaway(stream: number, bytes: Buffer, from: number, to: number): number {
    if (stream !== 0) return H2.PROTOCOL_ERROR
    if (to - from < 8) return H2.FRAME_SIZE_ERROR
    const last = bytes.readUInt32BE(from) & 0x7fff_ffff
    const debug = bytes.toString('latin1', from + 8, Math.min(to, from + 200))
    this.onGoaway(last, bytes.readUInt32BE(from + 4), debug)
    return 0
  }

  #readPriority(stream: number, bytes: Buffer, from: number, to: number): number {
    if (stream === 0) return H2.PROTOCOL_ERROR
    this.onNoise()
    const isWrong = to - from !== 5
    if (!isWrong && (bytes.readUInt32BE(from) & 0x7fff_ffff) !== stream) return 0
    if (this.isIdle(stream)) return isWrong ? H2.FRAME_SIZE_ERROR : H2.PROTOCOL_ERROR
    this.resetStream(stream, isWrong ? H2.FRAME_SIZE_ERROR : H2.PROTOCOL_ERROR)
    return 0
  }

  /** Never opened by anyone. */
  protected abstract isIdle(stream: number): boolean

  // hot: bench/flow/side-by-side.ts
  dataBegins(stream: number, length: number): number {
    if (this.#over) return 0
    if (this.#headers.isOpen || !this.#greeted || stream === 0) return H2.PROTOCOL_ERROR
    this.#receiveWindow -= length
    if (this.#receiveWindow < 0) return H2.FLOW_CONTROL_ERROR
    if (this.#receiveWindow < this.limits.connectionWindowBytes / 2) {
      this.writer.windowUpdate(0, this.limits.connectionWindowBytes - this.#receiveWindow)
      this.#receiveWindow = this.limits.connectionWindowBytes
    }
    if (length === 0) this.onNoise()
    const open = this.streams.get(stream)
    this.#current = open
    if (open === undefined) return this.#strayData(stream)
    if (open.peerEnded) {
      this.resetStream(stream, H2.STREAM_CLOSED)
      this.#current = undefined
      return 0
    }
    open.receiveWindow -= length
    if (open.receiveWindow < 0) {
      this.resetStream(stream, H2.FLOW_CONTROL_ERROR)
      this.#current = undefined
    }
    return 0
  }

  #strayData(stream: number): number {
    if (this.isIdle(stream)) return H2.PROTOCOL_ERROR
    if (!this.gone.wasResetByUs(stream)) {
      this.writer.reset(stream, H2.STREAM_CLOSED)
      this.onNoise()
    }
    return 0
  }

  data(bytes: Buffer, from: number, to: number): void {
    // Once let go, what is left of the frame is not for anyone.
    if (this.#current?.closed === false) this.#current.onData(bytes, from, to)
  }

  dataEnds(flags: number): void {
    const open = this.#current
    this.#current = undefined
    // Answered early and let go while its content came.
    if (open === undefined || open.closed) return
    if ((flags & END_STREAM) !== 0) this.endedByPeer(open)
    else if (!open.isDeaf && open.receiveWindow < this.limits.streamWindowBytes / 2) {
      this.writer.windowUpdate(open.id, this.limits.streamWindowBytes - open.receiveWindow)
      open.receiveWindow = this.limits.streamWindowBytes
    }
  }

  protected endedByPeer(stream: Http2Stream): void {
    stream.peerEnded = true
    stream.onEnd()
    if (stream.ended && !stream.closed) this.#forget(stream, undefined)
  }

  // ---- writing -------------------------------------------------------------------------------------------------

  /** To be called after frames were added: they leave with what is read now, or when this turn is over. */
  protected flushLater(): void {
    if (!this.#reading) this.writer.flushSoon()
  }

  /** Sends contents and then ends the stream, now or as the windows open. */
  protected send(stream: Http2Stream, outbox: Outbox): void {
    stream.outbox = outbox
    this.flow.send(stream)
    this.flushLater()
  }

  /** END_STREAM has been written. */
  protected endStream(stream: Http2Stream): void {
    stream.ended = true
    if (stream.peerEnded) this.#forget(stream, undefined)
  }

  /** Ends a stream from this side, with an error code (NO_ERROR: the rest of it is not needed). */
  resetStream(id: number, error: number): void {
    if (this.#over) return
    this.writer.reset(id, error)
    this.flushLater()
    this.gone.add(id, true)
    const open = this.streams.get(id)
    if (open !== undefined) this.#forget(open, error)
    // Making us reset streams is as cheap for a peer as resetting them itself (CVE-2025-8671).
    if (error === H2.REFUSED_STREAM) this.onNoise()
    else if (error !== H2.NO_ERROR) this.onReset()
  }

  #forget(stream: Http2Stream, error: number | undefined): void {
    stream.closed = true
    this.streams.delete(stream.id)
    if (stream.outbox !== null) this.flow.forget(stream)
    if (error === undefined) this.gone.add(stream.id, false)
    else if (!this.gone.wasResetByUs(stream.id)) this.gone.add(stream.id, false)
    stream.onClosed(error)
    this.streamClosed()
  }

  protected ping(): void {
    this.writer.ping(PING_CONTENT, false)
    this.flushLater()
  }

  /** A later one never names a higher stream (RFC 9113 §6.8). */
  protected goaway(lastStream: number, error: number, debug = ''): void {
    this.#lastNamed = Math.min(lastStream, this.#lastNamed)
    this.writer.goaway(this.#lastNamed, error, debug)
    this.flushLater()
  }

  /** GOAWAY with this error, and the end. */
  fail(error: number, debug = ''): void {
    if (this.#over) return
    this.#over = true
    this.goaway(this.limits.maxStreams > 0 ? this.lastStream : 0, error, debug)
    this.writer.flush()
    this.onBroken(error, debug)
    this.#linger()
  }

  /** Ends without a word more than what is written already. */
  destroy(): void {
    this.#over = true
    this.socket.destroy()
  }

  /** Ends when everything written has left. */
  protected finish(): void {
    if (this.#over) return
    this.writer.flush()
    this.#over = true
    this.#linger()
  }

  /** Closing at once would be a reset if the peer is still sending, and take away what it has not read yet. */
  #linger(): void {
    this.socket.end()
    setTimeout(() => this.socket.destroy(), LINGER_MS).unref()
  }

  #onDrain(): void {
    if (this.#over) return
    this.flow.goOn()
    this.flushLater()
  }

  #onClose(): void {
    this.#over = true
    for (const stream of this.streams.values()) {
      stream.closed = true
      stream.outbox = null
      stream.onClosed(H2.CANCEL)
    }
    this.streams.clear()
    this.onClosed()
  }
}

const PING_CONTENT = Buffer.from('millrace')
