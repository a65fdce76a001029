/** Declares the `batch` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { BATCH_METRICS } from './metrics.ts'
import { BatchProcessor } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'batch',
    summary: 'Joins small requests into large ones.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: false,
    metrics: BATCH_METRICS,
  },
  config,
  create: (context, next) => new BatchProcessor(context, next),
})
