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
import { ENQUEUE_FAILED, SEND_FAILED, SENT } from './metrics.ts'
import type { Shipment } from './shipment.ts'
import type { TenantQueue } from './tenant-queue.ts'
import type { TicketResult } from './ticket.ts'

/** A reason is a sender's word; the ledger and the letters keep it short. */
const MAX_MESSAGE_CHARS = 500

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

  constructor(context: CreateContext<unknown>, signal: Signal) {
    const labels = { exporter: context.id }
    this.#context = context
    this.#signal = signal
    this.#sent = context.meter.counter(SENT[signal], labels)
    this.#sendFailed = context.meter.counter(SEND_FAILED[signal], labels)
    this.#enqueueFailed = context.meter.counter(ENQUEUE_FAILED[signal], labels)
  }

  notTaken(items: number): void {
    this.#enqueueFailed.value += items
  }

  /** Delivered in so many bytes, except `rejected` items that the destination refused while taking the rest. */
  sent(shipment: Shipment, bytes: number, rejected: number, message: string): void {
    const { batch, ticket } = shipment
    const { id, tenancy, log } = this.#context
    this.#sent.value += batch.items - rejected
    this.#sendFailed.value += rejected
    tenancy.usage.delivered(batch.tenant, batch.signal, id, bytes)
    if (rejected > 0) this.#say('items_rejected_by_destination', batch, rejected, message)
    else if (message !== '') log.warn('destination_warns', { message })
    if (ticket !== null) ticket.sent(batch.items, rejected)
    else this.#bookSent(batch, batch.items - rejected, rejected)
    shipment.search?.ended(true)
    this.#end(shipment)
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
    this.#sendFailed.value += batch.items
    this.#say('items_dropped', batch, batch.items, message, reason)
    if (ticket !== null) ticket.refused(batch.items, why, message)
    else this.bookDrop(batch.tenant, batch.items, reason)
    shipment.search?.ended(false)
    this.#layAside(shipment, reason, message)
  }

  /** Given up although another attempt might succeed: retries used up or switched off, or shutting down. */
  givenUp(shipment: Shipment, reason: string, message: string): void {
    const { batch, ticket } = shipment
    this.#sendFailed.value += batch.items
    if (ticket !== null) ticket.failed(batch.items, 0, message)
    else this.bookDrop(batch.tenant, batch.items, reason)
    shipment.search?.ended(false)
    if (reason === 'shutdown') {
      this.#end(shipment)
      return
    }
    if (ticket === null) this.#say('items_dropped', batch, batch.items, message, reason)
    this.#layAside(shipment, reason, message)
  }

  /** An operator does not want it any more. */
  purged(shipment: Shipment): void {
    const { batch, ticket } = shipment
    if (ticket !== null) ticket.refused(batch.items, 'rejected', 'purged by an operator')
    else this.bookDrop(batch.tenant, batch.items, 'purged', true)
    shipment.search?.ended(false)
    this.#end(shipment)
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
    this.#bookSent(batch, result.sent, result.rejected)
  }

  bookDrop(tenant: string, items: number, reason: string, intentional = false): void {
    const drop = { stage: this.#context.id, reason, intentional }
    this.#context.ledger.dropped(tenant, this.#signal, items, drop)
  }

  #bookSent(batch: Batch, sent: number, rejected: number): void {
    if (sent > 0) this.#context.ledger.sent(batch.tenant, batch.signal, sent)
    if (rejected > 0) this.bookDrop(batch.tenant, rejected, 'rejected_by_destination')
  }

  /**
   * Puts it to the letters where there are some. It goes on counting toward its queue until it is there, and a stored
   * entry is acknowledged only then. Who waits for the result has been told, and keeps the data.
   */
  #layAside(shipment: Shipment, reason: string, message: string): void {
    const { batch, ticket, queue } = shipment
    if (this.letters === null || ticket !== null) {
      this.#end(shipment)
      return
    }
    const { tenant, signal, items, context } = batch
    const said = message.slice(0, MAX_MESSAGE_CHARS)
    const about = { tenant, signal, items, context, reason, message: said }
    let put: Promise<boolean>
    try {
      const { chunks, byteLength } = encodeForLetter(batch)
      put = this.letters.put({ ...about, exporter: this.#context.id, chunks, byteLength })
    } catch (error) {
      this.#context.log.error('letter_cannot_be_written', { reason, message: String(error) })
      this.#end(shipment)
      return
    }
    queue.beingLaidAside++
    void put.then(isKept => {
      queue.beingLaidAside--
      if (!isKept) this.#say('letter_not_kept', batch, items, said, reason)
      this.#end(shipment)
      this.onLaidAside(queue)
    })
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

/** What cannot be encoded with its changes is laid aside as it came. */
function encodeForLetter({ parts }: Batch): Encoded {
  try {
    return encodeParts(parts)
  } catch {
    return encodeParts(parts.map(part => ({ ...part, edits: null })))
  }
}
