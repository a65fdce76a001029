/** Self-metrics of `servicegraph`; the names of upstream where it has them. */
import type { MetricSpec } from '../../core/meter.ts'

const LABELS = ['connector']

export const TOTAL_EDGES: MetricSpec = {
  name: 'otelcol_connector_servicegraph_total_edges',
  type: 'counter',
  help: 'Total number of unique edges.',
  labels: LABELS,
}

export const EXPIRED_EDGES: MetricSpec = {
  name: 'otelcol_connector_servicegraph_expired_edges',
  type: 'counter',
  help: 'Number of edges that expired before finding its matching span.',
  labels: LABELS,
}

export const DROPPED_SPANS: MetricSpec = {
  name: 'otelcol_connector_servicegraph_dropped_spans',
  type: 'counter',
  help: 'Number of spans dropped when trying to add edges.',
  labels: LABELS,
}

export const OVERFLOWED: MetricSpec = {
  name: 'millrace_servicegraph_overflowed',
  type: 'counter',
  help: 'Edges counted in a series without dimensions, because there were too many series or too little memory.',
  labels: LABELS,
}

export const POSTPONED: MetricSpec = {
  name: 'millrace_servicegraph_postponed_flushes',
  type: 'counter',
  help: 'Flushes that were left out, because the pipeline behind had not taken the one before or memory was short.',
  labels: LABELS,
}

export const FAILED: MetricSpec = {
  name: 'millrace_servicegraph_failed_flushes',
  type: 'counter',
  help: 'Flushes that a fault of the program broke off; what is counted stays for the next one.',
  labels: LABELS,
}

export const SERVICEGRAPH_METRICS: readonly MetricSpec[] = [
  TOTAL_EDGES,
  EXPIRED_EDGES,
  DROPPED_SPANS,
  OVERFLOWED,
  POSTPONED,
  FAILED,
]
