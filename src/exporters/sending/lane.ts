/** The way of one signal through an exporter: bound, batcher, dispatcher. Signals do not take each other's room. */
import type { Batch } from '../../core/batch.ts'
import type { Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { HolderVisit } from '../../core/ledger.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../core/outcome.ts'
import type { Signal } from '../../core/signal.ts'
import type { BufferPool } from '../../util/buffer-pool.ts'
import { Batcher, measure } from './batcher.ts'
import { Books } from './books.ts'
import type { Breaker } from './breaker.ts'
import { Capacity } from './capacity.ts'
import type { SendingConfig } from './config.ts'
import { Dispatcher } from './dispatcher.ts'
import { IN_FLIGHT, QUEUE_CAPACITY, QUEUE_SIZE } from './metrics.ts'
import type { Sender } from './sender.ts'
import { createShipment } from './shipment.ts'
import { Ticket, type TicketResult } from './ticket.ts'

/** What a sender of data is told while the exporter stops. */
const STOPPING_RETRY_MS = 1000

export interface LaneOptions {
  readonly context: CreateContext<unknown>
  readonly config: SendingConfig
  readonly sender: Sender
  readonly buffers: BufferPool
  readonly breaker: Breaker
  /** Least of what the configuration and the destination's protocol allow; 0 = unlimited. */
  readonly maxBytes: number
  readonly random: () => number
  /** See `DispatcherOptions.report`. */
  readonly report: (fault: string | null) => void
}

export class Lane implements Consumer {
  readonly #config: SendingConfig
  readonly #context: CreateContext<unknown>
  readonly #capacity: Capacity
  readonly #books: Books
  readonly #dispatcher: Dispatcher
  readonly #batcher: Batcher | null
  readonly #stopMetrics: (() => void)[]
  #stopping = false

  constructor(signal: Signal, options: LaneOptions) {
    const { context, config } = options
    const queue = config.sending_queue
    this.#config = config
    this.#context = context
    this.#capacity = new Capacity(
      queue.enabled ? queue.queue_size : Number.MAX_SAFE_INTEGER,
      context.clock,
    )
    this.#books = new Books(context, signal, this.#capacity)
    this.#dispatcher = new Dispatcher({
      id: context.id,
      clock: context.clock,
      log: context.log,
      sender: options.sender,
      buffers: options.buffers,
      books: this.#books,
      breaker: options.breaker,
      retry: config.retry_on_failure,
      timeoutMs: config.timeout,
      maxConcurrent: queue.enabled ? queue.num_consumers : Number.MAX_SAFE_INTEGER,
      maxBytes: options.maxBytes,
      random: options.random,
      report: options.report,
    })
    this.#batcher =
      queue.enabled && queue.batch !== undefined
        ? new Batcher(signal, queue.batch, context.clock, s => this.#dispatcher.add(s))
        : null
    this.#stopMetrics = this.#observe(signal)
  }

  // hot: bench/micro/sending.ts
  consume(batch: Batch): Outcome | Promise<Outcome> {
    const queue = this.#config.sending_queue
    if (this.#stopping) return busy(STOPPING_RETRY_MS, 'unavailable')
    if (batch.items === 0) {
      batch.release()
      return ACCEPTED
    }
    if (!queue.enabled) return this.#deliver(batch, 0)
    const charge = measure(queue.sizer, batch)
    if (charge > this.#capacity.limit) return this.#refuseOversize(batch, charge)
    if (this.#capacity.tryTake(charge)) return this.#take(batch, charge)
    // What waits for company in the batcher would hold the room until its timer fires.
    this.#batcher?.flushAll()
    if (queue.block_on_overflow) return this.#waitForRoom(batch, charge)
    this.#books.notTaken(batch.items)
    return busy(this.#capacity.retryAfterMs(charge))
  }

  visit(each: HolderVisit): void {
    this.#batcher?.visit(each)
    this.#dispatcher.visit(each)
  }

  /** Returns items that could not be delivered. */
  async stop(deadline: AbortSignal): Promise<number> {
    this.#stopping = true
    this.#capacity.close()
    this.#batcher?.flushAll()
    if (!deadline.aborted) await orAborted(this.#dispatcher.drain(), deadline)
    const left = this.#dispatcher.close()
    for (const stop of this.#stopMetrics) stop()
    return left
  }

  #take(batch: Batch, charge: number): Outcome | Promise<Outcome> {
    if (this.#config.sending_queue.wait_for_result) return this.#deliver(batch, charge)
    if (this.#batcher !== null) this.#batcher.add(batch, charge)
    else this.#dispatcher.add(createShipment(batch, charge, null))
    return ACCEPTED
  }

  /** The caller keeps the batch until the outcome is known, so the shipment gets its own hold on the bytes. */
  async #deliver(batch: Batch, charge: number): Promise<Outcome> {
    const result = await new Promise<TicketResult>(resolve => {
      this.#dispatcher.add(createShipment(batch.share(), charge, new Ticket(resolve)))
    })
    const { outcome } = result
    this.#books.settleTicket(batch, result)
    const isTaken =
      outcome.kind === 'accepted' || (outcome.kind === 'refused' && outcome.items < batch.items)
    if (isTaken) batch.release()
    return outcome
  }

  async #waitForRoom(batch: Batch, charge: number): Promise<Outcome> {
    if (await this.#capacity.take(charge)) return this.#take(batch, charge)
    return busy(STOPPING_RETRY_MS, 'unavailable')
  }

  #refuseOversize(batch: Batch, charge: number): Outcome {
    const { queue_size: limit, sizer } = this.#config.sending_queue
    this.#books.notTaken(batch.items)
    const message = `a request of ${charge} ${sizer} can never fit the queue of ${limit}; send smaller ones`
    return refused(batch.items, 'too_large', message)
  }

  #observe(signal: Signal): (() => void)[] {
    const { meter, id } = this.#context
    const labels = { exporter: id, data_type: signal }
    const capacity = this.#capacity
    const inFlight = meter.observe(IN_FLIGHT, labels, () => this.#dispatcher.inFlight)
    if (!this.#config.sending_queue.enabled) return [inFlight]
    return [
      inFlight,
      meter.observe(QUEUE_SIZE, labels, () => capacity.used),
      meter.observe(QUEUE_CAPACITY, labels, () => capacity.limit),
    ]
  }
}

/** Resolves with the work or the deadline, whichever comes first. */
function orAborted(work: Promise<void>, deadline: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      deadline.removeEventListener('abort', done)
      resolve()
    }
    deadline.addEventListener('abort', done, { once: true })
    work.then(done, done)
  })
}
