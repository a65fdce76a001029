/** Metrics of `memory_limiter`, under upstream's names. */
import type { MetricSpec } from '../../core/meter.ts'
import { ITEM_NOUN, SIGNALS, type Signal } from '../../core/signal.ts'

export const ACCEPTED_BY_LIMITER = bySignal('accepted', 'that passed the memory limiter')
export const REFUSED_BY_LIMITER = bySignal('refused', 'that were sent back because memory is short')

export const MEMORY_LIMITER_METRICS: readonly MetricSpec[] = [
  ...Object.values(ACCEPTED_BY_LIMITER),
  ...Object.values(REFUSED_BY_LIMITER),
]

function bySignal(what: string, help: string): Readonly<Record<Signal, MetricSpec>> {
  const spec = (signal: Signal): MetricSpec => {
    const noun = ITEM_NOUN[signal]
    return {
      name: `otelcol_processor_memory_limiter_${what}_${noun}`,
      type: 'counter',
      help: `Number of ${noun.replaceAll('_', ' ')} ${help}.`,
      labels: ['processor'],
    }
  }
  return Object.fromEntries(SIGNALS.map(s => [s, spec(s)])) as Record<Signal, MetricSpec>
}
