/**
 * Begins and ends the segments of one queue: names, headers, room set aside, and what is done about a segment on which a
 * write failed, so that nothing of the failed write appears later.
 */
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { codeOf, reportFailure, type WalEnvironment } from './environment.ts'
import { encodeSegmentHeader } from './format.ts'
import type { OpenFile } from './open-files.ts'
import { Segment } from './segment.ts'

/** Names sort by age. */
const NUMBER_DIGITS = 12
/** Names that are taken already: by files of a newer version, or set aside. */
const MAX_NAME_ATTEMPTS = 16

export interface ActiveSegment {
  readonly segment: Segment
  readonly file: OpenFile
  /** Stands before the first record and is not written yet; null afterwards. */
  header: Buffer | null
  /** Written and not synced. */
  isDirty: boolean
  /** A sync of it failed: nothing more is written to it. */
  isSpoilt: boolean
}

/** A segment whose file goes on behind its end, with what nobody may see. */
interface Unclean {
  readonly path: string
  readonly number: number
  readonly end: number
}

export class SegmentMaker {
  readonly #env: WalEnvironment
  readonly #folder: string
  readonly #tenant: string
  #next: number
  #hasFolder = false
  readonly #unclean: Unclean[] = []

  /** `next` is above all numbers in the folder. */
  constructor(env: WalEnvironment, folder: string, tenant: string, next: number) {
    this.#env = env
    this.#folder = folder
    this.#tenant = tenant
    this.#next = next
  }

  /** Above all numbers that were given. */
  get next(): number {
    return this.#next
  }

  /** A new segment for at least `bytes`. Rejects when the disk does not let it. */
  async begin(bytes: number): Promise<ActiveSegment> {
    // The next header can tell of one only.
    if (!(await this.#cleanUp())) throw new Error('what failed before cannot be taken back')
    await this.#makeFolder()
    const { file, number } = await this.#create()
    const seed = randomBytes(4).readUInt32LE()
    const header = encodeSegmentHeader({
      kind: 'queue',
      seed,
      createdMs: this.#env.clock.now(),
      number,
      previous: this.#unclean[0]?.number ?? 0,
      previousEnd: this.#unclean[0]?.end ?? 0,
      name: this.#tenant,
    })
    try {
      // Without it each sync would also write the new length of the file, which takes as long again.
      await this.#env.fs.truncate(
        file.fd,
        Math.max(this.#env.options().segmentBytes, bytes + header.length),
      )
      if (this.#env.options().fsync !== 'never') await this.#env.fs.syncFolder(this.#folder)
    } catch (failure) {
      this.#env.files.done(file)
      await this.#removeNew(file.path)
      throw failure
    }
    this.#env.budget.addFileBytes(header.length)
    const segment = new Segment(number, file.path, seed, header.length)
    return { segment, file, header, isDirty: false, isSpoilt: false }
  }

  /** The header of `active` is on disk, and with it where the unclean one before it ends. */
  wrote(active: ActiveSegment): void {
    active.header = null
    this.#unclean.length = 0
  }

  /** A write behind the end of `active` failed. True if the segment can go on. */
  async rollBack(active: ActiveSegment): Promise<boolean> {
    const { segment, file, header } = active
    const end = header === null ? segment.end : 0
    try {
      await this.#env.fs.truncate(file.fd, end)
      await this.sync(file)
      return true
    } catch (failure) {
      reportFailure(this.#env, 'truncate', segment.path, failure)
      this.#unclean.push({ path: segment.path, number: segment.number, end: segment.end })
      return false
    }
  }

  /** Gives back the room that was set aside. Not needed for what is stored, so a failure is none. */
  async trim({ segment, file }: ActiveSegment): Promise<void> {
    await this.#env.fs.truncate(file.fd, segment.end).catch(() => {})
  }

  sync(file: OpenFile): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#env.gate.sync(file.fd, error => (error === null ? resolve() : reject(error)))
    })
  }

  async #makeFolder(): Promise<void> {
    if (this.#hasFolder) return
    const { fs, root } = this.#env
    const { folderMode, fsync } = this.#env.options()
    await fs.makeFolder(this.#folder, folderMode)
    if (fsync !== 'never') {
      for (let at = dirname(this.#folder); at.startsWith(root); at = dirname(at)) {
        await fs.syncFolder(at)
      }
    }
    this.#hasFolder = true
  }

  async #create(): Promise<{ file: OpenFile; number: number }> {
    for (let attempt = 1; ; attempt++) {
      const number = this.#next++
      const path = join(this.#folder, segmentName(number))
      try {
        return { file: await this.#env.files.create(path), number }
      } catch (failure) {
        const code = codeOf(failure)
        if (attempt === MAX_NAME_ATTEMPTS || (code !== 'EEXIST' && code !== 'ENOENT')) throw failure
        if (code === 'EEXIST') continue
        // It was empty, and whoever had it before has just removed it.
        this.#hasFolder = false
        await this.#makeFolder()
      }
    }
  }

  /** False while more than one segment has something behind its end. */
  async #cleanUp(): Promise<boolean> {
    for (const unclean of [...this.#unclean]) {
      if (await this.#clean(unclean)) this.#unclean.splice(this.#unclean.indexOf(unclean), 1)
    }
    return this.#unclean.length <= 1
  }

  async #clean({ path, end }: Unclean): Promise<boolean> {
    const { files, fs } = this.#env
    try {
      const file = await files.use(path)
      try {
        await fs.truncate(file.fd, end)
        await this.sync(file)
      } finally {
        files.done(file)
      }
    } catch (failure) {
      if (codeOf(failure) !== 'ENOENT') {
        reportFailure(this.#env, 'truncate', path, failure)
        return false
      }
    }
    return true
  }

  async #removeNew(path: string): Promise<void> {
    this.#env.files.forget(path)
    await this.#env.fs.remove(path).catch(() => {})
  }
}

export function segmentName(number: number): string {
  return `${String(number).padStart(NUMBER_DIGITS, '0')}.wal`
}

/** Null for what is no name of a segment. */
export function numberOfSegment(name: string): number | null {
  const digits = /^(\d{12,15})\.wal$/.exec(name)
  return digits === null ? null : Number(digits[1])
}
