/** Metrics of `probabilistic_sampler`, under upstream's names. */
import type { MetricSpec } from '../../core/meter.ts'

/** `policy` says what decided: trace_id_hash, trace_id_w3c, sampling_randomness, sampling_priority, missing_randomness or an attribute's name. */
const labels = ['processor', 'policy', 'sampled']

export const SPANS_SAMPLED: MetricSpec = {
  name: 'otelcol_processor_probabilistic_sampler_count_traces_sampled',
  type: 'counter',
  help: 'Spans that were sampled or not.',
  labels,
}
export const LOGS_SAMPLED: MetricSpec = {
  name: 'otelcol_processor_probabilistic_sampler_count_logs_sampled',
  type: 'counter',
  help: 'Log records that were sampled or not.',
  labels,
}

export const SAMPLER_METRICS: readonly MetricSpec[] = [SPANS_SAMPLED, LOGS_SAMPLED]
