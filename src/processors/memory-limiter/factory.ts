/** Declares the `memory_limiter` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { MEMORY_LIMITER_METRICS } from './metrics.ts'
import { MemoryLimiter } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'memory_limiter',
    summary: 'Sets the limit of resident memory and sends data back while it is short.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: false,
    metrics: MEMORY_LIMITER_METRICS,
  },
  config,
  create: (context, next) => new MemoryLimiter(context, next),
})
