/** Declares the `groupbytrace` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { GROUP_BY_TRACE_METRICS } from './metrics.ts'
import { GroupByTraceProcessor } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'groupbytrace',
    summary: 'Waits for the spans of each trace and hands them on together.',
    stability: { traces: 'beta' },
    mutates: false,
    metrics: GROUP_BY_TRACE_METRICS,
  },
  config,
  create: (context, next) => new GroupByTraceProcessor(context, next),
})
