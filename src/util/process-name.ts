/** Names a process so that what it left behind can be told from what another one holds: by its number and by when it began, since numbers are given again. */
import { readFileSync } from 'node:fs'

/** Of the fields after the name in `/proc/<pid>/stat`: when the process began. */
const STARTED = 19

export function processName(pid: number): string {
  return `${pid} ${startOf(pid) ?? ''}`
}

export function pidOf(name: string): number {
  return Number(name.split(' ')[0])
}

/** True for this process too, and in doubt. */
export function isRunning(name: string): boolean {
  const started = startOf(pidOf(name))
  return started !== undefined && (started === '' || started === (name.split(' ')[1] ?? ''))
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
