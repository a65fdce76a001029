/**
 * Notices when any of a few small files changes its content, however that is done: written in place, renamed over, or
 * swapped by a symbolic link as Kubernetes does with mounted secrets. Events only prompt a look; content decides.
 */
import { createHash } from 'node:crypto'
import { type FSWatcher, watch } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../core/clock.ts'

/** Editors and mounts change several files one after the other. */
const SETTLE_MS = 100

/** Files that come and go, such as all of a folder. */
export interface FileSet {
  readonly folders: readonly string[]
  /** Those that are there now, in a fixed order. Never rejects. */
  list(): Promise<readonly string[]>
}

export class FileWatch {
  readonly #list: () => Promise<readonly string[]>
  readonly #clock: Clock
  readonly #changed: () => Promise<void>
  readonly #watchers: FSWatcher[] = []
  #poll: Timer | undefined
  #settling: Timer | undefined
  #seen: Promise<string>
  #looking = false
  /** Something happened during a look that may have read the files before it. */
  #lookAgain = false
  #stopped = false

  /**
   * Polls each `intervalMs`, or listens for changes if that is 0. `changed` never rejects. `read` has the SHA-256 of
   * what the owner has read of each file already: what has changed since then is noticed too.
   */
  constructor(
    files: readonly string[] | FileSet,
    intervalMs: number,
    clock: Clock,
    changed: () => Promise<void>,
    read?: ReadonlyMap<string, string>,
  ) {
    const isSet = !Array.isArray(files)
    const fixed = isSet ? [] : (files as readonly string[])
    this.#list = isSet ? () => (files as FileSet).list() : () => Promise.resolve(fixed)
    this.#clock = clock
    this.#changed = changed
    this.#seen = read === undefined ? this.#digest() : Promise.resolve(join(fixed, read))
    const folders = isSet ? (files as FileSet).folders : fixed.map(file => dirname(file))
    if (folders.length === 0) return
    if (intervalMs > 0) this.#poll = clock.every(intervalMs, () => void this.#look())
    else for (const folder of new Set(folders)) this.#listen(folder)
    if (read !== undefined) this.#prompt()
  }

  /** Resolves when it is known what the files hold now; who reads them after that misses no change. */
  get ready(): Promise<unknown> {
    return this.#seen
  }

  stop(): void {
    this.#stopped = true
    this.#poll?.cancel()
    this.#settling?.cancel()
    for (const watcher of this.#watchers) watcher.close()
  }

  #listen(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#prompt())
      watcher.on('error', () => watcher.close())
      this.#watchers.push(watcher)
    } catch {
      // No inotify handles left: look once a minute instead.
      this.#poll ??= this.#clock.every(60_000, () => void this.#look())
    }
  }

  #prompt(): void {
    this.#settling ??= this.#clock.after(SETTLE_MS, () => {
      this.#settling = undefined
      void this.#look()
    })
  }

  async #look(): Promise<void> {
    if (this.#looking) this.#lookAgain = true
    if (this.#looking || this.#stopped) return
    this.#looking = true
    const before = await this.#seen
    const now = await this.#digest()
    this.#looking = false
    if (this.#stopped) return
    if (this.#lookAgain) this.#prompt()
    this.#lookAgain = false
    if (now === before) return
    this.#seen = Promise.resolve(now)
    await this.#changed()
  }

  async #digest(): Promise<string> {
    const digests = new Map<string, string>()
    const files = await this.#list()
    for (const file of files) {
      const bytes = await readRegular(file).catch(() => undefined)
      if (bytes !== undefined) digests.set(file, createHash('sha256').update(bytes).digest('hex'))
    }
    return join(files, digests)
  }
}

/** A pipe in the place of a file would be waited for without end. */
async function readRegular(file: string): Promise<Buffer | undefined> {
  return (await stat(file)).isFile() ? readFile(file) : undefined
}

function join(files: readonly string[], digests: ReadonlyMap<string, string>): string {
  return files.map(file => `${file} ${digests.get(file) ?? 'absent'}`).join('\n')
}
