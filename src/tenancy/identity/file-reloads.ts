/** Files with credentials, read at the start and again when they change. What cannot be used later on changes nothing. */
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { FileWatch } from '../../net/file-watch.ts'

export interface ReloadServices {
  readonly clock: Clock
  readonly log: Logger
}

export interface WatchedFile {
  readonly path: string
  /** Rejects and changes nothing when the file cannot be used. Never has secrets in its message. */
  load(): Promise<void>
  /** It was read again, with success. */
  reloaded?(): Promise<void>
}

export class FileReloads {
  readonly #files: readonly WatchedFile[]
  readonly #services: ReloadServices
  readonly #watches: FileWatch[] = []
  /** One after the other, or what was read first could be put in force last. */
  #turn: Promise<void> = Promise.resolve()

  constructor(files: readonly WatchedFile[], services: ReloadServices) {
    this.#files = files
    this.#services = services
  }

  /** Rejects when a file cannot be used. */
  async start(): Promise<void> {
    for (const file of this.#files) {
      const watch = new FileWatch([file.path], 0, this.#services.clock, () => this.#reload(file))
      this.#watches.push(watch)
      await watch.ready
      await file.load()
    }
  }

  stop(): void {
    for (const watch of this.#watches.splice(0)) watch.stop()
  }

  async refresh(): Promise<void> {
    for (const file of this.#files) await this.#reload(file)
  }

  /** Never rejects. */
  #reload(file: WatchedFile): Promise<void> {
    this.#turn = this.#turn.then(() => this.#reloadNow(file))
    return this.#turn
  }

  async #reloadNow(file: WatchedFile): Promise<void> {
    const { log } = this.#services
    try {
      await file.load()
      log.info('credentials_reloaded', { file: file.path })
    } catch (error) {
      const { message } = error as Error
      log.error('credentials_not_reloaded', { file: file.path, error: message })
      return
    }
    await file.reloaded?.().catch((error: Error) => {
      log.error('credentials_reload_not_audited', { file: file.path, error: error.message })
    })
  }
}
