/** Prints what arrives, for people who want to see what an application sends. Takes batches at once and keeps nothing. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Ledger } from '../../core/ledger.ts'
import { ACCEPTED, busy, type Outcome } from '../../core/outcome.ts'
import type { EncodedBatch, Sender, SendResult } from '../sending/sender.ts'
import { SentCounters } from '../sending/sent-counters.ts'
import type { DebugConfig } from './config.ts'
import { BatchPrinter } from './printer.ts'

/** How long a sender waits that came before start or after stop. */
const RETRY_AFTER_MS = 1000

export class DebugExporter implements Component, Consumer {
  readonly #ledger: Ledger
  readonly #counters: SentCounters
  readonly #printer: BatchPrinter

  constructor(context: CreateContext<DebugConfig>) {
    this.#ledger = context.ledger
    this.#counters = new SentCounters(context.meter, context.id)
    this.#printer = new BatchPrinter(context)
  }

  start(): Promise<void> {
    return this.#printer.start()
  }

  consume(batch: Batch): Outcome {
    if (!this.#printer.isOpen) return busy(RETRY_AFTER_MS, 'unavailable')
    this.#printer.print(batch)
    this.#ledger.sent(batch.tenant, batch.signal, batch.items)
    this.#counters.add(batch.signal, batch.items)
    batch.release()
    return ACCEPTED
  }

  stop(): Promise<void> {
    return this.#printer.stop()
  }
}

/** The same behind a queue, for configurations that have `sending_queue`. */
export class DebugSender implements Sender {
  readonly #printer: BatchPrinter

  constructor(context: CreateContext<DebugConfig>) {
    this.#printer = new BatchPrinter(context)
  }

  start(): Promise<void> {
    return this.#printer.start()
  }

  async send({ batch }: EncodedBatch): Promise<SendResult> {
    this.#printer.print(batch)
    return { kind: 'sent' }
  }

  stop(): Promise<void> {
    return this.#printer.stop()
  }
}
