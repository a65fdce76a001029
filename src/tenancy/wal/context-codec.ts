/** Who sent a request, as it stands beside the request on disk: nothing when nothing is known, else JSON. */
import { NO_CONTEXT, type RequestContext } from '../../core/batch.ts'

const NOTHING = Buffer.alloc(0)

export function encodeContext(context: RequestContext): Buffer {
  if (context.metadata.size === 0 && context.peer === '') return NOTHING
  return Buffer.from(JSON.stringify({ peer: context.peer, metadata: [...context.metadata] }))
}

/** Null for what `encodeContext` does not write. */
export function decodeContext(bytes: Uint8Array): RequestContext | null {
  if (bytes.length === 0) return NO_CONTEXT
  try {
    const { peer, metadata } = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return { peer: String(peer), metadata: new Map(metadata) }
  } catch {
    return null
  }
}
