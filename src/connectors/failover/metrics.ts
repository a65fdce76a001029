/** The self-metrics of `failover`. */
import type { MetricSpec } from '../../core/meter.ts'

const LABELS = ['connector', 'signal']

export const FAILOVER_COUNT: MetricSpec = {
  name: 'otelcol_connector_failover_count',
  type: 'counter',
  help: 'How often a level was left for a lower one.',
  labels: LABELS,
}
export const FAILOVER_LEVEL: MetricSpec = {
  name: 'millrace_failover_level',
  type: 'gauge',
  help: 'The level in use; 0 is the first.',
  labels: LABELS,
}
export const FAILOVER_QUEUE_SIZE: MetricSpec = {
  name: 'millrace_failover_queue_size',
  type: 'gauge',
  help: 'What the queue in front of the levels holds, in its unit.',
  labels: LABELS,
}

export const FAILOVER_METRICS: readonly MetricSpec[] = [
  FAILOVER_COUNT,
  FAILOVER_LEVEL,
  FAILOVER_QUEUE_SIZE,
]
