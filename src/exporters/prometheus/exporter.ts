/** Takes points and keeps them for the next scrape; what is kept counts as sent. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { Ledger } from '../../core/ledger.ts'
import { ACCEPTED, busy, type Outcome } from '../../core/outcome.ts'
import type { EncodedBatch, Sender, SendResult } from '../sending/sender.ts'
import { FailedCounters, SentCounters } from '../sending/sent-counters.ts'
import type { PrometheusConfig } from './config.ts'
import { MetricsPage, type Refused } from './page.ts'

/** How long a sender waits that came before start or after stop. */
const RETRY_AFTER_MS = 1000

export class PrometheusExporter implements Component, Consumer {
  readonly #id: string
  readonly #ledger: Ledger
  readonly #sent: SentCounters
  readonly #failed: FailedCounters
  readonly #page: MetricsPage

  constructor(context: CreateContext<PrometheusConfig>) {
    this.#id = context.id
    this.#ledger = context.ledger
    this.#sent = new SentCounters(context.meter, context.id)
    this.#failed = new FailedCounters(context.meter, context.id)
    this.#page = new MetricsPage(context)
  }

  /** Its successor listens on the same address. */
  get isAlone(): boolean {
    return true
  }

  get port(): number {
    return this.#page.port
  }

  start(host: Host): Promise<void> {
    return this.#page.start(host)
  }

  stop(): Promise<void> {
    return this.#page.stop()
  }

  consume(batch: Batch): Outcome | Promise<Outcome> {
    if (!this.#page.isOpen) return busy(RETRY_AFTER_MS, 'unavailable')
    const kept = this.#page.keep(batch)
    return kept instanceof Promise
      ? kept.then(refused => this.#settle(batch, refused))
      : this.#settle(batch, kept)
  }

  #settle(batch: Batch, refused: Refused): Outcome {
    const { tenant, signal, items } = batch
    let lost = 0
    for (const [reason, points] of refused) {
      lost += points
      const drop = { stage: this.#id, reason, intentional: false }
      this.#ledger.dropped(tenant, signal, points, drop)
    }
    this.#ledger.sent(tenant, signal, items - lost)
    this.#sent.add(signal, items - lost)
    if (lost > 0) this.#failed.add(signal, lost)
    batch.release()
    return ACCEPTED
  }
}

/** The same behind a queue, for configurations that have `sending_queue`. */
export class PrometheusSender implements Sender {
  readonly #page: MetricsPage

  constructor(context: CreateContext<PrometheusConfig>) {
    this.#page = new MetricsPage(context)
  }

  start(host: Host): Promise<void> {
    return this.#page.start(host)
  }

  async send({ batch }: EncodedBatch): Promise<SendResult> {
    if (!this.#page.isOpen) return { kind: 'retry', message: 'the page is closed' }
    let rejected = 0
    const reasons: string[] = []
    for (const [reason, points] of await this.#page.keep(batch)) {
      rejected += points
      reasons.push(`${points} ${reason}`)
    }
    return rejected === 0
      ? { kind: 'sent' }
      : { kind: 'sent', rejected, message: reasons.join(', ') }
  }

  stop(): Promise<void> {
    return this.#page.stop()
  }
}
