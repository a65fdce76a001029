/**
 * One segment of letters: which there are, since when, and every access to its bytes. Segments are those of the queues, with
 * another kind. A file that was found at the start is never written to again, only read and thinned out.
 */
import { crc32 } from 'node:zlib'
import type { TenantId } from '../../core/batch.ts'
import { ACK_SLOT_BYTES, encodeAcks } from '../wal/ack-format.ts'
import { readAll, readUpTo, writeAll } from '../wal/file-access.ts'
import {
  decodeRecordHeader,
  encodeRecordHeader,
  encodeSegmentHeader,
  RECORD_HEADER_BYTES,
  recordBytes,
} from '../wal/format.ts'
import type { WalFs } from '../wal/fs.ts'
import { Segment } from '../wal/segment.ts'

/** What goes into one record. */
export interface LetterRecord {
  readonly items: number
  readonly meta: Buffer
  readonly chunks: readonly Uint8Array[]
  /** Of the chunks. */
  readonly byteLength: number
}

export type LetterBytes =
  | { readonly kind: 'letter'; readonly meta: Buffer; readonly request: Uint8Array }
  | { readonly kind: 'damaged' }

export class LetterFile {
  readonly tenant: TenantId
  readonly segment: Segment
  readonly #fs: WalFs
  /** When each was put aside, by index. */
  readonly #times: number[] = []
  /** Of the file beside it. */
  #ackBytes = 0
  #hasAcks = false
  /** No letter that still is there has a smaller index. */
  #first = 0
  /** May be written to. */
  isOpen: boolean
  /** Kept also without letters, for whoever wants to look, until it is too old or its room is needed. */
  isDamaged = false
  newestMs = 0

  constructor(fs: WalFs, tenant: TenantId, segment: Segment, isOpen: boolean) {
    this.#fs = fs
    this.tenant = tenant
    this.segment = segment
    this.isOpen = isOpen
  }

  /** Writes the header; the file and its name last when this resolves. */
  static async create(
    fs: WalFs,
    folder: string,
    tenant: TenantId,
    number: number,
    seed: number,
    nowMs: number,
  ): Promise<LetterFile> {
    const header = encodeSegmentHeader({
      ...{ kind: 'letters', seed, createdMs: nowMs, number, name: tenant },
      ...{ previous: 0, previousEnd: 0 },
    })
    const path = `${folder}/${fileName(number)}`
    const fd = await fs.open(path, 'create')
    try {
      await write(fs, fd, [header], header.length, 0)
      await sync(fs, fd)
      await fs.syncFolder(folder)
    } catch (error) {
      await fs.remove(path).catch(() => {})
      throw error
    } finally {
      await fs.close(fd)
    }
    return new LetterFile(fs, tenant, new Segment(number, path, seed, header.length), true)
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.segment.end + this.#ackBytes
  }

  get number(): number {
    return this.segment.number
  }

  timeOf(index: number): number {
    return this.#times[index]
  }

  /** Index of the oldest letter that is still there; `count` when there is none. */
  get first(): number {
    const { segment } = this
    while (this.#first < segment.count && segment.isGone(this.#first)) this.#first++
    return this.#first
  }

  /** When the oldest was put aside; 0 without letters. */
  get oldestMs(): number {
    const { first } = this
    return first < this.segment.count ? this.#times[first] : 0
  }

  /** A record that was found or written. */
  add(
    index: number,
    offset: number,
    items: number,
    contextBytes: number,
    requestBytes: number,
    timeMs: number,
  ): void {
    this.segment.add(index, offset, items, contextBytes, requestBytes)
    this.#times[index] = timeMs
    this.newestMs = Math.max(this.newestMs, timeMs)
  }

  /** What was found in the file beside it. Only whole slots count, the next one goes behind them. */
  foundAcks(bytes: number): void {
    this.#hasAcks = true
    this.#ackBytes = Math.floor(bytes / ACK_SLOT_BYTES) * ACK_SLOT_BYTES
  }

  /** Rejects when the records are not on disk; then nothing more is written to this file. */
  async append(records: readonly LetterRecord[], timeMs: number, isSynced: boolean): Promise<void> {
    const { segment } = this
    const chunks: Uint8Array[] = []
    let end = segment.end
    for (let i = 0; i < records.length; i++) {
      const { items, meta, byteLength, chunks: request } = records[i]
      const size = recordBytes(meta.length, byteLength)
      const header = Buffer.allocUnsafe(RECORD_HEADER_BYTES)
      const crc = request.reduce((sum, chunk) => crc32(chunk, sum), crc32(meta))
      encodeRecordHeader(
        ...([header, 0, segment.seed, segment.count + i, items] as const),
        ...([meta.length, byteLength, crc, timeMs] as const),
      )
      const padding = size - RECORD_HEADER_BYTES - meta.length - byteLength
      chunks.push(header, meta, ...request, Buffer.alloc(padding))
      end += size
    }
    await this.#write(chunks, end - segment.end, isSynced)
    for (const { items, meta, byteLength } of records) {
      this.add(segment.count, segment.end, items, meta.length, byteLength, timeMs)
      segment.end += recordBytes(meta.length, byteLength)
    }
  }

  async #write(chunks: readonly Uint8Array[], total: number, isSynced: boolean): Promise<void> {
    const fd = await this.#fs.open(this.segment.path, 'update')
    try {
      await write(this.#fs, fd, chunks, total, this.segment.end)
      if (isSynced) await sync(this.#fs, fd)
    } catch (error) {
      this.isOpen = false
      await this.#fs.truncate(fd, this.segment.end).catch(() => {})
      throw error
    } finally {
      await this.#fs.close(fd).catch(() => {})
    }
  }

  openToRead(): Promise<number> {
    return this.#fs.open(this.segment.path, 'read')
  }

  closeRead(fd: number): Promise<void> {
    return this.#fs.close(fd)
  }

  /** Reads what is beside the request, and what follows it as far as there is room in `window`. Returns bytes filled. */
  readMeta(fd: number, index: number, window: Buffer): Promise<number> {
    return readUpTo(this.#fs, fd, window, this.metaOffset(index))
  }

  metaOffset(index: number): number {
    return this.segment.offsetOf(index) + RECORD_HEADER_BYTES
  }

  /** Rejects when the disk cannot be read. */
  async read(fd: number, index: number): Promise<LetterBytes> {
    const { segment } = this
    const metaBytes = segment.contextBytesOf(index)
    const total = RECORD_HEADER_BYTES + metaBytes + segment.requestBytesOf(index)
    const bytes = Buffer.allocUnsafeSlow(total)
    await new Promise<void>((resolve, reject) => {
      const offset = segment.offsetOf(index)
      readAll(this.#fs, fd, [bytes], total, offset, error => (error ? reject(error) : resolve()))
    })
    const header = decodeRecordHeader(bytes, 0, segment.seed)
    const body = bytes.subarray(RECORD_HEADER_BYTES)
    if (header === null || header.index !== index || crc32(body) !== header.bodyCrc) {
      return { kind: 'damaged' }
    }
    return { kind: 'letter', meta: body.subarray(0, metaBytes), request: body.subarray(metaBytes) }
  }

  /** Writes down which letters are gone. Until then they come back with the next start. */
  async writeRemovals(): Promise<void> {
    if (!this.segment.hasUnwritten) return
    const ranges = this.segment.takeUnwritten()
    const slots = encodeAcks(ranges, 'gone', this.segment.seed)
    try {
      const { acksPath } = this.segment
      const fd = await this.#fs.open(acksPath, this.#hasAcks ? 'update' : 'create')
      this.#hasAcks = true
      try {
        await write(this.#fs, fd, [slots], slots.length, this.#ackBytes)
        await sync(this.#fs, fd)
      } finally {
        await this.#fs.close(fd)
      }
    } catch (error) {
      this.segment.putBackUnwritten(ranges)
      throw error
    }
    this.#ackBytes += slots.length
  }

  /** The letters first: what names the removed ones must not go before them. */
  async destroy(): Promise<void> {
    this.isOpen = false
    await this.#fs.remove(this.segment.path)
    if (this.#hasAcks) await this.#fs.remove(this.segment.acksPath).catch(() => {})
  }
}

const NAME_DIGITS = 16

export function fileName(number: number): string {
  return `${String(number).padStart(NAME_DIGITS, '0')}.wal`
}

function write(
  fs: WalFs,
  fd: number,
  chunks: readonly Uint8Array[],
  total: number,
  position: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    writeAll(fs, fd, chunks, total, position, error => (error ? reject(error) : resolve()))
  })
}

function sync(fs: WalFs, fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.sync(fd, error => (error ? reject(error) : resolve()))
  })
}
