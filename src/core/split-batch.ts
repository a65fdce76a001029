/** Cuts a batch at item borders; every piece is a batch of its own with its own hold on the shared payloads. */
import { type SplitLimits, splitParts } from '../otlp/split.ts'
import { Batch, type Part } from './batch.ts'

export interface SplitBatch {
  readonly pieces: readonly Batch[]
  /** Single items that are larger than the limit; null if none. */
  readonly oversize: Batch | null
}

/** The batch is used up; whoever gets the pieces owns them. */
export function splitBatch(batch: Batch, limits: SplitLimits): SplitBatch {
  const { pieces, oversize } = splitParts(batch.parts, limits)
  const derive = (parts: readonly Part[]): Batch => {
    for (const part of parts) part.payload.retain()
    return new Batch(batch.signal, batch.tenant, batch.context, parts)
  }
  const result = {
    pieces: pieces.map(derive),
    oversize: oversize.length > 0 ? derive(oversize) : null,
  }
  batch.release()
  return result
}
