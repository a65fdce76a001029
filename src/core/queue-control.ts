/**
 * What operators may see of sending queues and dead letters, and tell them; the admin socket stands on it. Exporters
 * offer `QueueControl`, storage extensions offer `LetterControl`.
 */
import type { RequestContext, TenantId } from './batch.ts'
import type { Outcome } from './outcome.ts'
import type { Signal } from './signal.ts'

/** Absent means any. */
export interface QueueFilter {
  readonly exporter?: string
  readonly signal?: Signal
  readonly tenant?: TenantId
}

/** The queue of one tenant for one signal of one exporter. */
export interface QueueView {
  readonly exporter: string
  readonly signal: Signal
  readonly tenant: TenantId
  /** In memory and not on its way: what waits for its turn, for company in the batcher, or parked for a retry. */
  readonly waiting: { readonly requests: number; readonly items: number; readonly bytes: number }
  /** Requests that a destination is working on. */
  readonly inFlight: number
  /** Requests of `waiting` that come again at a set time. */
  readonly parked: number
  /** Everything that is stored and not acknowledged, with what of it is in memory too; null without a storage. */
  readonly onDisk: {
    readonly entries: number
    readonly items: number
    readonly bytes: number
  } | null
  readonly breaker: BreakerState
  /** The destination asked to wait, or the breaker is open: nothing goes out for so long; 0 = not paused. */
  readonly pausedForMs: number
  /** Age of what has waited longest in memory; 0 when nothing waits. */
  readonly oldestMs: number
  /** What the destination said last when it did not take something; empty when all is well. */
  readonly lastError: string
}

/** `none`: no breaker is configured. */
export type BreakerState = 'none' | 'closed' | 'open' | 'half_open'

/** One request of a queue, without its content. */
export interface QueuedRequest {
  readonly exporter: string
  readonly signal: Signal
  readonly tenant: TenantId
  readonly state: 'waiting' | 'in_flight' | 'parked' | 'on_disk'
  readonly items: number
  readonly bytes: number
  /** 0 where it is not known. */
  readonly ageMs: number
  readonly attempts: number
  /** The first few distinct values of `service.name`; empty where the content is not at hand. */
  readonly services: readonly string[]
  /** The first few distinct trace ids in hex; likewise. */
  readonly traceIds: readonly string[]
}

/** An export request that comes back into the queue of its exporter. */
export interface Requeued {
  readonly signal: Signal
  readonly tenant: TenantId
  readonly items: number
  /** Protobuf; belongs to the queue when the answer is `accepted`. */
  readonly bytes: Uint8Array
  readonly context: RequestContext
}

/** Offered by exporters that queue. Neither method throws or rejects. */
export interface QueueControl {
  readonly exporter: string
  /** One row for each tenant and signal with something in its queue, or with a fault. */
  view(): readonly QueueView[]
  /** What waits, oldest first; no more than `max` in all. */
  peek(
    filter: QueueFilter,
    max: number,
  ): readonly QueuedRequest[] | Promise<readonly QueuedRequest[]>
  /** Sends what waits now: wakes what is parked, lifts pauses, lets a breaker try. Returns how many requests were waiting. */
  drain(filter: QueueFilter): number
  /**
   * Lets go of everything that is not in flight, also on disk. Booked as `dropped` with the reason `purged`,
   * intentional. Returns items.
   */
  purge(filter: QueueFilter): number | Promise<number>
  /**
   * Takes a request as if a batch had come, also through the storage. When it is taken, its items are booked as
   * `copied`: they were counted as dropped before, so this is a new obligation, and nobody sent them a second time.
   */
  put(request: Requeued): Outcome | Promise<Outcome>
}

/** A component with queues has this property. */
export interface HasQueueControl {
  readonly queueControl: QueueControl
}

/** Absent means any. */
export interface LetterFilter extends QueueFilter {
  readonly reason?: string
  /** Put aside at or after this time. */
  readonly sinceMs?: number
  /** 32 hexadecimal digits in lower case: letters that hold something of this trace. */
  readonly traceId?: string
}

/** What no destination wanted, without its content. */
export interface LetterView {
  /** Names the letter within its storage, also after a restart. */
  readonly id: string
  readonly atMs: number
  readonly tenant: TenantId
  /** Id of the exporter that put it aside. */
  readonly exporter: string
  readonly signal: Signal
  /** A short word: `bad_data`, `too_large`, `crash_suspect`. */
  readonly reason: string
  /** What the destination said. */
  readonly message: string
  readonly items: number
  /** Of the request itself. */
  readonly bytes: number
  /** The first few distinct values of `service.name`. */
  readonly services: readonly string[]
  /** The first few distinct trace ids in hex. */
  readonly traceIds: readonly string[]
}

export interface Letter {
  readonly view: LetterView
  /** The export request as protobuf. */
  readonly bytes: Uint8Array
  readonly context: RequestContext
}

/** Running totals of one storage's letters. */
export interface LettersSummary {
  /** Id of the storage extension. */
  readonly id: string
  readonly letters: number
  readonly items: number
  /** Room on disk, and what of it may be used. */
  readonly bytes: number
  readonly maxBytes: number
  /** When the oldest was put aside; 0 without letters. */
  readonly oldestAtMs: number
  /** Since the start: letters that had to make room or were too old. */
  readonly evicted: number
  /** Since the start: letters that could not be kept, or could not be read any more. */
  readonly refused: number
  readonly damaged: number
}

/** Offered by storages that keep letters. Nothing here throws or rejects. */
export interface LetterControl {
  readonly id: string
  summary(): LettersSummary
  /** Oldest first, no more than `max`. Searching by trace reads the letters that the other filters leave. */
  list(filter: LetterFilter, max: number): Promise<readonly LetterView[]>
  /** Null when there is none, or when its bytes are not those that were written. */
  read(id: string): Promise<Letter | null>
  /** Returns how many there were. */
  remove(ids: readonly string[]): Promise<number>
}

/** A component that keeps letters has this property. */
export interface HasLetterControl {
  readonly letterControl: LetterControl
}
