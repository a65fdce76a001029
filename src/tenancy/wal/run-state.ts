/**
 * Whether processes before this one ended as they should: a word in a file, `running` until the stop. Several that did not, soon
 * after their start, mean that something stored may be what ends them.
 */
import { dirname } from 'node:path'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { codeOf, messageOf } from './environment.ts'
import { readUpTo, writeAll } from './file-access.ts'
import type { WalFs } from './fs.ts'

/** Who has run for so long did not end of what it found at the start. */
const SETTLED_MS = 60_000
/** Length of the file, whatever it says. */
const STATE_BYTES = 32
/** So many unclean ends in a row are no chance. */
export const MAX_UNCLEAN = 3

export class RunState {
  readonly #fs: WalFs
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Logger
  #timer: Timer | null = null
  #unclean = 0

  constructor(fs: WalFs, path: string, clock: Clock, log: Logger) {
    this.#fs = fs
    this.#path = path
    this.#clock = clock
    this.#log = log
  }

  /** What is stored is to be tried one by one. */
  get isCareful(): boolean {
    return this.#unclean >= MAX_UNCLEAN
  }

  async begin(): Promise<void> {
    const found = /^running (\d{1,6})\n/.exec(await this.#read())
    if (found !== null) this.#unclean = Number(found[1]) + 1
    if (this.isCareful) this.#log.warn('storage_careful', { uncleanStarts: this.#unclean })
    await this.#write(`running ${this.#unclean}\n`)
    this.#timer = this.#clock.after(SETTLED_MS, () => {
      this.#unclean = 0
      void this.#write('running 0\n')
    })
  }

  async end(): Promise<void> {
    this.#timer?.cancel()
    await this.#write('stopped\n')
  }

  /** Empty when there is none, or none that can be read. */
  async #read(): Promise<string> {
    try {
      const fd = await this.#fs.open(this.#path, 'read')
      try {
        const bytes = Buffer.alloc(STATE_BYTES)
        return bytes.toString('latin1', 0, await readUpTo(this.#fs, fd, bytes, 0))
      } finally {
        await this.#fs.close(fd)
      }
    } catch {
      return ''
    }
  }

  /** Does not reject: without it the storage works as ever. */
  async #write(text: string): Promise<void> {
    const bytes = Buffer.alloc(STATE_BYTES)
    bytes.write(text, 'latin1')
    try {
      const fd = await this.#open()
      try {
        await new Promise<void>((resolve, reject) => {
          writeAll(this.#fs, fd, [bytes], bytes.length, 0, error =>
            error === null ? resolve() : reject(error),
          )
        })
      } finally {
        await this.#fs.close(fd)
      }
    } catch (failure) {
      this.#log.warn('storage_state_not_written', { error: messageOf(failure) })
    }
  }

  async #open(): Promise<number> {
    try {
      return await this.#fs.open(this.#path, 'update')
    } catch (failure) {
      if (codeOf(failure) !== 'ENOENT') throw failure
      await this.#fs.makeFolder(dirname(this.#path), OWNER_FOLDER)
      return await this.#fs.open(this.#path, 'create')
    }
  }
}

const OWNER_FOLDER = 0o700
