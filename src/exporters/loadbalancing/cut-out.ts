/** Gives a share of requests bytes of its own, so that the requests need not be kept for it. */
import { Batch } from '../../core/batch.ts'
import type { MemoryBudget } from '../../core/memory.ts'
import { Payload } from '../../core/payload.ts'
import { encodeParts, flatten } from '../../otlp/encode.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault } from '../../otlp/request-index.ts'

/** A larger share of a request may as well keep all of it. */
const MAX_SHARE = 0.5

/** A batch of its own beside the given one; null when it is not worth it, cannot be, or there is no memory for it. */
export function cutOut(batch: Batch, memory: MemoryBudget): Batch | null {
  const { signal, tenant, context, parts, items } = batch
  const all = parts.reduce((sum, { index }) => sum + index.items, 0)
  if (items > all * MAX_SHARE) return null
  let bytes: Uint8Array
  try {
    bytes = flatten(encodeParts(parts))
  } catch {
    // Sending it shows what is wrong.
    return null
  }
  const index = indexRequest(signal, bytes)
  if (isWireFault(index) || index.items !== items || !memory.tryReserve(bytes.length)) return null
  const payload = new Payload(bytes, { onFree: () => memory.free(bytes.length) })
  return new Batch(signal, tenant, context, [
    { payload, index, selection: null, edits: null, items },
  ])
}
