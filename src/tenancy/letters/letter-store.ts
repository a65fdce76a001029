/**
 * Changes what is on disk: appends letters, makes room, takes away what is too old or no longer wanted. Calls must not
 * overlap; the box sees to it.
 */
import { randomInt } from 'node:crypto'
import { dirname } from 'node:path'
import type { TenantId } from '../../core/batch.ts'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { pathSegment } from '../path-segment.ts'
import { aligned, MAX_RECORDS, recordBytes, SEGMENT_HEADER_BYTES } from '../wal/format.ts'
import type { WalFs } from '../wal/fs.ts'
import { LetterFile, type LetterRecord } from './letter-file.ts'
import { loadLetters } from './load-letters.ts'
import { Shelf } from './shelf.ts'

/** A file is as large as one of these parts of all room, so that making room costs no more than that. */
const FILES_IN_ALL = 16
const MAX_FILE_BYTES = 8 << 20
const MIN_FILE_BYTES = 4096
const OWNER_ONLY = 0o700
const SEEDS = 2 ** 32

export interface LetterLimits {
  /** On disk, of all tenants together. */
  readonly maxBytes: number
  /** 0 = kept however old. */
  readonly maxAgeMs: number
  /** Nothing is kept that would leave less free on the disk. */
  readonly minFreeBytes: number
  /** Whether a letter is on disk before it counts as kept. */
  readonly sync: boolean
}

export interface StoreOptions {
  readonly directory: string
  readonly fs: WalFs
  readonly clock: Clock
  readonly log: Logger
}

export class LetterStore {
  readonly shelf = new Shelf()
  /** Letters that made room or were too old. */
  evicted = 0
  readonly #options: StoreOptions
  #limits: LetterLimits
  #fileBytes: number
  #lastNumber = 0
  /** Files that could not be removed; they take room, and it is tried again. */
  readonly #stuck = new Set<LetterFile>()

  constructor(options: StoreOptions, limits: LetterLimits) {
    this.#options = options
    this.#limits = limits
    this.#fileBytes = fileBytes(limits)
  }

  get limits(): LetterLimits {
    return this.#limits
  }

  /** What there is too much of goes with the next letter or the next look. */
  set limits(limits: LetterLimits) {
    this.#limits = limits
    this.#fileBytes = fileBytes(limits)
  }

  /** Returns how many places are damaged. */
  async load(): Promise<number> {
    const { fs, directory, log } = this.#options
    const { files, damaged, lastNumber } = await loadLetters(fs, directory, log)
    for (const file of files) this.shelf.add(file)
    this.#lastNumber = lastNumber
    await this.tidy()
    return damaged
  }

  /** Room that a tenant's first letter takes. */
  roomFor(tenant: TenantId, record: LetterRecord): number {
    return headerBytes(tenant) + sizeOf(record)
  }

  /** Rejects when the disk failed; the records from that one on are not kept. `kept` is called for each that is. */
  async append(
    tenant: TenantId,
    records: readonly LetterRecord[],
    kept: (count: number) => void,
  ): Promise<void> {
    await this.#checkDisk(records)
    let at = 0
    while (at < records.length) {
      const file = await this.#fileFor(tenant, records[at])
      const end = this.#fitting(file, records, at)
      const taken = records.slice(at, end)
      await file.append(taken, this.#options.clock.now(), this.#limits.sync)
      kept(taken.length)
      at = end
    }
  }

  /** Writes down what is gone, and takes away files without letters. Failures are logged. */
  async thinOut(files: Iterable<LetterFile>): Promise<void> {
    for (const file of [...files]) {
      if (file.segment.live === 0 && !file.isDamaged) await this.#discard(file)
      else await file.writeRemovals().catch(error => this.#tell('letters_not_removed', file, error))
    }
  }

  /** On disk. */
  get bytes(): number {
    let bytes = this.shelf.bytes
    for (const file of this.#stuck) bytes += file.bytes
    return bytes
  }

  /** Takes away what is too old, and as much as there is too much. Never rejects. */
  async tidy(): Promise<void> {
    const { maxAgeMs } = this.#limits
    if (maxAgeMs > 0) this.#expire(this.#options.clock.now() - maxAgeMs)
    const empty = [...this.shelf.files].filter(({ segment }) => segment.live === 0)
    await this.thinOut(empty)
    await this.#makeRoom('', 0).catch(() => {})
  }

  /** What was too old before is too old after the next start as well: nothing is written down. */
  #expire(limitMs: number): void {
    for (const file of this.shelf.files) {
      for (;;) {
        const { first } = file
        if (first >= file.segment.count || file.timeOf(first) >= limitMs) break
        file.segment.drop(first, true)
        this.evicted++
      }
      if (file.newestMs < limitMs) file.isDamaged = false
    }
  }

  /** The file that the next record of the tenant goes to; there is room for it. */
  async #fileFor(tenant: TenantId, record: LetterRecord): Promise<LetterFile> {
    const size = sizeOf(record)
    const current = this.shelf.of(tenant).at(-1)
    if (current?.isOpen === true && this.#fits(current, size)) {
      await this.#makeRoom(tenant, size)
      // It may have been what made room.
      if (current.isOpen) return current
    }
    if (current !== undefined) current.isOpen = false
    await this.#makeRoom(tenant, headerBytes(tenant) + size)
    const { fs, directory, clock } = this.#options
    const folder = `${directory}/${pathSegment(tenant)}`
    await fs.makeFolder(folder, OWNER_ONLY)
    // The time tells files of different starts apart, also when the ones before are gone.
    const number = Math.max(this.#lastNumber + 1, Math.floor(clock.now()))
    this.#lastNumber = number
    const file = await LetterFile.create(
      ...([fs, folder, tenant, number, randomInt(SEEDS), clock.now()] as const),
    )
    this.shelf.add(file)
    return file
  }

  async #checkDisk(records: readonly LetterRecord[]): Promise<void> {
    const { minFreeBytes } = this.#limits
    if (minFreeBytes === 0) return
    const { fs, directory } = this.#options
    const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0)
    if ((await fs.freeBytes(dirname(directory))) - bytes < minFreeBytes) {
      throw new Error(`the disk would have less than ${minFreeBytes} bytes free`)
    }
  }

  /** Index behind the last record, from `at` on, that the file takes without making more room. */
  #fitting(file: LetterFile, records: readonly LetterRecord[], at: number): number {
    const free = this.#limits.maxBytes - this.bytes
    let end = at + 1
    let size = sizeOf(records[at])
    for (; end < records.length; end++) {
      size += sizeOf(records[end])
      const isFull = file.segment.count + end - at >= MAX_RECORDS
      if (isFull || size > free || !this.#fits(file, size)) break
    }
    return end
  }

  #fits(file: LetterFile, size: number): boolean {
    const { segment } = file
    return !segment.isFull && segment.end + size <= this.#fileBytes
  }

  /** Rejects when there is none: then no more than one file has gone for it. */
  async #makeRoom(tenant: TenantId, bytes: number): Promise<void> {
    const { log } = this.#options
    const { maxBytes } = this.#limits
    if (this.bytes + bytes > maxBytes) for (const file of this.#stuck) await this.#discard(file)
    while (this.bytes + bytes > maxBytes) {
      const file = this.shelf.firstToGo(tenant, bytes)
      if (file === undefined || this.#stuck.size > 0) {
        throw new Error('there is no room, and old letters cannot be removed')
      }
      this.evicted += file.segment.live
      log.warn('letters_evicted', { tenant: file.tenant, letters: file.segment.live })
      await this.#discard(file)
    }
  }

  async #discard(file: LetterFile): Promise<void> {
    const { fs, directory } = this.#options
    this.shelf.delete(file)
    try {
      await file.destroy()
    } catch (error) {
      this.#stuck.add(file)
      this.#tell('letters_not_removed', file, error as Error)
      return
    }
    this.#stuck.delete(file)
    if (this.shelf.of(file.tenant).length > 0) return
    // Not empty where a damaged file was set aside.
    await fs.removeFolder(`${directory}/${pathSegment(file.tenant)}`).catch(() => {})
  }

  #tell(event: string, file: LetterFile, error: Error): void {
    this.#options.log.error(event, { path: file.segment.path, message: error.message })
  }
}

function sizeOf({ meta, byteLength }: LetterRecord): number {
  return recordBytes(meta.length, byteLength)
}

function fileBytes({ maxBytes }: LetterLimits): number {
  return Math.max(MIN_FILE_BYTES, Math.min(Math.floor(maxBytes / FILES_IN_ALL), MAX_FILE_BYTES))
}

function headerBytes(tenant: TenantId): number {
  return aligned(SEGMENT_HEADER_BYTES + Buffer.byteLength(tenant))
}
