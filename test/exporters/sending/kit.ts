/** A sender that answers as a test says, and an exporter around it on a clock that stands still. */

import { section } from '../../../src/config/fields.ts'
import { type Batch, DEFAULT_TENANT } from '../../../src/core/batch.ts'
import type { Component, Consumer } from '../../../src/core/component.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { type SendingConfig, sendingFields } from '../../../src/exporters/sending/config.ts'
import {
  createSendingExporter,
  type SendingOptions,
} from '../../../src/exporters/sending/exporter.ts'
import type {
  EncodedBatch,
  Progress,
  Sender,
  SendResult,
} from '../../../src/exporters/sending/sender.ts'
import { type FakeServices, fakeServices } from '../../../src/testing/fakes.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { acceptBatch, type TestBatch } from '../batch-of.ts'

export const SENT: SendResult = { kind: 'sent' }

/** An attempt that waits for the test to answer it. */
export interface OpenAttempt {
  readonly items: number
  readonly abort: AbortSignal
  answer(result: SendResult): void
}

export class ScriptedSender implements Sender {
  /** Answers at once; without it attempts stay open. */
  reply: ((encoded: EncodedBatch) => SendResult) | null = () => SENT
  /** In the place of `reply`. */
  attempt: ((encoded: EncodedBatch) => Promise<SendResult>) | null = null
  progressOf: (batch: Batch) => Progress | null = () => null
  readonly attempts: EncodedBatch[] = []
  readonly open: OpenAttempt[] = []
  stopped = false

  async start(): Promise<void> {}

  send(encoded: EncodedBatch, abort: AbortSignal): Promise<SendResult> {
    this.attempts.push(encoded)
    if (this.attempt !== null) return this.attempt(encoded)
    if (this.reply !== null) return Promise.resolve(this.reply(encoded))
    return new Promise(resolve => {
      this.open.push({ items: encoded.items, abort, answer: resolve })
    })
  }

  progress(batch: Batch): Progress | null {
    return this.progressOf(batch)
  }

  async stop(): Promise<void> {
    this.stopped = true
  }

  /** Items of every attempt in order. */
  get sizes(): number[] {
    return this.attempts.map(({ items }) => items)
  }
}

export interface SendingKit {
  readonly exporter: Component & Consumer
  readonly sender: ScriptedSender
  readonly services: FakeServices
  /** A batch of `items` spans, booked as accepted. */
  batch(items?: number, signal?: Signal, tenant?: string): TestBatch
  /** Hands one over, whatever the answer is. */
  feed(items?: number, signal?: Signal, tenant?: string): TestBatch
  /** Stops with a deadline that has not come, or has. */
  stop(aborted?: boolean): Promise<void>
}

const schema = section(sendingFields())

export function startSending(
  config: object = {},
  options: SendingOptions = {},
  services: FakeServices = fakeServices(),
): SendingKit {
  const sender = new ScriptedSender()
  const parsed: SendingConfig = schema.parse(config)
  const context = {
    ...services,
    id: 'scripted',
    config: parsed,
    signals: ['traces', 'metrics', 'logs'] as const,
  }
  const exporter = createSendingExporter(context, parsed, sender, { random: () => 0.5, ...options })
  let n = 0
  const batch = (items = 5, signal: Signal = 'traces', tenant = DEFAULT_TENANT) =>
    acceptBatch(services, signal, sampleRequest(signal, n++, items).bytes, null, tenant)
  return {
    exporter,
    sender,
    services,
    batch,
    feed(items, signal, tenant) {
      const made = batch(items, signal, tenant)
      void exporter.consume(made.batch)
      return made
    },
    stop: aborted => exporter.stop(aborted ? AbortSignal.abort() : new AbortController().signal),
  }
}

/** Items of all drops with this reason. */
export function droppedItems({ services }: SendingKit, reason: string): number {
  const drops = services.ledger.rows().flatMap(row => row.dropped)
  return drops.filter(d => d.reason === reason).reduce((sum, d) => sum + d.items, 0)
}

export function sentItems({ services }: SendingKit): number {
  return services.ledger.rows().reduce((sum, row) => sum + row.sent, 0)
}
