/** What one round of offering a batch to several takers has come to. */
import { Batch } from '../../core/batch.ts'
import { ACCEPTED, type Busy, type Outcome, type Refused, refused } from '../../core/outcome.ts'
import type { Share } from './splitter.ts'

/**
 * Everything is taken (`left` is null), nothing (`left` is the given batch, still the caller's), or some of it (`left` is
 * a batch of its own, the caller's from here on).
 */
export interface Offered {
  readonly left: Batch | null
  /** Why there is something left. */
  readonly outcome: Outcome
  /** Of items that are neither left nor taken: refused for good. Null when nothing is taken. */
  readonly refusal: Refused | null
}

export function nothingTaken(batch: Batch, outcome: Outcome): Offered {
  return { left: batch, outcome, refusal: null }
}

const ALL_TAKEN: Offered = { left: null, outcome: ACCEPTED, refusal: null }

/** `outcomes` are what the owners of the shares said. */
export function conclude(
  batch: Batch,
  shares: readonly Share<unknown>[],
  outcomes: readonly Outcome[],
): Offered {
  if (shares.length === 1 && shares[0].batch === batch) return concludeOne(batch, outcomes[0])
  const waiting: Batch[] = []
  const rejected: Batch[] = []
  let wait: Busy | null = null
  let refusal: Refused | null = null
  shares.forEach(({ batch: share }, i) => {
    const outcome = outcomes[i]
    if (outcome.kind === 'busy') {
      waiting.push(share)
      if (wait === null || outcome.retryAfterMs > wait.retryAfterMs) wait = outcome
    } else if (outcome.kind === 'refused') {
      refusal = refused((refusal?.items ?? 0) + outcome.items, outcome.why, outcome.message)
      if (outcome.items >= share.items) rejected.push(share)
    }
  })
  const { length } = shares
  if (waiting.length === length || rejected.length === length) {
    for (const { batch: share } of shares) share.release()
    return nothingTaken(batch, wait ?? refusal!)
  }
  for (const share of rejected) share.release()
  const left = waiting.length === 0 ? null : join(batch, waiting)
  batch.release()
  return { left, outcome: wait ?? ACCEPTED, refusal }
}

function concludeOne(batch: Batch, outcome: Outcome): Offered {
  if (outcome.kind === 'accepted') return ALL_TAKEN
  const isTaken = outcome.kind === 'refused' && outcome.items < batch.items
  return isTaken ? { ...ALL_TAKEN, refusal: outcome } : nothingTaken(batch, outcome)
}

/** The batches are used up. */
function join({ signal, tenant, context }: Batch, batches: readonly Batch[]): Batch {
  return new Batch(
    signal,
    tenant,
    context,
    batches.flatMap(({ parts }) => parts),
  )
}
