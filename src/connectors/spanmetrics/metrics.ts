/** Self-metrics of `spanmetrics`. */
import type { MetricSpec } from '../../core/meter.ts'

export const SERIES: MetricSpec = {
  name: 'millrace_spanmetrics_series',
  type: 'gauge',
  help: 'Series that are kept, of all tenants.',
  labels: ['connector'],
}

export const OVERFLOWED: MetricSpec = {
  name: 'millrace_spanmetrics_overflowed',
  type: 'counter',
  help: 'Counts that went to a series without dimensions, because there were too many series or too little memory.',
  labels: ['connector'],
}

export const POSTPONED: MetricSpec = {
  name: 'millrace_spanmetrics_postponed_flushes',
  type: 'counter',
  help: 'Flushes that were left out, because the pipeline behind had not taken the one before or memory was short.',
  labels: ['connector'],
}

export const FAILED: MetricSpec = {
  name: 'millrace_spanmetrics_failed_flushes',
  type: 'counter',
  help: 'Flushes that a fault of the program broke off; what is counted stays for the next one.',
  labels: ['connector'],
}

export const SPANMETRICS_METRICS: readonly MetricSpec[] = [SERIES, OVERFLOWED, POSTPONED, FAILED]
