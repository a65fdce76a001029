/** Run by limits.test.ts with --expose-gc: indexes large requests and prints how much memory stands outside the heap then and later. */
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'

const MIB = 1 << 20

/** One unknown field that fills 64 MiB: much to hold, little to index. */
let request: Uint8Array | null = new Uint8Array(64 * MIB)
request.set([0x7a, 0xfb, 0xff, 0xff, 0x1f])
for (let i = 0; i < 20; i++) {
  const result = indexRequest('traces', request)
  if (!('items' in result)) throw new Error(JSON.stringify(result))
}
const whileRunning = outside()
request = null
// What a weak reference pointed to in this turn of the event loop lives until the turn is over.
await new Promise(resolve => setImmediate(resolve))
for (let i = 0; i < 3; i++) globalThis.gc?.()
process.stdout.write(JSON.stringify({ whileRunning, afterwards: outside() }))

function outside(): number {
  const { external, arrayBuffers } = process.memoryUsage()
  return Math.round((external + arrayBuffers) / MIB)
}
