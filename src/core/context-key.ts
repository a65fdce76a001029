/** Which requests may be joined: those of one tenant with the same values of chosen metadata keys. */
import { type Batch, NO_CONTEXT, type RequestContext } from './batch.ts'

/** Equal for batches that may be joined. `keys` are lower-case. */
export function contextKey(batch: Batch, keys: readonly string[]): string {
  if (keys.length === 0) return batch.tenant
  const values = keys.map(key => batch.context.metadata.get(key) ?? [])
  return JSON.stringify([batch.tenant, values])
}

/** What all requests with one key have in common. */
export function sharedContext(batch: Batch, keys: readonly string[]): RequestContext {
  if (keys.length === 0) return NO_CONTEXT
  const metadata = new Map<string, readonly string[]>()
  for (const key of keys) {
    const values = batch.context.metadata.get(key)
    if (values !== undefined) metadata.set(key, values)
  }
  return { metadata, peer: '' }
}
