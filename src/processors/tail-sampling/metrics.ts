/** Metrics of `tail_sampling`, under upstream's names but for the last two. */
import type { MetricSpec } from '../../core/meter.ts'

/** `decision` is sampled, not_sampled or dropped; `sampled` is true for the first. */
const decision = ['sampled', 'decision']
const LATENCY = [
  ...[1, 2, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2000, 3000, 4000, 5000],
  ...[10_000, 20_000, 30_000, 50_000],
]
const SECONDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]

function counter(name: string, help: string, labels: readonly string[] = []): MetricSpec {
  return { name: `otelcol_processor_tail_sampling_${name}`, type: 'counter', help, labels }
}

export const POLICY_TRACES = counter(
  'count_traces_sampled',
  'Traces by policy and what it decided.',
  ['policy', ...decision],
)
export const POLICY_SPANS = counter(
  'count_spans_sampled',
  'Spans of traces by policy and what it decided.',
  ['policy', ...decision],
)
export const POLICY_BYTES = counter(
  'count_bytes_sampled',
  'Bytes of traces by policy and what it decided.',
  ['policy', ...decision],
)
export const ALL_TRACES = counter(
  'global_count_traces_sampled',
  'Traces by what was decided in the end.',
  decision,
)
export const EARLY_RELEASES = counter(
  'early_releases_from_cache_decision',
  'Spans that followed a decision in the decision cache.',
  ['sampled'],
)
export const NEW_TRACES = counter('new_trace_id_received', 'Traces that began.')
export const POLICY_ERRORS = counter(
  'sampling_policy_evaluation_error',
  'Traces for which a policy failed.',
)
export const POLICY_RUNS = counter(
  'sampling_policy_execution_count',
  'Traces that a policy was asked about.',
  ['policy'],
)
export const POLICY_TIME = counter(
  'sampling_policy_execution_time_sum',
  'Microseconds that a policy took, from a sample of its runs.',
  ['policy'],
)
export const DROPPED_TOO_EARLY = counter(
  'sampling_trace_dropped_too_early',
  'Undecided traces that were let go because num_traces was reached.',
)
export const DROPPED_TOO_LARGE = counter(
  'traces_dropped_too_large',
  'Traces beyond maximum_trace_size_bytes.',
)
export const UNREADABLE_STATES = counter(
  'count_spans_with_unparseable_tracestate',
  'Kept spans whose trace state could not be read when use_tracestate wrote their threshold.',
)
export const TIMER_LATENCY: MetricSpec = {
  name: 'otelcol_processor_tail_sampling_sampling_decision_timer_latency',
  type: 'histogram',
  help: 'Milliseconds that a round of decisions took.',
  labels: [],
  buckets: LATENCY,
}
/** Upstream had it before its `sampling_policy_execution_...`, and dashboards still ask for it. */
export const POLICY_LATENCY: MetricSpec = {
  name: 'otelcol_processor_tail_sampling_sampling_decision_latency',
  type: 'histogram',
  help: 'Microseconds that a policy took for a trace, of one in 64 of its runs.',
  labels: ['policy'],
  buckets: LATENCY,
}
export const LATE_SPAN_AGE: MetricSpec = {
  name: 'otelcol_processor_tail_sampling_sampling_late_span_age',
  type: 'histogram',
  help: 'Seconds from a decision to spans that came after it.',
  labels: [],
  buckets: SECONDS,
}
export const REMOVAL_AGE: MetricSpec = {
  name: 'otelcol_processor_tail_sampling_sampling_trace_removal_age',
  type: 'histogram',
  help: 'Seconds from the first span of a trace until its spans were let go.',
  labels: [],
  buckets: SECONDS,
}
export const ON_MEMORY: MetricSpec = {
  name: 'otelcol_processor_tail_sampling_sampling_traces_on_memory',
  type: 'gauge',
  help: 'Traces that are remembered, undecided and decided ones.',
  labels: [],
}
export const DECIDED_EARLY: MetricSpec = {
  name: 'millrace_tail_sampling_traces_decided_early',
  type: 'counter',
  help: 'Traces that were decided before their time because memory was short.',
  labels: ['processor'],
}
export const HELD_BYTES: MetricSpec = {
  name: 'millrace_tail_sampling_held_bytes',
  type: 'gauge',
  help: 'Memory that undecided traces take.',
  labels: ['processor'],
}

export const TAIL_SAMPLING_METRICS: readonly MetricSpec[] = [
  POLICY_TRACES,
  POLICY_SPANS,
  POLICY_BYTES,
  ALL_TRACES,
  EARLY_RELEASES,
  NEW_TRACES,
  POLICY_ERRORS,
  POLICY_RUNS,
  POLICY_TIME,
  DROPPED_TOO_EARLY,
  DROPPED_TOO_LARGE,
  UNREADABLE_STATES,
  TIMER_LATENCY,
  POLICY_LATENCY,
  LATE_SPAN_AGE,
  REMOVAL_AGE,
  ON_MEMORY,
  DECIDED_EARLY,
  HELD_BYTES,
]
