/** What operators see of an exporter's queues, and what they can do with them: look, hurry, let go, put back. */
import type { Batch, TenantId } from '../../core/batch.ts'
import type { CreateContext } from '../../core/factory.ts'
import { type Outcome, refused } from '../../core/outcome.ts'
import type {
  QueueControl,
  QueuedRequest,
  QueueFilter,
  QueueView,
  Requeued,
} from '../../core/queue-control.ts'
import type { Signal } from '../../core/signal.ts'
import { contentsOf } from '../../tenancy/letters/contents.ts'
import type { Lane } from './lane.ts'
import { loadOf } from './queue-load.ts'
import { requeue } from './requeue.ts'
import type { TenantQueue } from './tenant-queue.ts'

/** Distinct names that are told of one request. */
const MAX_NAMES = 5
/** Parts of a joined request that are looked at for them. */
const MAX_PARTS_SEEN = 8

export class SendingControl implements QueueControl {
  readonly exporter: string
  readonly #context: CreateContext<unknown>
  readonly #lanes: Partial<Record<Signal, Lane>>

  constructor(context: CreateContext<unknown>, lanes: Partial<Record<Signal, Lane>>) {
    this.exporter = context.id
    this.#context = context
    this.#lanes = lanes
  }

  view(): readonly QueueView[] {
    const rows: QueueView[] = []
    for (const [lane, queue] of this.#matching({})) {
      if (!queue.isIdle || queue.fault !== null) rows.push(this.#viewOf(lane, queue))
    }
    return rows
  }

  async peek(filter: QueueFilter, max: number): Promise<readonly QueuedRequest[]> {
    const found: QueuedRequest[] = []
    for (const [lane, queue] of this.#matching(filter)) {
      const inMemory = this.#inMemory(lane, queue).sort((a, b) => b.ageMs - a.ageMs)
      found.push(...inMemory.slice(0, Math.max(0, max - found.length)))
      if (found.length >= max) break
      await queue.feed?.peek(max - found.length, ({ items, byteLength }, bytes) => {
        found.push({
          ...this.#nameOf(lane, queue),
          ...{ state: 'on_disk', items, bytes: byteLength, ageMs: 0, attempts: 0 },
          ...contentsOf(lane.signal, bytes),
        })
      })
    }
    return found
  }

  drain(filter: QueueFilter): number {
    let woken = 0
    for (const [lane, queue] of this.#matching(filter)) {
      woken += loadOf(queue, []).waiting.requests
      queue.batcher?.flushAll()
      queue.feed?.hurry()
      lane.dispatcher.wakeUp(queue)
    }
    return woken
  }

  purge(filter: QueueFilter): number {
    let items = 0
    for (const [lane, queue] of this.#matching(filter)) {
      const onDisk = queue.feed?.purge() ?? 0
      if (onDisk > 0) lane.books.bookDrop(queue.tenant, onDisk, 'purged', true)
      items += onDisk
      const batched = queue.batcher?.takeAll() ?? []
      for (const shipment of [...lane.dispatcher.takeAll(queue), ...batched]) {
        items += lane.books.purged(shipment)
      }
    }
    if (items > 0)
      this.#context.log.warn('queue_purged', { exporter: this.exporter, items, ...filter })
    return items
  }

  put(request: Requeued): Outcome | Promise<Outcome> {
    const { signal, items } = request
    const lane = this.#lanes[signal]
    if (lane === undefined) return refused(items, 'unimplemented', `takes no ${signal}`)
    return requeue(request, this.#context, batch => lane.consume(batch))
  }

  *#matching(filter: QueueFilter): IterableIterator<readonly [Lane, TenantQueue]> {
    if (filter.exporter !== undefined && filter.exporter !== this.exporter) return
    for (const lane of Object.values(this.#lanes)) {
      if (filter.signal !== undefined && filter.signal !== lane.signal) continue
      for (const queue of [...lane.queues()]) {
        if (filter.tenant === undefined || filter.tenant === queue.tenant) yield [lane, queue]
      }
    }
  }

  #nameOf(lane: Lane, queue: TenantQueue): { exporter: string; signal: Signal; tenant: TenantId } {
    return { exporter: this.exporter, signal: lane.signal, tenant: queue.tenant }
  }

  #viewOf(lane: Lane, queue: TenantQueue): QueueView {
    const now = this.#context.clock.monotonic()
    const { waiting, oldestAtMs } = loadOf(queue, lane.dispatcher.attempts())
    const { breaker, feed } = queue
    const state = breaker.state ?? 'none'
    const paused = queue.pausedUntilMs > 0 ? queue.pausedUntilMs - now : 0
    const open = state === 'open' ? (breaker.waitMs?.() ?? 0) : 0
    return {
      ...this.#nameOf(lane, queue),
      waiting,
      inFlight: queue.inFlight,
      parked: queue.parked.size,
      onDisk:
        feed === null
          ? null
          : { entries: feed.store.entries, items: feed.store.items, bytes: feed.store.bytes },
      breaker: state,
      pausedForMs: Math.max(0, paused, open),
      oldestMs: oldestAtMs < 0 ? 0 : now - oldestAtMs,
      lastError: queue.fault ?? '',
    }
  }

  #inMemory(lane: Lane, queue: TenantQueue): QueuedRequest[] {
    const now = this.#context.clock.monotonic()
    const found: QueuedRequest[] = []
    const add = (
      state: QueuedRequest['state'],
      batch: Batch,
      sinceMs: number,
      attempts: number,
    ) => {
      const about = { items: batch.items, bytes: batch.bytes, ageMs: now - sinceMs, attempts }
      found.push({ ...this.#nameOf(lane, queue), state, ...about, ...namesIn(batch) })
    }
    for (const shipment of queue.waiting()) {
      const state = queue.parked.has(shipment) ? 'parked' : 'waiting'
      add(state, shipment.batch, shipment.sinceMs, shipment.attempts)
    }
    for (const { batch, sinceMs } of queue.batcher?.peek() ?? []) add('waiting', batch, sinceMs, 0)
    for (const { shipment } of lane.dispatcher.attempts()) {
      if (shipment.queue !== queue) continue
      add('in_flight', shipment.batch, shipment.sinceMs, shipment.attempts)
    }
    return found
  }
}

function namesIn(batch: Batch) {
  const services = new Set<string>()
  const traceIds = new Set<string>()
  for (const { payload } of batch.parts.slice(0, MAX_PARTS_SEEN)) {
    const contents = contentsOf(batch.signal, payload.bytes)
    for (const service of contents.services) services.add(service)
    for (const traceId of contents.traceIds) traceIds.add(traceId)
  }
  return {
    services: [...services].slice(0, MAX_NAMES),
    traceIds: [...traceIds].slice(0, MAX_NAMES),
  }
}
