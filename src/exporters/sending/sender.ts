/** All that an exporter's author writes: one `send`. Queue, batches, splits, retries, time-outs and counts come from here. */

import type { Batch } from '../../core/batch.ts'
import type { Host } from '../../core/component.ts'
import type { Signal } from '../../core/signal.ts'
import type { Abort } from '../../util/abort.ts'

/** A batch laid out for the wire as one export request of its signal. */
export interface EncodedBatch {
  readonly signal: Signal
  readonly items: number
  /** The request's bytes in order; untouched payloads are referenced, not copied. Never written to. */
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  /** Tenant, request context and parts, for senders that need more than bytes. Owned by the caller of `send`. */
  readonly batch: Batch
}

export type SendResult =
  /** `rejected` counts items that the destination took note of and refused (partial success); never sent again. */
  | { readonly kind: 'sent'; readonly rejected?: number; readonly message?: string }
  /** Try again, not before `afterMs` where the destination said so. */
  | { readonly kind: 'retry'; readonly afterMs?: number; readonly message: string }
  /** The destination refuses for good; `reason` is a short word for counters (`bad_data`, `too_large`, ...). */
  | { readonly kind: 'drop'; readonly reason: string; readonly message: string }

export interface Sender {
  start(host: Host): Promise<void>
  /**
   * One attempt. Never throws for what the destination or the network does; `abort` fires at the time-out or at
   * shutdown and the answer is then `retry`. After an attempt that may leave the bytes in a socket's hands the
   * sender calls `batch.taint()`.
   */
  send(encoded: EncodedBatch, abort: Abort): Promise<SendResult>
  stop(): Promise<void>
}
