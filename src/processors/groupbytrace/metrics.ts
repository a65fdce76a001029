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
export const INCOMPLETE = spec(
  'incomplete_releases',
  'counter',
  'Traces that went before their wait was over: dropped for num_traces, or handed on early.',
)
export const QUEUED = spec('num_events_in_queue', 'gauge', 'Batches that wait for the next stage.')
/** `event` is onTraceReceived for a batch that comes, onTraceReleased for a round of traces that are handed on. */
export const EVENT_LATENCY: MetricSpec = {
  ...spec('event_latency', 'histogram', 'Milliseconds that a piece of work took.'),
  labels: ['event'],
  buckets: [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
}
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
  INCOMPLETE,
  QUEUED,
  EVENT_LATENCY,
  RELEASED_EARLY,
]
