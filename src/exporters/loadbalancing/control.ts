/** What operators see of the queues of all backends and of the one in front, and what they can do with them. */
import type { Batch } from '../../core/batch.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Outcome } from '../../core/outcome.ts'
import type {
  QueueControl,
  QueuedRequest,
  QueueFilter,
  QueueView,
  Requeued,
} from '../../core/queue-control.ts'
import { requeue } from '../sending/requeue.ts'
import type { Backends } from './backends.ts'

export class BalancingControl implements QueueControl {
  readonly exporter: string
  readonly #context: CreateContext<unknown>
  readonly #backends: Backends
  readonly #front: QueueControl | null
  readonly #take: (batch: Batch) => Outcome | Promise<Outcome>

  constructor(
    context: CreateContext<unknown>,
    backends: Backends,
    front: QueueControl | null,
    take: (batch: Batch) => Outcome | Promise<Outcome>,
  ) {
    this.exporter = context.id
    this.#context = context
    this.#backends = backends
    this.#front = front
    this.#take = take
  }

  /** A backend's rows name it behind the exporter: `loadbalancing@10.0.0.1:4317`. */
  view(): readonly QueueView[] {
    const rows = [...(this.#front?.view() ?? [])]
    for (const { address, queueControl } of this.#backends.all()) {
      for (const row of queueControl.view()) {
        rows.push({ ...row, exporter: `${row.exporter}@${address}` })
      }
    }
    return rows
  }

  async peek(filter: QueueFilter, max: number): Promise<readonly QueuedRequest[]> {
    const found: QueuedRequest[] = []
    for (const [control, own] of this.#matching(filter)) {
      if (found.length >= max) break
      found.push(...(await control.peek(own, max - found.length)))
    }
    return found
  }

  drain(filter: QueueFilter): number {
    let woken = 0
    for (const [control, own] of this.#matching(filter)) woken += control.drain(own)
    return woken
  }

  async purge(filter: QueueFilter): Promise<number> {
    let items = 0
    for (const [control, own] of this.#matching(filter)) items += await control.purge(own)
    return items
  }

  put(request: Requeued): Outcome | Promise<Outcome> {
    if (this.#front !== null) return this.#front.put(request)
    return requeue(request, this.#context, this.#take)
  }

  /** The exporter's name means all of its queues; one with a backend behind it only that one's. */
  *#matching(filter: QueueFilter): IterableIterator<readonly [QueueControl, QueueFilter]> {
    const { exporter, ...rest } = filter
    const isAll = exporter === undefined || exporter === this.exporter
    if (isAll && this.#front !== null) yield [this.#front, rest]
    for (const { address, queueControl } of this.#backends.all()) {
      if (isAll || exporter === `${this.exporter}@${address}`) yield [queueControl, rest]
    }
  }
}
