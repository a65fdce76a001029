/** All that an exporter's author writes: one `send`. Queue, batches, splits, retries, time-outs and counts come from here. */

import type { Batch } from '../../core/batch.ts'
import type { Host } from '../../core/component.ts'
import type { Signal } from '../../core/signal.ts'
import type { EncodePart } from '../../otlp/encode-part.ts'
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

/** Items that were refused for good while others of their batch were taken. */
export interface Refused {
  /** A short word for counters. */
  readonly reason: string
  readonly message: string
  readonly items: number
  /** These items alone, for a dead letter; null = it is not known which they are. */
  readonly parts: readonly EncodePart[] | null
}

/** How far a batch has come that is to be sent again: what counts where that does not happen. */
export interface Progress {
  /** Items that the destination has taken. */
  readonly delivered: number
  readonly refused: readonly Refused[]
  /** What has been neither taken nor refused; null = it is not known which items that are. */
  readonly left: readonly EncodePart[] | null
}

export type SendResult =
  /**
   * `rejected` counts items that the destination took note of and refused (partial success); never sent again. `refused`
   * tells more of all or some of them.
   */
  | {
      readonly kind: 'sent'
      readonly rejected?: number
      readonly message?: string
      readonly refused?: readonly Refused[]
    }
  /**
   * Try again, not before `afterMs` where the destination said so. `isOurs`: the destination has nothing to do with it,
   * there were no credentials for this tenant or the like.
   */
  | {
      readonly kind: 'retry'
      readonly afterMs?: number
      readonly message: string
      readonly isOurs?: true
    }
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
  /** The destination is probably back: the next attempt need not wait for the end of a connection's backoff. */
  hurry?(): void
  /**
   * What has to be sent apart from each other because it goes to different places; null = the batch can go as it is.
   * A batch that was cut is used up.
   */
  cut?(batch: Batch): readonly Batch[] | null
  /** Of a batch whose last answer was `retry`, or which has got none; null = nothing of it was taken or refused. */
  progress?(batch: Batch): Progress | null
}

/**
 * Others in this process have taken the data and answer for it: nothing is booked as sent here. `left` is what they did
 * not take, as a batch that the caller owns from here on, and what is to become of it.
 */
export interface Moved {
  readonly kind: 'moved'
  readonly left?: { readonly batch: Batch; readonly result: SendResult }
}

/** A sender that may also hand a batch on to others in this process. */
export interface RelaySender extends Omit<Sender, 'send'> {
  /** It has no use for bytes: `send` gets none, only the batch. */
  readonly wantsNoBytes?: boolean
  send(encoded: EncodedBatch, abort: Abort): Promise<SendResult | Moved>
}
