/** How shipments end: every way out of the exporter is booked here once, in ledger, metrics and log, and frees the bytes. */
import type { Batch } from '../../core/batch.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Counter } from '../../core/meter.ts'
import type { RefusalCode } from '../../core/outcome.ts'
import { ITEM_NOUN, type Signal } from '../../core/signal.ts'
import type { Capacity } from './capacity.ts'
import { ENQUEUE_FAILED, SEND_FAILED, SENT } from './metrics.ts'
import type { Shipment } from './shipment.ts'
import type { TicketResult } from './ticket.ts'

export class Books {
  readonly #context: CreateContext<unknown>
  readonly #capacity: Capacity
  readonly #signal: Signal
  readonly #sent: Counter
  readonly #sendFailed: Counter
  readonly #enqueueFailed: Counter

  constructor(context: CreateContext<unknown>, signal: Signal, capacity: Capacity) {
    const labels = { exporter: context.id }
    this.#context = context
    this.#signal = signal
    this.#capacity = capacity
    this.#sent = context.meter.counter(SENT[signal], labels)
    this.#sendFailed = context.meter.counter(SEND_FAILED[signal], labels)
    this.#enqueueFailed = context.meter.counter(ENQUEUE_FAILED[signal], labels)
  }

  notTaken(items: number): void {
    this.#enqueueFailed.value += items
  }

  /** Delivered, except `rejected` items that the destination refused while taking the rest. */
  sent(shipment: Shipment, rejected: number, message: string): void {
    const { batch, ticket } = shipment
    this.#sent.value += batch.items - rejected
    this.#sendFailed.value += rejected
    if (rejected > 0) this.#say('items_rejected_by_destination', rejected, message)
    else if (message !== '') this.#context.log.warn('destination_warns', { message })
    if (ticket !== null) ticket.sent(batch.items, rejected)
    else this.#bookSent(batch, batch.items - rejected, rejected)
    this.#end(shipment)
  }

  /** Given up for good: the same data would be refused again. */
  dropped(shipment: Shipment, reason: string, why: RefusalCode, message: string): void {
    const { batch, ticket } = shipment
    this.#sendFailed.value += batch.items
    this.#say('items_dropped', batch.items, message, reason)
    if (ticket !== null) ticket.refused(batch.items, why, message)
    else this.#bookDrop(batch, batch.items, reason)
    this.#end(shipment)
  }

  /** Given up although another attempt might succeed: retries used up or switched off, or shutting down. */
  givenUp(shipment: Shipment, reason: string, message: string): void {
    const { batch, ticket } = shipment
    this.#sendFailed.value += batch.items
    if (ticket !== null) ticket.failed(batch.items, 0, message)
    else this.#bookDrop(batch, batch.items, reason)
    if (ticket === null && reason !== 'shutdown') {
      this.#say('items_dropped', batch.items, message, reason)
    }
    this.#end(shipment)
  }

  /** Books what a ticket has gathered, at the moment when the caller learns the outcome. */
  settleTicket(batch: Batch, result: TicketResult): void {
    this.#bookSent(batch, result.sent, result.rejected)
  }

  #bookSent(batch: Batch, sent: number, rejected: number): void {
    if (sent > 0) this.#context.ledger.sent(batch.tenant, batch.signal, sent)
    if (rejected > 0) this.#bookDrop(batch, rejected, 'rejected_by_destination')
  }

  #bookDrop(batch: Batch, items: number, reason: string): void {
    const drop = { stage: this.#context.id, reason, intentional: false }
    this.#context.ledger.dropped(batch.tenant, batch.signal, items, drop)
  }

  #end(shipment: Shipment): void {
    shipment.batch.release()
    this.#capacity.give(shipment.charge)
  }

  #say(event: string, items: number, message: string, reason?: string): void {
    const what = ITEM_NOUN[this.#signal]
    this.#context.log.warn(event, {
      exporter: this.#context.id,
      what,
      items,
      message,
      ...(reason === undefined ? {} : { reason }),
    })
  }
}
