/** One file: what it is known by, how far it was read, and its bytes. Names change when files are rotated; contents do not. */
import { type FileHandle, open } from 'node:fs/promises'

/** Bytes before the place where reading stopped, by which a file is known again. */
const TAIL_BYTES = 256

/** What is remembered of a file, also over the end of the process. */
export interface FileMemory {
  readonly path: string
  readonly dev: number
  readonly ino: number
  /** Of the file, before it: all records there are done. With gzip the beginning of a stream. */
  readonly offset: number
  /** With gzip: so much of what comes out of the stream is done. */
  readonly inner: number
  /** Bytes of the file that were looked at. */
  readonly mark: number
  /** The first bytes, and the last before `mark`. */
  readonly head: Buffer
  readonly tail: Buffer
}

export class FollowedFile {
  path: string
  readonly dev: number
  readonly ino: number
  offset = 0
  inner = 0
  mark = 0
  /** As of the last look. */
  size = 0
  /** When it was seen to have grown. */
  grownMs = 0
  /** Polls in a row that have not found it. */
  absences = 0
  /** There is more to read at once. */
  hasMore = true
  /** Size at which a last line without end was found to be none. */
  vainSize = -1
  /** Bytes of a line that is too long and being passed over. */
  skipped = 0
  /** As its first bytes say; null as long as there are none. */
  isGzip: boolean | null = null
  head: Buffer = Buffer.alloc(0)
  tail: Buffer = Buffer.alloc(0)
  readonly #headBytes: number
  #handle: FileHandle | null = null

  constructor(path: string, dev: number, ino: number, headBytes: number) {
    this.path = path
    this.dev = dev
    this.ino = ino
    this.#headBytes = headBytes
  }

  get isOpen(): boolean {
    return this.#handle !== null
  }

  /** False when another file has the name by now. Rejects with the system's error. */
  async open(): Promise<boolean> {
    if (this.#handle !== null) return true
    const handle = await open(this.path, 'r')
    const { dev, ino } = await handle.stat()
    if (dev === this.dev && ino === this.ino) {
      this.#handle = handle
      return true
    }
    await handle.close()
    return false
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close().catch(() => {})
  }

  /** Goes on where `memory` says. */
  resume({ offset, inner, mark, head, tail }: FileMemory): void {
    this.offset = offset
    this.inner = inner
    this.mark = mark
    this.head = head
    this.tail = tail
  }

  restart(): void {
    this.skipped = 0
    this.isGzip = null
    this.offset = this.inner = this.mark = 0
    this.head = this.tail = Buffer.alloc(0)
    this.vainSize = -1
  }

  /** No name leads to it any more. */
  async isDeleted(): Promise<boolean> {
    return (await this.#handle!.stat()).nlink === 0
  }

  async measure(): Promise<number> {
    return (await this.#handle!.stat()).size
  }

  /** Fewer bytes than the buffer has only at the end of the file. */
  async read(buffer: Buffer, position: number): Promise<Buffer> {
    let length = 0
    while (length < buffer.length) {
      const room = buffer.length - length
      const { bytesRead } = await this.#handle!.read(buffer, length, room, position + length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return buffer.subarray(0, length)
  }

  /** Takes down what it is known by. */
  async note(mark: number): Promise<void> {
    const wanted = Math.min(this.#headBytes, mark)
    if (this.head.length !== wanted) this.head = await this.read(Buffer.alloc(wanted), 0)
    const tail = Math.min(TAIL_BYTES, mark)
    this.tail = await this.read(Buffer.alloc(tail), mark - tail)
    this.mark = mark
  }

  /** Whether what was read of `memory` stands at the same places here. */
  async isSame({ mark, head, tail }: FileMemory): Promise<boolean> {
    if ((await this.measure()) < mark) return false
    const first = await this.read(Buffer.alloc(head.length), 0)
    if (!first.equals(head)) return false
    return (await this.read(Buffer.alloc(tail.length), mark - tail.length)).equals(tail)
  }

  get memory(): FileMemory {
    const { path, dev, ino, offset, inner, mark, head, tail } = this
    return { path, dev, ino, offset, inner, mark, head, tail }
  }
}
