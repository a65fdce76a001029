/** Says which process works in a folder: another one would take its files for those of a process that died. */
import { open, readFile, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning, pidOf, processName } from './process-name.ts'

const OWNER_ONLY = 0o600
/** Two that find the lock of a dead process at once may both take it away: who is still named after so long has it. */
const CONTEST_MS = 100

/** Another process holds the lock. */
export class FolderLockedError extends Error {
  readonly pid: number
  readonly path: string

  constructor(pid: number, path: string, purpose: string) {
    super(`another process (${pid}) ${purpose}: ${path}`)
    this.name = 'FolderLockedError'
    this.pid = pid
    this.path = path
  }
}

export class FolderLock {
  readonly #path: string
  readonly #purpose: string
  #isHeld = false

  /** `purpose` goes on "another process ... " for people. */
  constructor(path: string, purpose: string) {
    this.#path = path
    this.#purpose = purpose
  }

  /** Rejects with a `FolderLockedError` while another process holds it. What a dead one left is taken over. */
  async take(): Promise<void> {
    const owner = await this.#owner()
    if (isOther(owner)) throw this.#refusal(owner)
    await rm(this.#path, { force: true })
    await this.#create()
    if (owner !== '') await sleep(CONTEST_MS)
    const winner = await this.#owner()
    if (winner !== processName(process.pid)) throw this.#refusal(winner)
    this.#isHeld = true
  }

  /** Without effect when it was not taken. */
  async release(): Promise<void> {
    if (!this.#isHeld) return
    this.#isHeld = false
    await rm(this.#path, { force: true })
  }

  /** Who holds it now: the number of a living process that is not this one, or null. */
  async heldBy(): Promise<number | null> {
    const owner = await this.#owner()
    return isOther(owner) ? pidOf(owner) : null
  }

  #owner(): Promise<string> {
    return readFile(this.#path, 'utf8').catch(() => '')
  }

  #refusal(owner: string): FolderLockedError {
    return new FolderLockedError(pidOf(owner), this.#path, this.#purpose)
  }

  /** Of two that find it free at once, one fails here. */
  async #create(): Promise<void> {
    let file: Awaited<ReturnType<typeof open>>
    try {
      file = await open(this.#path, 'wx', OWNER_ONLY)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      throw this.#refusal(await this.#owner())
    }
    try {
      await file.writeFile(processName(process.pid))
    } finally {
      await file.close()
    }
  }
}

/** True for a living process that is not this one. */
function isOther(owner: string): boolean {
  return owner !== processName(process.pid) && isRunning(owner)
}
