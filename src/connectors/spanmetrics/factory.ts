/** Declares the `spanmetrics` connector. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { SpanmetricsConnector } from './connector.ts'
import { SPANMETRICS_METRICS } from './metrics.ts'

export const factory = defineFactory({
  kind: 'connector',
  meta: {
    id: 'spanmetrics',
    aliases: ['span_metrics'],
    summary: 'Makes metrics of requests, errors and durations out of spans.',
    stability: { traces: 'alpha' },
    connects: [{ from: 'traces', to: 'metrics' }],
    mutates: false,
    metrics: SPANMETRICS_METRICS,
  },
  config,
  create: (context, next) => new SpanmetricsConnector(context, next),
})
