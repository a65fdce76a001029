/** Declares the `tail_sampling` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { TAIL_SAMPLING_METRICS } from './metrics.ts'
import { TailSamplingProcessor } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'tail_sampling',
    summary: 'Keeps or drops whole traces by policies, once they are complete.',
    stability: { traces: 'beta' },
    mutates: false,
    metrics: TAIL_SAMPLING_METRICS,
  },
  config,
  create: (context, next) => new TailSamplingProcessor(context, next),
})
