/** Declares the `adaptive_sampler` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { ADAPTIVE_METRICS } from './metrics.ts'
import { AdaptiveSampler } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'adaptive_sampler',
    summary:
      'Keeps the traces that matter within a budget: errors, slow paths, odd structures, and a fair baseline.',
    stability: { traces: 'alpha' },
    mutates: false,
    metrics: ADAPTIVE_METRICS,
  },
  config,
  create: (context, next) => new AdaptiveSampler(context, next),
})
