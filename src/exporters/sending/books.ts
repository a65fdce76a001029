/**
 * How shipments end: every way out of the exporter is booked here once, in ledger, metrics and log, and frees the bytes.
 */
import { type Batch, DEFAULT_TENANT } from '../../core/batch.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Counter } from '../../core/meter.ts'
import type { RefusalCode } from '../../core/outcome.ts'
import { ITEM_NOUN, type Signal } from '../../core/signal.ts'
import type { DeadLetters } from '../../core/storage.ts'
import { type Encoded, encodeParts } from '../../otlp/encode.ts'
import type { EncodePart } from '../../otlp/encode-part.ts'
import { ENQUEUE_FAILED, SEND_FAILED, SENT } from './metrics.ts'
import type { Progress, Refused } from './sender.ts'
import type { Shipment } from './shipment.ts'
import type { TenantQueue } from './tenant-queue.ts'
import type { Before, TicketResult } from './ticket.ts'

/** A reason is a sender's word; the ledger and the letters keep it short. */
const MAX_MESSAGE_CHARS = 500

/** As in the answer that says it was sent. */
export interface Rejection {
  /** Items that were refused while the others were taken. */
  readonly rejected: number
  readonly message: string
  /** What is known of them. */
  readonly refused: readonly Refused[]
}

export class Books {
  readonly #context: CreateContext<unknown>
  readonly #signal: Signal
  readonly #sent: Counter
  readonly #sendFailed: Counter
  readonly #enqueueFailed: Counter
  /** Where what no destination wants goes; null without a storage. */
  letters: DeadLetters | null = null
  /** Something was laid aside: the queue may be idle now. */
  onLaidAside: (queue: TenantQueue) => void = () => {}
  readonly #progressOf: (batch: Batch) => Progress | null

  /** `progressOf` tells of a batch that is given up what was delivered of it. */
  constructor(
    context: CreateContext<unknown>,
    signal: Signal,
    progressOf: (batch: Batch) => Progress | null,
  ) {
    const labels = { exporter: context.id }
    this.#context = context
    this.#progressOf = progressOf
    this.#signal = signal
    this.#sent = context.meter.counter(SENT[signal], labels)
    this.#sendFailed = context.meter.counter(SEND_FAILED[signal], labels)
    this.#enqueueFailed = context.meter.counter(ENQUEUE_FAILED[signal], labels)
  }

  notTaken(items: number): void {
    this.#enqueueFailed.value += items
  }

  /** Delivered in so many bytes, except what the destination refused while taking the rest. */
  sent(shipment: Shipment, bytes: number, { rejected, message, refused }: Rejection): void {
    const { batch, ticket } = shipment
    const { id, tenancy, log } = this.#context
    this.#sent.value += batch.items - rejected
    this.#sendFailed.value += rejected
    tenancy.usage.delivered(batch.tenant, batch.signal, id, bytes)
    if (rejected > 0) this.#say('items_rejected_by_destination', batch, rejected, message)
    else if (message !== '') log.warn('destination_warns', { message })
    if (ticket !== null) ticket.sent(batch.items, rejected)
    else this.#bookSent(batch, batch.items - rejected, rejected, refused)
    shipment.search?.ended(true)
    // Whoever waits is told that all was taken, and does not keep these.
    this.#layAside(shipment, refused)
  }

  /** Others have it now and book what becomes of it. */
  moved(shipment: Shipment, items = shipment.batch.items): void {
    shipment.ticket?.moved(items)
    shipment.search?.ended(true)
    this.#end(shipment)
  }

  /** Given up for good: the same data would be refused again. */
  dropped(shipment: Shipment, reason: string, why: RefusalCode, message: string): void {
    const { batch, ticket } = shipment
    if (ticket === null) {
      this.#endLeft(shipment, reason, message)
      return
    }
    const { left, before } = this.#before(batch)
    this.#sendFailed.value += batch.items - before.delivered
    this.#sent.value += before.delivered
    if (left > 0) this.#say('items_dropped', batch, left, message, reason)
    ticket.refused(left, why, message, before)
    shipment.search?.ended(before.delivered > 0)
    this.#end(shipment)
  }

  /**
   * Given up although another attempt might succeed: retries used up or switched off, or shutting down. Returns items that
   * are lost by it. Who waits for the result keeps the data, those that were delivered too; handed in again in the same
   * batch, only the others are sent.
   */
  givenUp(shipment: Shipment, reason: string, message: string): number {
    const { batch, ticket } = shipment
    if (ticket === null) return this.#endLeft(shipment, reason, message)
    const { left, before } = this.#before(batch)
    this.#sendFailed.value += batch.items - before.delivered
    ticket.failed(left, 0, message, before)
    shipment.search?.ended(before.delivered > 0)
    this.#end(shipment)
    return batch.items - before.delivered
  }

  /** An operator does not want it any more. Returns items that were not delivered. */
  purged(shipment: Shipment): number {
    const { batch, ticket } = shipment
    shipment.search?.ended(false)
    if (ticket !== null) {
      const { left, before } = this.#before(batch)
      this.#sent.value += before.delivered
      ticket.refused(left, 'rejected', 'purged by an operator', before)
      this.#end(shipment)
      return batch.items - before.delivered
    }
    const { refused, delivered } = this.#bookLeft(batch, 'purged', '', true)
    this.#layAside(shipment, refused)
    return batch.items - delivered
  }

  /** It is on disk, and whoever opens the queue next goes on with it. */
  kept(shipment: Shipment): void {
    const { batch, queue } = shipment
    this.#context.ledger.kept(batch.tenant, batch.signal, batch.items)
    batch.release()
    queue.capacity.give(shipment.charge)
  }

  /** As `kept`, of what is not on its way. */
  keptOnDisk(tenant: string, items: number): void {
    this.#context.ledger.kept(tenant, this.#signal, items)
  }

  /** Books what a ticket has gathered, at the moment when the caller learns the outcome. */
  settleTicket(batch: Batch, result: TicketResult): void {
    this.#sent.value += result.sentOfFailed
    this.#bookSent(batch, result.sent, result.rejected)
  }

  bookDrop(tenant: string, items: number, reason: string, intentional = false): void {
    const drop = { stage: this.#context.id, reason, intentional }
    this.#context.ledger.dropped(tenant, this.#signal, items, drop)
  }

  #bookSent(batch: Batch, sent: number, rejected: number, refused: readonly Refused[] = []): void {
    if (sent > 0) this.#context.ledger.sent(batch.tenant, batch.signal, sent)
    let unknown = rejected
    for (const { items, reason } of refused) {
      unknown -= items
      this.bookDrop(batch.tenant, items, reason)
    }
    if (unknown > 0) this.bookDrop(batch.tenant, unknown, 'rejected_by_destination')
  }

  /** Returns items that were not delivered. */
  #endLeft(shipment: Shipment, reason: string, message: string): number {
    const { batch } = shipment
    const { refused, left, delivered } = this.#bookLeft(batch, reason, message, false)
    shipment.search?.ended(delivered > 0)
    const isLaidAside = reason !== 'shutdown'
    if (isLaidAside && left.items > 0)
      this.#say('items_dropped', batch, left.items, message, reason)
    this.#layAside(shipment, isLaidAside ? [...refused, left] : [])
    return batch.items - delivered
  }

  /** Of a batch that ends undelivered, for whom waits: how many of its items had an end before, and how many had not. */
  #before(batch: Batch): { readonly left: number; readonly before: Before } {
    const { delivered, refused } = this.#progressOf(batch) ?? NOTHING_DELIVERED
    const rejected = itemsOf(refused)
    return { left: batch.items - delivered - rejected, before: { delivered, rejected } }
  }

  /** Likewise, where nobody waits: books what it can. */
  #bookLeft(batch: Batch, reason: string, message: string, isIntended: boolean) {
    const { tenant, items, parts } = batch
    const progress = this.#progressOf(batch)
    const { delivered, refused } = progress ?? NOTHING_DELIVERED
    const rejected = itemsOf(refused)
    const rest = items - delivered - rejected
    this.#bookSent(batch, delivered, rejected, refused)
    if (rest > 0) this.bookDrop(tenant, rest, reason, isIntended)
    this.#sent.value += delivered
    this.#sendFailed.value += isIntended ? rejected : items - delivered
    // Without knowledge of which items are left, the letter holds all: rather twice than not at all.
    const left = { reason, message, items: rest, parts: progress?.left ?? parts }
    return { delivered, refused, left }
  }

  /**
   * Puts these to the letters where there are some. The shipment goes on counting toward its queue until they are there,
   * and a stored entry is acknowledged only then.
   */
  #layAside(shipment: Shipment, refused: readonly Refused[]): void {
    const { batch, queue } = shipment
    const puts = refused.flatMap(each => this.#put(batch, each) ?? [])
    if (puts.length === 0) {
      this.#end(shipment)
      return
    }
    queue.beingLaidAside++
    void Promise.all(puts).then(() => {
      queue.beingLaidAside--
      this.#end(shipment)
      this.onLaidAside(queue)
    })
  }

  /** Null where there is nothing to wait for. */
  #put(batch: Batch, { reason, message, items, parts }: Refused): Promise<void> | null {
    const { letters } = this
    if (letters === null || parts === null || items === 0) return null
    const { tenant, signal, context } = batch
    const said = message.slice(0, MAX_MESSAGE_CHARS)
    const about = { tenant, signal, items, context, reason, message: said }
    try {
      const { chunks, byteLength } = encodeForLetter(parts)
      const put = letters.put({ ...about, exporter: this.#context.id, chunks, byteLength })
      return put.then(isKept => {
        if (!isKept) this.#say('letter_not_kept', batch, items, said, reason)
      })
    } catch (error) {
      this.#context.log.error('letter_cannot_be_written', { reason, message: String(error) })
      return null
    }
  }

  #end(shipment: Shipment): void {
    shipment.batch.release()
    shipment.queue.capacity.give(shipment.charge)
    const { receipts } = shipment
    if (receipts !== null) for (let i = 0; i < receipts.length; i++) receipts[i].end()
  }

  #say(event: string, batch: Batch, items: number, message: string, reason?: string): void {
    const what = ITEM_NOUN[this.#signal]
    this.#context.log.warn(event, {
      exporter: this.#context.id,
      what,
      items,
      message,
      ...(reason === undefined ? {} : { reason }),
      ...(batch.tenant === DEFAULT_TENANT ? {} : { tenant: batch.tenant }),
    })
  }
}

const NOTHING_DELIVERED: Omit<Progress, 'left'> = { delivered: 0, refused: [] }

function itemsOf(refused: readonly Refused[]): number {
  return refused.reduce((sum, each) => sum + each.items, 0)
}

/** What cannot be encoded with its changes is laid aside as it came. */
function encodeForLetter(parts: readonly EncodePart[]): Encoded {
  try {
    return encodeParts(parts)
  } catch {
    return encodeParts(parts.map(part => ({ ...part, edits: null })))
  }
}
