/** For stages that keep the bytes of items and not their batches: changes that wait for the encoder are written out before. */
import { Batch } from '../../core/batch.ts'
import { materialise } from '../contexts/materialise.ts'

/** The batch itself where nothing is to be laid out; otherwise one more, with an owner of its own. */
export function withoutEdits(batch: Batch): Batch {
  if (batch.parts.every(({ edits }) => edits === null || edits.size === 0)) return batch
  const parts = batch.parts.map(part => {
    const laidOut = materialise(part)
    if (laidOut.payload === part.payload) part.payload.retain()
    return laidOut
  })
  return new Batch(batch.signal, batch.tenant, batch.context, parts)
}
