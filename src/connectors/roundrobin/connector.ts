/** Hands each batch to one of the pipelines that it feeds, to each in its turn; one that is busy is passed over. */
import type { Batch } from '../../core/batch.ts'
import type { Component, Consumer } from '../../core/component.ts'
import type { Outlets } from '../../core/factory.ts'
import { type Busy, busy, type Outcome } from '../../core/outcome.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'

const NO_PIPELINE_RETRY_MS = 1000

export class RoundRobinConnector implements Component, Consumer {
  readonly #bySignal: ReadonlyMap<Signal, readonly Consumer[]>
  readonly #turns: Record<Signal, number> = { traces: 0, metrics: 0, logs: 0 }

  constructor({ pipelines, to }: Outlets) {
    const fed = (signal: Signal): Consumer[] =>
      [...pipelines].filter(([, carried]) => carried === signal).map(([id]) => to([id]))
    this.#bySignal = new Map(SIGNALS.map(signal => [signal, fed(signal)]))
  }

  async start(): Promise<void> {}

  consume(batch: Batch): Outcome | Promise<Outcome> {
    const consumers = this.#bySignal.get(batch.signal)!
    const first = this.#turns[batch.signal]++
    return offer(batch, consumers, first, 0, null)
  }

  async stop(): Promise<void> {}
}

/** Asks one after the other, from `first` on; `tried` have been asked in vain. */
function offer(
  batch: Batch,
  consumers: readonly Consumer[],
  first: number,
  tried: number,
  wait: Busy | null,
): Outcome | Promise<Outcome> {
  if (tried === consumers.length) return wait ?? busy(NO_PIPELINE_RETRY_MS, 'unavailable')
  const outcome = consumers[(first + tried) % consumers.length].consume(batch)
  const next = (settled: Outcome): Outcome | Promise<Outcome> =>
    settled.kind === 'busy'
      ? offer(batch, consumers, first, tried + 1, sooner(wait, settled))
      : settled
  return outcome instanceof Promise ? outcome.then(next) : next(outcome)
}

/** It is worth coming back when the first of them may take it. */
function sooner(a: Busy | null, b: Busy): Busy {
  return a === null || b.retryAfterMs < a.retryAfterMs ? b : a
}
