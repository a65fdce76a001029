/**
 * Hands on what a processor made out of a batch. The next stage answers for what is left, the one before must hear about
 * the whole batch, and nothing may be booked as dropped that comes back for another try: all of that is decided here.
 */
import { Batch, type Part } from './batch.ts'
import type { Consumer } from './component.ts'
import { ACCEPTED, type Outcome, refused } from './outcome.ts'

/**
 * `parts` stand in place of the batch's. Those on payloads of the batch are held anew; a payload that was made for its
 * part comes with one owner, which is given up here. `settle` is called once what was left out or added is final.
 */
export function handOn(
  batch: Batch,
  parts: readonly Part[],
  next: Consumer,
  settle: () => void,
): Outcome | Promise<Outcome> {
  const own = new Set(batch.parts.map(part => part.payload))
  const rest: Part[] = []
  for (const part of parts) {
    if (own.has(part.payload)) part.payload.retain()
    if (part.items > 0) rest.push(part)
    else part.payload.release()
  }
  if (rest.length === 0) {
    batch.release()
    settle()
    return ACCEPTED
  }
  const derived = new Batch(batch.signal, batch.tenant, batch.context, rest)
  const outcome = next.consume(derived)
  if (outcome instanceof Promise) {
    return outcome.then(settled => conclude(batch, derived, settled, settle))
  }
  return conclude(batch, derived, outcome, settle)
}

function conclude(batch: Batch, derived: Batch, outcome: Outcome, settle: () => void): Outcome {
  if (outcome.kind === 'accepted') {
    batch.release()
    settle()
    return outcome
  }
  const isTaken = outcome.kind === 'refused' && outcome.items < derived.items
  if (!isTaken) {
    derived.release()
    if (outcome.kind === 'busy') return outcome
    return refused(batch.items, outcome.why, outcome.message)
  }
  batch.release()
  settle()
  // Fewer than the batch held, or the one before would take it for refused as a whole.
  return outcome.items < batch.items ? outcome : ACCEPTED
}
