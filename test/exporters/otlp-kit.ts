/** An OTLP exporter as configured, on the real clock with short waits, fed with sample requests. */
import type { TestContext } from 'node:test'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import type { Component, Consumer } from '../../src/core/component.ts'
import type { Factory } from '../../src/core/factory.ts'
import type { Signal } from '../../src/core/signal.ts'
import { fakeHost, fakeServices } from '../../src/testing/fakes.ts'
import { sampleRequest } from '../harness/samples.ts'
import { acceptBatch } from './batch-of.ts'

export interface OtlpKit {
  readonly exporter: Component & Consumer
  readonly services: Omit<ReturnType<typeof fakeServices>, 'clock'>
  /** Sends a sample; the outcome is known when it has arrived or failed, as there is no queue. */
  deliver(signal?: Signal, n?: number, items?: number): Promise<string>
}

/** Without queue and with fast retries unless `config` says otherwise. */
export async function startOtlpExporter(
  t: TestContext,
  factory: Factory,
  config: object,
  extensions: ReadonlyMap<string, Component> = new Map(),
): Promise<OtlpKit> {
  const services = { ...fakeServices(), clock: SYSTEM_CLOCK }
  const parsed = factory.config.schema.parse({
    sending_queue: { enabled: false },
    retry_on_failure: { initial_interval: '5ms', max_interval: '10ms', randomization_factor: 0 },
    ...config,
  })
  const context = {
    ...services,
    id: factory.meta.id,
    config: parsed,
    signals: ['traces', 'metrics', 'logs'] as const,
  }
  const exporter = factory.create(context, undefined as never) as Component & Consumer
  await exporter.start(fakeHost(extensions))
  t.after(() => exporter.stop(AbortSignal.abort()))
  return {
    exporter,
    services,
    async deliver(signal = 'traces', n = 1, items = 5) {
      const { batch } = acceptBatch(services, signal, sampleRequest(signal, n, items).bytes)
      const outcome = await exporter.consume(batch)
      if (outcome.kind === 'accepted') return 'accepted'
      batch.release()
      return outcome.kind === 'busy'
        ? 'busy'
        : `${outcome.kind}: ${outcome.why}: ${outcome.message}`
    },
  }
}

/** Sent and dropped items of a signal, the drops by reason. */
export function counts({ services }: OtlpKit, signal: Signal = 'traces'): object {
  const row = services.ledger.rows().find(r => r.signal === signal)
  const dropped = Object.fromEntries((row?.dropped ?? []).map(d => [d.reason, d.items]))
  return { sent: row?.sent ?? 0, ...dropped }
}
