/** Declares the `filter` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { FILTER_METRICS } from './metrics.ts'
import { FilterProcessor } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'filter',
    summary: 'Drops spans, events, metrics, data points and log records for which conditions hold.',
    stability: { traces: 'alpha', metrics: 'alpha', logs: 'alpha' },
    mutates: true,
    metrics: FILTER_METRICS,
  },
  config,
  create: (context, next) => new FilterProcessor(context, next),
})
