/**
 * Queues that survive the process: what exporters ask a storage extension (`sending_queue.storage`). Every queue holds
 * encoded export requests of one tenant, exporter and signal, in order.
 *
 * ```
 * append -> untaken (on disk) -> next() -> taken -> acknowledge: the space comes back
 *                ^------------- putBack --- |
 * ```
 * What is taken and not acknowledged when the process ends is untaken again in the next one: delivery is at least once.
 */
import type { RequestContext, TenantId } from './batch.ts'
import type { Signal } from './signal.ts'

/** An extension that `sending_queue.storage` can name has this property. */
export interface HasQueueStorage {
  readonly queueStorage: QueueStorage
}

export interface QueueStorage {
  /**
   * The queues of one exporter and signal, recovered from disk. Called between `start` and `stop` of the exporter, which
   * closes what it opened; rejects with a `MillraceError` when the folder cannot be used.
   */
  open(exporter: string, signal: Signal): Promise<StoredQueues>
  readonly letters: DeadLetters
}

export interface StoredQueues {
  /** Tenants with entries that were found at opening. */
  readonly recovered: readonly TenantId[]
  /** Opened on first use; nothing is on disk before the first append. The same object for the same tenant. */
  of(tenant: TenantId): StoredQueue
  /** Frees what an idle tenant's queue holds in memory and its open files; without effect while it has entries. */
  release(tenant: TenantId): void
  /** Writes what is pending, syncs whatever the policy says, and closes. Entries stay. */
  close(): Promise<void>
}

/** Names an entry; comparable and usable as a key of a Map. Grows with time within one queue. */
export type EntryId = number

export interface NewEntry {
  readonly items: number
  /** One encoded export request, in pieces; not written to before the append has settled. */
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  readonly context: RequestContext
}

export type Appended =
  /** On disk according to the policy. `evicted` items of older entries made room and are gone (`overflow: drop_oldest`). */
  | { readonly kind: 'stored'; readonly id: EntryId; readonly evictedItems: number }
  /** No room within a quota or on the disk; nothing was taken. `drop` when the policy is to lose the newest. */
  | {
      readonly kind: 'full'
      readonly drop: boolean
      /** It is the tenant's share that is in use; others may have room. */
      readonly isShare: boolean
      readonly retryAfterMs: number
      readonly message: string
    }
  /** The disk failed; nothing was taken and nothing of it will appear later. */
  | { readonly kind: 'failed'; readonly retryAfterMs: number; readonly message: string }

export interface StoredEntry {
  readonly id: EntryId
  readonly items: number
  readonly byteLength: number
}

export type ReadEntry =
  | { readonly kind: 'entry'; readonly bytes: Uint8Array; readonly context: RequestContext }
  /** The bytes on disk are not those that were written. The entry has been set aside; its items are lost and for the caller to book. */
  | { readonly kind: 'damaged'; readonly message: string }
  /** The disk could not be read now; the entry is untaken again. */
  | { readonly kind: 'failed'; readonly message: string }

export interface StoredQueue {
  readonly tenant: TenantId
  /** Entries that are not acknowledged, taken ones included. */
  readonly entries: number
  readonly items: number
  /** Bytes of their records. */
  readonly bytes: number
  /** Bytes that it can come to hold, by all limits; 0 = no limit is known. */
  readonly limitBytes: number
  /** Never rejects. Appends settle in order. */
  append(entry: NewEntry): Promise<Appended>
  /** Takes the oldest untaken entry. */
  next(): StoredEntry | null
  /** Reads a taken entry. `allocate` gives room of exactly so many bytes. Never rejects. */
  read(id: EntryId, allocate: (bytes: number) => Uint8Array): Promise<ReadEntry>
  /** A taken entry is untaken again, in its old place. */
  putBack(id: EntryId): void
  /** A taken entry has reached its end. Written soon; until then a crash brings the entry back. */
  acknowledge(id: EntryId): void
}

export interface NewLetter {
  readonly tenant: TenantId
  readonly exporter: string
  readonly signal: Signal
  /** A short word for counters. */
  readonly reason: string
  /** For people. */
  readonly message: string
  readonly items: number
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  readonly context: RequestContext
}

/** Keeps what no destination wants, with the reason of each, until somebody looks. */
export interface DeadLetters {
  /** Resolves to false when it could not be kept (quota, disk); never rejects. The items are booked as dropped either way. */
  put(letter: NewLetter): Promise<boolean>
}

/** A storage extension has this property too. */
export interface HasCheckpoints {
  readonly checkpoints: Checkpoints
}

/** Small states of components that survive the process: how far something was read. Each is replaced as a whole. */
export interface Checkpoints {
  /** Null when there is none of this name. Rejects with the system's error when it cannot be read. */
  read(name: string): Promise<Uint8Array | null>
  /** On disk, by the storage's policy, when it resolves; when it rejects the old state is still there. One call at a time for a name. */
  write(name: string, state: Uint8Array): Promise<void>
}
