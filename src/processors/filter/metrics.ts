/** Metrics of `filter`, under upstream's names. */
import type { MetricSpec } from '../../core/meter.ts'
import type { Signal } from '../../core/signal.ts'

const labels = ['filter']

export const FILTERED: Readonly<Record<Signal, MetricSpec>> = {
  traces: {
    name: 'otelcol_processor_filter_spans_filtered',
    type: 'counter',
    help: 'Spans that were dropped.',
    labels,
  },
  metrics: {
    name: 'otelcol_processor_filter_datapoints_filtered',
    type: 'counter',
    help: 'Data points that were dropped.',
    labels,
  },
  logs: {
    name: 'otelcol_processor_filter_logs_filtered',
    type: 'counter',
    help: 'Log records that were dropped.',
    labels,
  },
}

export const FILTER_METRICS: readonly MetricSpec[] = Object.values(FILTERED)
