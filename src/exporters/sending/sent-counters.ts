/** The counters of items sent and failed, for exporters that take batches without the queue and retry of `sending/`. */
import type { Counter, Meter, MetricSpec } from '../../core/meter.ts'
import { SIGNALS, type Signal } from '../../core/signal.ts'
import { SEND_FAILED, SENT } from './metrics.ts'

/** For a factory's `meta.metrics`. */
export const SENT_METRICS: readonly MetricSpec[] = SIGNALS.map(signal => SENT[signal])
export const SENT_AND_FAILED_METRICS: readonly MetricSpec[] = [
  ...SENT_METRICS,
  ...SIGNALS.map(signal => SEND_FAILED[signal]),
]

/** One counter per signal. */
class SignalCounters {
  readonly #counters: Readonly<Record<Signal, Counter>>

  constructor(meter: Meter, exporter: string, of: Readonly<Record<Signal, MetricSpec>>) {
    const counter = (signal: Signal) => meter.counter(of[signal], { exporter })
    this.#counters = {
      traces: counter('traces'),
      metrics: counter('metrics'),
      logs: counter('logs'),
    }
  }

  add(signal: Signal, items: number): void {
    this.#counters[signal].value += items
  }
}

export class SentCounters extends SignalCounters {
  constructor(meter: Meter, exporter: string) {
    super(meter, exporter, SENT)
  }
}

export class FailedCounters extends SignalCounters {
  constructor(meter: Meter, exporter: string) {
    super(meter, exporter, SEND_FAILED)
  }
}
