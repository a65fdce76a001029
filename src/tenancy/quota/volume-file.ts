/**
 * Keeps the volume of the day over restarts: one small JSON file, written anew and renamed over the old one. What was
 * sent since the last writing is forgotten by a crash, and so is a file that cannot be read: a quota is no accounting.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { TenantBook } from '../book/tenant-book.ts'
import { isTenantId } from '../identity/tenant-id.ts'
import type { KeptVolume } from './daily-volume.ts'

const FILE = 'daily-volume.json'
const VERSION = 1
const SAVE_INTERVAL_MS = 10_000
const MAX_FILE_BYTES = 32 << 20

export class VolumeFile {
  readonly #folder: string
  readonly #book: TenantBook
  readonly #clock: Clock
  readonly #log: Logger
  #timer: Timer | null = null
  #saved = ''
  #saving: Promise<void> = Promise.resolve()

  constructor(folder: string, book: TenantBook, clock: Clock, log: Logger) {
    this.#folder = folder
    this.#book = book
    this.#clock = clock
    this.#log = log
  }

  /** Rejects when the folder cannot be made; a file that cannot be read is no reason not to start. */
  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    this.#book.restoreVolumes(await this.#read())
    this.#timer = this.#clock.every(SAVE_INTERVAL_MS, () => void this.save())
  }

  async stop(): Promise<void> {
    if (this.#timer === null) return
    this.#timer.cancel()
    this.#timer = null
    await this.save()
  }

  /** Never rejects; writes nothing when nothing has changed. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#save())
    return this.#saving
  }

  async #save(): Promise<void> {
    const text = JSON.stringify({ version: VERSION, volumes: this.#book.volumes() })
    if (text === this.#saved) return
    const path = join(this.#folder, FILE)
    const next = `${path}.new`
    try {
      const file = await open(next, 'w', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(next, path)
      this.#saved = text
    } catch (error) {
      this.#log.warn('daily_volume_not_saved', { path, message: (error as Error).message })
      await rm(next, { force: true }).catch(() => {})
    }
  }

  async #read(): Promise<readonly KeptVolume[]> {
    const path = join(this.#folder, FILE)
    try {
      const text = await readFile(path, 'utf8')
      if (text.length > MAX_FILE_BYTES) throw new Error(`larger than ${MAX_FILE_BYTES} bytes`)
      const { version, volumes } = JSON.parse(text)
      if (version !== VERSION || !Array.isArray(volumes)) throw new Error('of an unknown format')
      return volumes.filter(isVolume)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') this.#log.warn('daily_volume_not_read', { path, message })
      return []
    }
  }
}

function isVolume(value: unknown): value is KeptVolume {
  const { tenant, day, items, bytes } = (value ?? {}) as Record<string, unknown>
  const isCount = (n: unknown) => typeof n === 'number' && Number.isFinite(n) && n >= 0
  return typeof tenant === 'string' && isTenantId(tenant) && [day, items, bytes].every(isCount)
}
