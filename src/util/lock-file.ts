/**
 * A file beside another one that says who is writing that one just now. For changes that take milliseconds, by commands
 * and by running collectors alike; who finds it taken waits a little. What a dead process left is taken over.
 */
import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { isRunning, processName } from './process-name.ts'

const OWNER_ONLY = 0o600
const WAIT_MS = 20
/** Together a few seconds, many times what a change takes. */
const MAX_WAITS = 250

/** Runs `work` while no other process does the same for `path`. Rejects when the lock cannot be had, or as `work` does. */
export async function withLockFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`
  await take(lock)
  try {
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}

async function take(lock: string): Promise<void> {
  const own = `${lock}.${randomUUID()}`
  await writeFile(own, processName(process.pid), { mode: OWNER_ONLY, flag: 'wx' })
  try {
    for (let waits = 0; waits < MAX_WAITS; waits++) {
      // A link appears with its content, and only if nothing has the name.
      const isTaken = await link(own, lock).then(() => false, ifExists)
      if (!isTaken) return
      if (!(await removeDead(lock))) await delay(WAIT_MS)
    }
  } finally {
    await rm(own, { force: true })
  }
  throw new Error(`another process holds ${lock}`)
}

/** True when the lock was left by a process that is dead, and is gone now. */
async function removeDead(lock: string): Promise<boolean> {
  const owner = await readFile(lock, 'utf8').catch(() => '')
  if (owner === '' || isRunning(owner)) return false
  // Moved away first: of two that take over, the second must not remove the lock of the first.
  const aside = `${lock}.${randomUUID()}`
  await rename(lock, aside).catch(() => {})
  const moved = await readFile(aside, 'utf8').catch(() => '')
  if (moved !== '' && moved !== owner) await link(aside, lock).catch(() => {})
  await rm(aside, { force: true })
  return true
}

function ifExists(error: unknown): true {
  if ((error as NodeJS.ErrnoException).code === 'EEXIST') return true
  throw error
}
