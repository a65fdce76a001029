/**
 * Says which process keeps its undecided traces in a folder: another one would take them for those of a process that died. A
 * process is told by its number and by when it began, since numbers are given again.
 */
import { readFileSync } from 'node:fs'
import { open, readFile, rm } from 'node:fs/promises'

const OWNER_ONLY = 0o600
/** Of the fields after the name in `/proc/<pid>/stat`: when the process began. */
const STARTED = 19

export class FolderLock {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Rejects while another process holds it. What a dead one left is taken over. */
  async take(): Promise<void> {
    const owner = await readFile(this.#path, 'utf8').catch(() => '')
    const [pid = '', started = ''] = owner.split(' ')
    if (owner !== '' && owner !== nameOf(process.pid) && startOf(Number(pid)) === started) {
      throw new Error(`another process (${pid}) keeps its undecided traces here: ${this.#path}`)
    }
    await rm(this.#path, { force: true })
    // Of two that find it free at once, one fails here.
    const file = await open(this.#path, 'wx', OWNER_ONLY)
    try {
      await file.writeFile(nameOf(process.pid))
    } finally {
      await file.close()
    }
  }

  async release(): Promise<void> {
    await rm(this.#path, { force: true })
  }
}

function nameOf(pid: number): string {
  return `${pid} ${startOf(pid) ?? ''}`
}

/** Undefined for a process that does not live; empty where the system does not say. */
function startOf(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[STARTED]
  } catch {
    return isAlive(pid) ? '' : undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
