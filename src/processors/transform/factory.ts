/** Declares the `transform` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { TransformProcessor } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'transform',
    summary: 'Changes telemetry by OTTL statements.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: true,
    metrics: [],
  },
  config,
  create: (context, next) => new TransformProcessor(context, next),
})
