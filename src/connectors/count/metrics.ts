/** Self-metrics of `count`. */
import type { MetricSpec } from '../../core/meter.ts'

export const OVERFLOWED: MetricSpec = {
  name: 'millrace_count_overflowed',
  type: 'counter',
  help: 'Things that were counted without their attributes and resource, because a batch had too many sets of them.',
  labels: ['connector'],
}

export const COUNT_METRICS: readonly MetricSpec[] = [OVERFLOWED]
