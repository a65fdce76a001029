/** What an operator hands in again, as a batch: a new obligation, booked as long as it is taken. */
import { Batch } from '../../core/batch.ts'
import type { Services } from '../../core/component.ts'
import { busy, type Outcome, refused } from '../../core/outcome.ts'
import { Payload } from '../../core/payload.ts'
import type { Requeued } from '../../core/queue-control.ts'
import { indexRequest } from '../../otlp/kernel/kernel.ts'
import { isWireFault } from '../../otlp/request-index.ts'

export function requeue(
  request: Requeued,
  { memory, ledger }: Pick<Services, 'memory' | 'ledger'>,
  take: (batch: Batch) => Outcome | Promise<Outcome>,
): Outcome | Promise<Outcome> {
  const { signal, tenant, bytes, context } = request
  const index = indexRequest(signal, bytes)
  if (isWireFault(index)) return refused(request.items, 'bad_data', index.fault)
  const { items } = index
  if (!memory.tryReserve(bytes.length)) return busy(memory.retryAfterMs())
  const payload = new Payload(bytes, { onFree: () => memory.free(bytes.length) })
  const batch = new Batch(signal, tenant, context, [
    { payload, index, selection: null, edits: null, items },
  ])
  ledger.copied(tenant, signal, items)
  const learn = (outcome: Outcome): Outcome => {
    if (outcome.kind === 'accepted') return outcome
    const left = outcome.kind === 'refused' ? outcome.items : items
    ledger.copied(tenant, signal, -left)
    if (left === items) batch.release()
    return outcome
  }
  const outcome = take(batch)
  return outcome instanceof Promise ? outcome.then(learn) : learn(outcome)
}
