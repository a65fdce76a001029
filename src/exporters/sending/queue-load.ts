/** What a tenant's queue has in memory at this moment, counted when somebody asks. */
import type { Attempt } from './attempt.ts'
import type { TenantQueue } from './tenant-queue.ts'

export interface QueueLoad {
  /** Waiting, being batched and parked. */
  readonly waiting: { requests: number; items: number; bytes: number }
  readonly inFlight: { requests: number; items: number; bytes: number }
  /** Monotonic time at which the oldest of what waits came; -1 when nothing waits. */
  readonly oldestAtMs: number
}

/** `attempts` are those of the whole lane. */
export function loadOf(queue: TenantQueue, attempts: Iterable<Attempt>): QueueLoad {
  const waiting = { requests: 0, items: 0, bytes: 0 }
  const inFlight = { requests: 0, items: 0, bytes: 0 }
  let oldestAtMs = -1
  for (const { batch, sinceMs } of everythingWaiting(queue)) {
    waiting.requests++
    waiting.items += batch.items
    waiting.bytes += batch.bytes
    if (oldestAtMs < 0 || sinceMs < oldestAtMs) oldestAtMs = sinceMs
  }
  if (queue.inFlight > 0) {
    for (const { shipment } of attempts) {
      if (shipment.queue !== queue) continue
      inFlight.requests++
      inFlight.items += shipment.batch.items
      inFlight.bytes += shipment.batch.bytes
    }
  }
  return { waiting, inFlight, oldestAtMs }
}

function* everythingWaiting(queue: TenantQueue) {
  yield* queue.waiting()
  if (queue.batcher !== null) yield* queue.batcher.peek()
}
