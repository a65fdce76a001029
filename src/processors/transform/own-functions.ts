/** Functions that only `transform` has, by context. */
import type { ContextName } from '../../rules/context.ts'
import type { FunctionSpec } from '../../rules/function.ts'
import { aggregators } from './aggregate.ts'
import { metricMakers, summaryMakers } from './make-metrics.ts'
import type { MetricOutbox } from './metric-outbox.ts'
import { scaleMetric } from './scale-metric.ts'
import { toHistogram } from './to-histogram.ts'

export function functionsOf(context: ContextName, outbox: MetricOutbox): readonly FunctionSpec[] {
  if (context === 'datapoint') return summaryMakers(outbox)
  if (context !== 'metric') return []
  return [...metricMakers(outbox), ...aggregators(outbox), scaleMetric(outbox), toHistogram(outbox)]
}
