/** The profile of `save_to_file`: from the start to the stop of the collector, in one file, bounded by time. */
import { type FileHandle, open } from 'node:fs/promises'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { COARSE_INTERVAL_US, Profile } from './profile.ts'

/** V8 keeps every sample in memory until the end: an hour of 100 a second is some tens of megabytes. */
const LONGEST_MS = 3_600_000

export class SavedProfile {
  readonly #profile: Profile
  readonly #file: FileHandle
  readonly #log: Logger
  readonly #timer: Timer
  #finished: Promise<void> | null = null

  private constructor(profile: Profile, file: FileHandle, clock: Clock, log: Logger) {
    this.#profile = profile
    this.#file = file
    this.#log = log
    this.#timer = clock.after(LONGEST_MS, () => void this.finish())
  }

  /** Opens the file at once, so that a path that cannot be written is found at the start. */
  static async start(path: string, clock: Clock, log: Logger): Promise<SavedProfile> {
    const file = await open(path, 'w')
    try {
      return new SavedProfile(await Profile.start('cpu', COARSE_INTERVAL_US), file, clock, log)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Writes what was sampled. Safe twice; a file that cannot be written is logged. */
  finish(): Promise<void> {
    this.#finished ??= this.#finish().catch(error =>
      this.#log.error('cpu profile not saved', { error }),
    )
    return this.#finished
  }

  async #finish(): Promise<void> {
    this.#timer.cancel()
    try {
      await this.#file.writeFile(await this.#profile.finish())
    } finally {
      await this.#file.close()
    }
  }
}
