/** Declares the `count` connector. */
import { defineFactory } from '../../core/factory.ts'
import { SIGNALS } from '../../core/signal.ts'
import { config } from './config.ts'
import { CountConnector } from './connector.ts'
import { COUNT_METRICS } from './metrics.ts'

export const factory = defineFactory({
  kind: 'connector',
  meta: {
    id: 'count',
    summary:
      'Counts spans, events, metrics, data points and log records, and sends the counts as metrics.',
    stability: { traces: 'alpha', metrics: 'alpha', logs: 'alpha' },
    connects: SIGNALS.map(signal => ({ from: signal, to: 'metrics' })),
    mutates: false,
    metrics: COUNT_METRICS,
  },
  config,
  create: (context, next) => new CountConnector(context, next),
})
