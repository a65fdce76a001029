/** Metrics of `groupbytrace`, under upstream's names but for the last one. */
import type { MetricSpec } from '../../core/meter.ts'

function spec(name: string, type: MetricSpec['type'], help: string): MetricSpec {
  return { name: `otelcol_processor_groupbytrace_${name}`, type, help, labels: [] }
}

export const TRACES_LIMIT = spec('conf_num_traces', 'gauge', 'Traces that may wait.')
export const TRACES_HELD = spec('num_traces_in_memory', 'gauge', 'Traces that wait.')
export const TRACES_EVICTED = spec(
  'traces_evicted',
  'counter',
  'Traces that were dropped because too many waited.',
)
export const TRACES_RELEASED = spec('traces_released', 'counter', 'Traces that were handed on.')
export const SPANS_RELEASED = spec('spans_released', 'counter', 'Spans that were handed on.')
export const RELEASED_EARLY: MetricSpec = {
  name: 'millrace_groupbytrace_traces_released_early',
  type: 'counter',
  help: 'Traces that were handed on before their time because memory was short.',
  labels: ['processor'],
}

export const GROUP_BY_TRACE_METRICS: readonly MetricSpec[] = [
  TRACES_LIMIT,
  TRACES_HELD,
  TRACES_EVICTED,
  TRACES_RELEASED,
  SPANS_RELEASED,
  RELEASED_EARLY,
]
