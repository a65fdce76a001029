/** Takes everything and does nothing with it: for trying a pipeline without a backend, and for measuring what comes before. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Ledger } from '../../core/ledger.ts'
import { ACCEPTED, type Outcome } from '../../core/outcome.ts'
import { SentCounters } from '../sending/sent-counters.ts'
import type { NopConfig } from './config.ts'

export class NopExporter implements Component, Consumer {
  readonly #ledger: Ledger
  readonly #counters: SentCounters

  constructor(context: CreateContext<NopConfig>) {
    this.#ledger = context.ledger
    this.#counters = new SentCounters(context.meter, context.id)
  }

  async start(): Promise<void> {}

  consume(batch: Batch): Outcome {
    this.#ledger.sent(batch.tenant, batch.signal, batch.items)
    this.#counters.add(batch.signal, batch.items)
    batch.release()
    return ACCEPTED
  }

  async stop(): Promise<void> {}
}
