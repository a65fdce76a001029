/**
 * Undecided traces on disk: requests as they came, and ids of traces as they are decided, appended in order to segments.
 * A segment goes once no undecided trace is as old as it. What was handed to the kernel survives the end of the process.
 *
 * ```
 * record = length (u32) | type (u8) | crc32 (u32) | length of tenant (u16) | tenant | body
 * type 1: body = an OTLP request of traces        type 2: body = trace ids, 16 bytes each
 * ```
 */
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Batch } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import { encodeParts } from '../../otlp/encode.ts'

export const REQUEST = 1
export const DECIDED = 2
export const HEAD_BYTES = 11
export const ID_BYTES = 16
const OWNER_ONLY = 0o600
const OWNER_FOLDER = 0o700
/** A new segment begins after so long or so many bytes. */
const SEGMENT_MS = 10_000
const SEGMENT_BYTES = 64 * 1024 * 1024
/** Names sort by age. */
const RUN_DIGITS = 15
const NUMBER_DIGITS = 9
/** Ids that wait to be written together. */
const MAX_IDS = 4096

export interface Segment {
  readonly path: string
  bytes: number
  /** When it was last written to; nothing in it is younger. */
  lastMs: number
}

type FileHandle = Awaited<ReturnType<typeof open>>

interface Waiting {
  readonly chunks: readonly Uint8Array[]
  readonly done: (error: Error | null) => void
}

export class Journal {
  readonly #directory: string
  readonly #prefix: string
  readonly #clock: Clock
  readonly #segments: Segment[] = []
  readonly #ids = new Map<string, { bytes: Uint8Array; length: number }>()
  #file: FileHandle | null = null
  #openedMs = 0
  /** Begins the names of this run's segments. */
  #run: string
  #number = 0
  #waiting: Waiting[] = []
  #writing: Promise<void> | null = null

  constructor(directory: string, id: string, clock: Clock) {
    this.#directory = directory
    this.#prefix = `${encodeURIComponent(id)}.journal-`
    this.#clock = clock
    this.#run = String(Math.floor(clock.now())).padStart(RUN_DIGITS, '0')
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Those that former processes left, oldest first. To be called once, before anything is written. */
  async open(): Promise<readonly Segment[]> {
    await mkdir(this.#directory, { recursive: true, mode: OWNER_FOLDER })
    const names = await readdir(this.#directory)
    for (const name of names.filter(each => each.startsWith(this.#prefix)).sort()) {
      const path = join(this.#directory, name)
      const { size } = await stat(path)
      this.#segments.push({ path, bytes: size, lastMs: Number.POSITIVE_INFINITY })
      // The clock may have gone back since.
      const run = Number(name.slice(this.#prefix.length, this.#prefix.length + RUN_DIGITS))
      if (run >= Number(this.#run)) this.#run = String(run + 1).padStart(RUN_DIGITS, '0')
    }
    return [...this.#segments]
  }

  /** What was read anew is as old as now. */
  replayed(): void {
    for (const segment of this.#segments) segment.lastMs = this.#clock.monotonic()
  }

  /** Takes over one owner of the batch; resolves when the kernel has its bytes, and all that was decided before. */
  append(batch: Batch): Promise<void> {
    const { chunks: body } = encodeParts(batch.parts)
    void this.flush().catch(() => {})
    return this.#push(record(REQUEST, batch.tenant, body)).finally(() => batch.release())
  }

  /** Four words of a trace id. Written with the next request or `flush`. */
  decided(tenant: string, id: ArrayLike<number>): void {
    let list = this.#ids.get(tenant)
    if (list === undefined) {
      list = { bytes: new Uint8Array(MAX_IDS * ID_BYTES), length: 0 }
      this.#ids.set(tenant, list)
    }
    const view = new DataView(list.bytes.buffer, list.length, ID_BYTES)
    for (let word = 0; word < ID_BYTES / 4; word++) view.setInt32(word * 4, id[word])
    list.length += ID_BYTES
    if (list.length === list.bytes.length) void this.flush().catch(() => {})
  }

  /** Ids wait to be written. */
  get hasDecided(): boolean {
    for (const { length } of this.#ids.values()) if (length > 0) return true
    return false
  }

  /** Resolves when all decided ids are with the kernel. */
  async flush(): Promise<void> {
    const written: Promise<void>[] = []
    for (const [tenant, list] of this.#ids) {
      if (list.length === 0) continue
      written.push(this.#push(record(DECIDED, tenant, [list.bytes.slice(0, list.length)])))
      list.length = 0
    }
    await Promise.all(written)
  }

  /** Lets go of segments that hold nothing of traces that began at `oldestMs` or later. */
  async prune(oldestMs: number): Promise<void> {
    while (this.#segments.length > 0 && this.#segments[0].lastMs < oldestMs) {
      const [first] = this.#segments
      const isOpen = this.#file !== null && this.#segments.length === 1
      if (isOpen) {
        const isYoung = this.#clock.monotonic() < this.#openedMs + SEGMENT_MS
        if (isYoung || this.#writing !== null) return
        await this.#leaveFile()
        continue
      }
      this.#segments.shift()
      await rm(first.path, { force: true })
    }
  }

  /** `isOver`: nothing is undecided, so nothing is kept. */
  async close(isOver: boolean): Promise<void> {
    if (!isOver) await this.flush()
    await this.#writing
    await this.#leaveFile()
    if (!isOver) return
    for (const { path } of this.#segments.splice(0)) await rm(path, { force: true })
  }

  #push(chunks: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null): void => (error === null ? resolve() : reject(error))
      this.#waiting.push({ chunks, done })
      this.#writing ??= this.#writeAll().finally(() => {
        this.#writing = null
      })
    })
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting
      this.#waiting = []
      let failure: Error | null = null
      try {
        await this.#write(waiting.flatMap(({ chunks }) => chunks))
      } catch (error) {
        failure = error as Error
      }
      for (const { done } of waiting) done(failure)
    }
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    const segment = await this.#segment()
    try {
      for (let from = 0; from < chunks.length; from += IOV_MAX) {
        await writeFully(this.#file!, chunks.slice(from, from + IOV_MAX))
      }
    } catch (error) {
      // Nothing after a record that is cut off would be read.
      await this.#leaveFile()
      throw error
    }
    segment.bytes += chunks.reduce((sum, { length }) => sum + length, 0)
    segment.lastMs = this.#clock.monotonic()
  }

  async #leaveFile(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close()
  }

  async #segment(): Promise<Segment> {
    const last = this.#segments.at(-1)
    const nowMs = this.#clock.monotonic()
    const isFull =
      last === undefined || last.bytes >= SEGMENT_BYTES || nowMs >= this.#openedMs + SEGMENT_MS
    if (this.#file !== null && !isFull) return last
    await this.#leaveFile()
    const path = await this.#openNext()
    this.#openedMs = nowMs
    const segment: Segment = { path, bytes: 0, lastMs: nowMs }
    this.#segments.push(segment)
    return segment
  }

  /** Another run may have begun in the same millisecond. */
  async #openNext(): Promise<string> {
    for (;;) {
      const name = `${this.#run}-${String(this.#number++).padStart(NUMBER_DIGITS, '0')}`
      const path = join(this.#directory, this.#prefix + name)
      try {
        this.#file = await open(path, 'ax', OWNER_ONLY)
        return path
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }
}

/** Pieces that the kernel takes in one call. */
const IOV_MAX = 1024

async function writeFully(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const wanted = chunks.reduce((sum, { length }) => sum + length, 0)
  const { bytesWritten } = await file.writev(chunks as Uint8Array[])
  if (bytesWritten === wanted) return
  // A full disk, or a signal: the rest in one piece.
  await file.writeFile(Buffer.concat(chunks as Uint8Array[]).subarray(bytesWritten))
}

function record(type: number, tenant: string, body: readonly Uint8Array[]): Uint8Array[] {
  const name = Buffer.from(tenant)
  const head = Buffer.alloc(HEAD_BYTES + name.length)
  let length = name.length + 2
  let sum = crc32(name)
  for (const chunk of body) {
    length += chunk.length
    sum = crc32(chunk, sum)
  }
  head.writeUInt32LE(length, 0)
  head.writeUInt8(type, 4)
  head.writeUInt32LE(sum, 5)
  head.writeUInt16LE(name.length, 9)
  name.copy(head, HEAD_BYTES)
  return [head, ...body]
}
