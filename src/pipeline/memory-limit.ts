/** How much memory there is for this process: what the container allows, or else the machine. */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'

const MIB = 1 << 20
/** The most that is taken without being asked to (`memory_limiter` asks). */
export const DEFAULT_LIMIT_BYTES = 400 * MIB

/** cgroup v2, then v1; both say so with a huge number or a word when there is no limit. */
const CGROUP_FILES = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']

export function availableBytes(): number {
  const machine = totalmem()
  for (const file of CGROUP_FILES) {
    const limit = readLimit(file)
    if (limit !== undefined) return Math.min(machine, limit)
  }
  return machine
}

export function defaultLimitBytes(available = availableBytes()): number {
  return Math.min(DEFAULT_LIMIT_BYTES, Math.floor(available / 2))
}

function readLimit(file: string): number | undefined {
  try {
    const limit = Number(readFileSync(file, 'latin1').trim())
    return Number.isFinite(limit) && limit > 0 ? limit : undefined
  } catch {
    return undefined
  }
}
