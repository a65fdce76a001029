/** Names a process so that what it left behind can be told from what another one holds: by its number and by when it began, since numbers are given again. */
import { readFileSync } from 'node:fs'

/** Of the fields after the name in `/proc/<pid>/stat`: what it does, and when it began. */
const STATE = 0
const STARTED = 19

/** Dead, and only listed until the parent asks: for ever where nobody does, as in containers without an init. */
const DEAD_STATES = ['Z', 'X', 'x']

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
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return DEAD_STATES.includes(fields[STATE]) ? undefined : fields[STARTED]
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
