/**
 * How processes before this one ended: a word in a file, `running` until the stop, `failed` when an exception ended it. Several
 * that failed, soon after their start, mean that something stored may be what ends them. Who ended without a word may have
 * been killed by somebody else, which is no fault of what is stored: it takes many of these to mean the same.
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
/** So many ends in a row by an exception are no chance. */
const MAX_FAILED = 3
/** And so many without a word. Somebody who kills processes for a purpose hardly kills this many within their first minute. */
const MAX_SILENT = 10

export class RunState {
  readonly #fs: WalFs
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Logger
  #timer: Timer | null = null
  #failed = 0
  #silent = 0

  constructor(fs: WalFs, path: string, clock: Clock, log: Logger) {
    this.#fs = fs
    this.#path = path
    this.#clock = clock
    this.#log = log
  }

  /** What is stored is to be tried one by one. */
  get isCareful(): boolean {
    return this.#failed >= MAX_FAILED || this.#silent >= MAX_SILENT
  }

  /** At how many ends an entry that was being tried each time is taken for the cause. */
  get maxTrials(): number {
    return this.#failed >= MAX_FAILED ? MAX_FAILED : MAX_SILENT
  }

  async begin(): Promise<void> {
    const found = /^(running|failed) (\d{1,6}) (\d{1,6})\n/.exec(await this.#read())
    if (found !== null) {
      this.#failed = Number(found[2]) + (found[1] === 'failed' ? 1 : 0)
      this.#silent = Number(found[3]) + (found[1] === 'running' ? 1 : 0)
    }
    if (this.isCareful) {
      this.#log.warn('storage_careful', { failed: this.#failed, silent: this.#silent })
    }
    await this.#write(this.#text('running'))
    this.#timer = this.#clock.after(SETTLED_MS, () => {
      this.#failed = 0
      this.#silent = 0
      void this.#write(this.#text('running'))
    })
  }

  async end(): Promise<void> {
    this.#timer?.cancel()
    await this.#write('stopped\n')
  }

  /** An exception that nobody caught is about to end the process. */
  noteFault(): void {
    try {
      this.#fs.overwriteNow(this.#path, stateBytes(this.#text('failed')))
    } catch {
      // Then it has ended without a word.
    }
  }

  #text(word: 'running' | 'failed'): string {
    return `${word} ${this.#failed} ${this.#silent}\n`
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
    const bytes = stateBytes(text)
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

function stateBytes(text: string): Buffer {
  const bytes = Buffer.alloc(STATE_BYTES)
  bytes.write(text, 'latin1')
  return bytes
}
