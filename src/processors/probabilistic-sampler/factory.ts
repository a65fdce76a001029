/** Declares the `probabilistic_sampler` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { SAMPLER_METRICS } from './metrics.ts'
import { ProbabilisticSampler } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'probabilistic_sampler',
    summary: 'Keeps a share of the traces or log records, the same ones in every collector.',
    stability: { traces: 'beta', logs: 'alpha' },
    mutates: true,
    metrics: SAMPLER_METRICS,
  },
  config,
  create: (context, next) => new ProbabilisticSampler(context, next),
})
