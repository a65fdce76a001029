/**
 * Which files are followed: looks for them, knows them again after a rotation or a restart, and gives each its turn.
 *
 * ```
 * found, unknown -> is it what we know under another name? -> go on there
 *                -> else from the beginning, or the end if it was there at the start
 * found, smaller than what was read, or other bytes there -> it was emptied: from the beginning
 * not found any more -> the rest is read, then it is only remembered
 * ```
 */
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { FileReader } from './file-reader.ts'
import { findEnd } from './find-end.ts'
import { type FileMemory, FollowedFile } from './followed-file.ts'
import type { FileFinder, FoundFile } from './glob.ts'
import { Recollection } from './recollection.ts'

/** Paths of which it is remembered that they cannot be read. */
const MAX_FAILING = 1000
/** Polls that do not find a file before it is given up: somebody may still be writing to it. */
const PATIENCE = 3

export interface FollowerOptions {
  readonly finder: FileFinder
  readonly reader: FileReader
  readonly layout: 'lines' | 'lengths'
  readonly startsAtEnd: boolean
  readonly headBytes: number
  readonly maxOpen: number
  readonly olderMs: number
  readonly flushMs: number
  readonly replays: boolean
  readonly deletes: ((path: string) => Promise<void>) | null
  readonly clock: Clock
  readonly log: Logger
  readonly isStopping: () => boolean
  /** What is remembered has changed. */
  readonly moved: () => void
}

export class Follower {
  readonly #options: FollowerOptions
  readonly #files = new Map<string, FollowedFile>()
  readonly #recollection: Recollection
  /** Paths of which it was said that they cannot be read. */
  readonly #failing = new Set<string>()
  #isFirst = true
  #wasCut = false

  constructor(options: FollowerOptions, memories: readonly FileMemory[]) {
    this.#options = options
    this.#recollection = new Recollection(memories, options.clock.monotonic())
  }

  get count(): number {
    return this.#files.size
  }

  get unreadBytes(): number {
    let bytes = 0
    for (const file of this.#files.values()) bytes += Math.max(0, file.size - file.mark)
    return bytes
  }

  /** For a checkpoint, oldest first. */
  get memories(): FileMemory[] {
    const now = [...this.#files.values()].map(file => file.memory).filter(({ mark }) => mark > 0)
    return [...this.#recollection.memories, ...now]
  }

  /** Looks once and reads what is new, a turn of each file. True when there is more. Never rejects. */
  async poll(): Promise<boolean> {
    const { finder, isStopping, replays } = this.#options
    const { files, isCut } = await finder.find()
    this.#noteCut(isCut)
    const seen = new Set<FollowedFile>()
    for (const found of this.#isFirst ? this.#ownFirst(files) : files) {
      if (isStopping()) return false
      const file = await this.#guarded(found.path, () => this.#meet(found))
      if (file) seen.add(file)
    }
    this.#isFirst = false
    let hasMore = false
    for (const [key, file] of this.#files) {
      if (isStopping()) return false
      if (seen.has(file)) file.absences = 0
      else file.absences++
      const visited = await this.#guarded(file.path, () => this.#visit(key, file))
      hasMore ||= visited !== null && file.hasMore
    }
    if (replays && !hasMore) for (const file of this.#files.values()) this.#again(file)
    return hasMore
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close()
  }

  /** After a start a copy must not be taken for what it is a copy of. */
  #ownFirst(files: readonly FoundFile[]): readonly FoundFile[] {
    const isOwn = (file: FoundFile): boolean => this.#recollection.hasOwn(file)
    return [...files.filter(isOwn), ...files.filter(file => !isOwn(file))]
  }

  #again(file: FollowedFile): void {
    file.restart()
    file.hasMore = true
  }

  /** The file that this is, known or new; null when it is left alone. */
  async #meet(found: FoundFile): Promise<FollowedFile | null> {
    const { olderMs, clock, headBytes, maxOpen } = this.#options
    const { path, dev, ino, size, modifiedMs } = found
    const key = keyOf(found)
    const known = this.#files.get(key)
    if (known !== undefined) {
      known.path = path
      this.#noteSize(known, size)
      return known
    }
    if (olderMs > 0 && clock.now() - modifiedMs > olderMs) return null
    const file = new FollowedFile(path, dev, ino, headBytes)
    if (!(await file.open())) return null
    try {
      await this.#begin(file, size)
    } catch (error) {
      await file.close()
      throw error
    }
    this.#noteSize(file, size)
    this.#files.set(key, file)
    // All that are found are met before the first is read.
    if (this.#files.size > maxOpen) await file.close()
    return file
  }

  #noteSize(file: FollowedFile, size: number): void {
    if (size === file.size) return
    file.size = size
    file.grownMs = this.#options.clock.monotonic()
    file.hasMore = true
  }

  async #begin(file: FollowedFile, size: number): Promise<void> {
    const { startsAtEnd, layout, reader, moved, clock } = this.#options
    const known = await this.#recollection.take(file, clock.monotonic())
    if (known !== null) {
      file.resume(known)
      return
    }
    if (!startsAtEnd || !this.#isFirst) return
    file.offset = (await reader.isGzip(file)) ? size : await findEnd(file, layout, size)
    await file.note(file.offset)
    moved()
  }

  async #visit(key: string, file: FollowedFile): Promise<void> {
    const { reader, clock, flushMs } = this.#options
    const isGone = file.absences >= PATIENCE
    const isOld = clock.monotonic() - file.grownMs >= flushMs
    const mayFlush = isOld && file.mark < file.size && file.vainSize !== file.size
    if (!file.isOpen && (file.absences > 0 || !(await file.open()))) {
      await this.#forget(key, file)
      return
    }
    if (file.hasMore || mayFlush || file.absences > 0) {
      await this.#checkSame(file)
      const before = file.offset + file.inner
      const end = await reader.turn(file, isOld, isGone)
      file.hasMore = end === 'again'
      if (file.offset + file.inner !== before) this.#options.moved()
    }
    if (isGone && !file.hasMore) await this.#forget(key, file)
    else if (!file.hasMore && (await this.#isToDelete(file, isOld))) await this.#remove(key, file)
    else if (this.#files.size > this.#options.maxOpen) await file.close()
  }

  /** What was read must still stand there; otherwise the file was emptied and written to anew. */
  async #checkSame(file: FollowedFile): Promise<void> {
    if (file.mark === 0 || (await file.isSame(file.memory))) return
    this.#options.log.info('file_was_emptied', { path: file.path, readBytes: file.mark })
    this.#recollection.addEmptied(file.memory, this.#options.clock.monotonic())
    file.restart()
    this.#options.moved()
  }

  /** Of gzip that is not whole yet, more was looked at than is done. */
  async #isToDelete(file: FollowedFile, isOld: boolean): Promise<boolean> {
    const { deletes } = this.#options
    return deletes !== null && isOld && file.size > 0 && file.offset >= (await file.measure())
  }

  async #remove(key: string, file: FollowedFile): Promise<void> {
    await this.#options.deletes!(file.path)
    await this.#forget(key, file)
  }

  async #forget(key: string, file: FollowedFile): Promise<void> {
    this.#files.delete(key)
    // One that was deleted is forgotten: the same content in another file is to be sent again.
    if (file.isOpen && !(await file.isDeleted())) this.#recollection.addMoved(file.memory)
    await file.close()
    this.#options.moved()
  }

  async #guarded<T>(path: string, work: () => Promise<T>): Promise<T | null> {
    try {
      const done = await work()
      this.#failing.delete(path)
      return done
    } catch (error) {
      if (this.#failing.has(path)) return null
      if (this.#failing.size < MAX_FAILING) this.#failing.add(path)
      this.#options.log.warn('file_cannot_be_read', { path, error: (error as Error).message })
      return null
    }
  }

  #noteCut(isCut: boolean): void {
    if (isCut && !this.#wasCut) this.#options.log.warn('too_many_files', { followed: this.count })
    this.#wasCut = isCut
  }
}

function keyOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`
}
