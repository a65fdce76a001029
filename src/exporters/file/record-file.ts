/**
 * A file of records that grows at its end, with rotation. Apart from the exporter because this is all that touches the disk: a record
 * is written whole or not at all, and a file that someone moved away or deleted is begun anew.
 */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'

/** Linux takes at most 1,024 buffers in one call. */
const MAX_BUFFERS = 512

const DAY_MS = 86_400_000

export interface Rotation {
  readonly maxBytes: number
  /** 0 = keep whatever the age. */
  readonly maxDays: number
  /** 0 = keep all. */
  readonly maxBackups: number
  readonly localTime: boolean
}

export interface RecordFileOptions {
  readonly path: string
  readonly append: boolean
  readonly rotation: Rotation | null
  /** Creates the directory with these permissions; null = it must exist. */
  readonly directoryMode: number | null
  /** Records are lines: a last line that a crash left unfinished gets its end before anything is added. */
  readonly lines: boolean
  readonly clock: Clock
}

export class RecordFile {
  readonly #options: RecordFileOptions
  #handle: FileHandle | undefined
  #inode = 0
  #size = 0

  constructor(options: RecordFileOptions) {
    this.#options = options
  }

  /** Rejects with the system's error. With rotation an existing file is continued, as the collector does. */
  async open(): Promise<void> {
    const { path, append, rotation, directoryMode } = this.#options
    if (directoryMode !== null) {
      await mkdir(dirname(path), { recursive: true, mode: directoryMode })
    }
    await this.#openHandle()
    if (!append && rotation === null) await this.#cutTo(0)
  }

  /** Bytes until the next rotation; infinite without. Never less than 0. */
  get room(): number {
    const { rotation } = this.#options
    return rotation === null
      ? Number.POSITIVE_INFINITY
      : Math.max(0, rotation.maxBytes - this.#size)
  }

  /**
   * Adds the chunks behind each other. A write that fails is taken back and the system's error is thrown, so that the
   * file never ends within a record. One call at a time.
   */
  async write(chunks: readonly Uint8Array[], byteLength: number): Promise<void> {
    await this.#reopenIfMoved()
    if (byteLength > this.room && this.#size > 0) await this.#rotate()
    const before = this.#size
    try {
      await this.#writeAll(chunks)
      this.#size = before + byteLength
    } catch (cause) {
      await this.#cutTo(before).catch(() => {})
      throw cause
    }
  }

  /** Safe twice. */
  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  async #openHandle(): Promise<void> {
    const { O_APPEND, O_CREAT, O_RDWR } = constants
    const handle = await open(this.#options.path, O_APPEND | O_CREAT | O_RDWR, 0o644)
    this.#handle = handle
    const { ino, size } = await handle.stat()
    this.#inode = ino
    this.#size = size
    if (this.#options.lines && this.#options.append) await this.#endLastLine(handle)
  }

  async #endLastLine(handle: FileHandle): Promise<void> {
    if (this.#size === 0) return
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, this.#size - 1)
    if (buffer[0] === 0x0a) return
    await handle.write('\n')
    this.#size++
  }

  async #cutTo(size: number): Promise<void> {
    await this.#handle?.truncate(size)
    this.#size = size
  }

  async #writeAll(chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks
    while (rest.length > 0) {
      const { bytesWritten } = await this.#handle!.writev(rest.slice(0, MAX_BUFFERS))
      if (bytesWritten === 0) throw new Error('the file takes no more bytes')
      rest = dropBytes(rest, bytesWritten)
    }
  }

  /** Log rotation by others moves or deletes the file; what we would go on writing to has no name any more. */
  async #reopenIfMoved(): Promise<void> {
    const found = await stat(this.#options.path).catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw cause
    })
    if (this.#handle !== undefined && found?.ino === this.#inode) return
    await this.close()
    await this.#openHandle()
  }

  async #rotate(): Promise<void> {
    const { path, rotation, clock } = this.#options
    await this.close()
    let ms = clock.now()
    let backup = backupPath(path, ms, rotation!.localTime)
    while (await exists(backup)) backup = backupPath(path, ++ms, rotation!.localTime)
    await rename(path, backup)
    await this.#openHandle()
    await this.#prune(rotation!)
  }

  /** Names carry the time, so their order is their age. What cannot be removed stays, and is tried again next time. */
  async #prune({ maxBackups, maxDays, localTime }: Rotation): Promise<void> {
    const { path, clock } = this.#options
    const backups = (await readdir(dirname(path))).filter(name => isBackup(path, name)).sort()
    const tooMany = maxBackups === 0 ? 0 : Math.max(0, backups.length - maxBackups)
    const oldest =
      maxDays === 0 ? '' : basename(backupPath(path, clock.now() - maxDays * DAY_MS, localTime))
    for (const [i, name] of backups.entries()) {
      if (i >= tooMany && name >= oldest) continue
      await unlink(join(dirname(path), name)).catch(() => {})
    }
  }
}

/** What is left of the chunks; a write may take less than it was given. */
function dropBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let first = 0
  let bytes = count
  while (first < chunks.length && bytes >= chunks[first].length) bytes -= chunks[first++].length
  const rest = chunks.slice(first)
  if (bytes > 0) rest[0] = rest[0].subarray(bytes)
  return rest
}

/** `out.json` becomes `out-2026-01-31T23-59-59.999.json`. */
function backupPath(path: string, ms: number, localTime: boolean): string {
  const offset = localTime ? new Date(ms).getTimezoneOffset() * 60_000 : 0
  const time = new Date(ms - offset).toISOString().slice(0, -1).replaceAll(':', '-')
  const extension = extname(path)
  return join(dirname(path), `${basename(path, extension)}-${time}${extension}`)
}

function isBackup(path: string, name: string): boolean {
  const extension = extname(path)
  const stem = `${basename(path, extension)}-`
  if (!name.startsWith(stem) || !name.endsWith(extension)) return false
  const time = name.slice(stem.length, name.length - extension.length)
  return /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/.test(time)
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
