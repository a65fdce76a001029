/** Hands every batch on to the pipelines that it feeds: joins pipelines, or splits one into several. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { Outlets } from '../../core/factory.ts'
import type { Outcome } from '../../core/outcome.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'

export class ForwardConnector implements Component, Consumer {
  readonly #bySignal: ReadonlyMap<Signal, Consumer>

  constructor({ pipelines, to }: Outlets) {
    const fed = (signal: Signal): string[] =>
      [...pipelines].filter(([, carried]) => carried === signal).map(([id]) => id)
    this.#bySignal = new Map(SIGNALS.map(signal => [signal, to(fed(signal))]))
  }

  async start(): Promise<void> {}

  consume(batch: Batch): Outcome | Promise<Outcome> {
    return this.#bySignal.get(batch.signal)!.consume(batch)
  }

  async stop(): Promise<void> {}
}
