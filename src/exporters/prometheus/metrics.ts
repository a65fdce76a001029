/** Self-metrics of `prometheus`, besides those of every exporter. */
import type { MetricSpec } from '../../core/meter.ts'
import { SENT_AND_FAILED_METRICS } from '../sending/sent-counters.ts'

export const SERIES: MetricSpec = {
  name: 'millrace_prometheus_series',
  type: 'gauge',
  help: 'Series that are kept for the next scrape.',
  labels: ['exporter'],
}

export const DUPLICATES: MetricSpec = {
  name: 'millrace_prometheus_duplicates',
  type: 'counter',
  help: 'Series left out of a scrape because another one has the same name and labels.',
  labels: ['exporter'],
}

export const SCRAPES: MetricSpec = {
  name: 'millrace_prometheus_scrapes',
  type: 'counter',
  help: 'Scrapes that were answered, by format.',
  labels: ['exporter', 'format'],
}

export const PROMETHEUS_METRICS: readonly MetricSpec[] = [
  ...SENT_AND_FAILED_METRICS,
  SERIES,
  DUPLICATES,
  SCRAPES,
]
