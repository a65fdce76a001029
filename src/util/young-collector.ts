/**
 * Has V8's young generation collected by received bytes. Node reads sockets into buffers outside the heap, one of up to
 * 64 KiB for each read. They die young, but V8 notices only that outside memory grows, and answers with a collection of
 * the whole heap for every 64 MiB: 37 % of the CPU at 512 spans a request. The young collection that would have freed
 * them comes too late, because so few objects are made on the heap.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { type: 'minor' }) => void

/** Well under the 64 MiB at which V8 starts on the whole heap. */
const STEP_BYTES = 8 << 20

const collect = findCollector()
let pending = 0

/** To be told of every chunk that a socket delivers. */
export function noteReceivedBytes(bytes: number): void {
  pending += bytes
  if (pending < STEP_BYTES) return
  pending = 0
  collect?.({ type: 'minor' })
}

function findCollector(): Collect | undefined {
  try {
    setFlagsFromString('--expose-gc')
    return runInNewContext('gc') as Collect
  } catch {
    return undefined
  }
}
