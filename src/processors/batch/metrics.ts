/** Metrics of `batch`, under upstream's names. */
import type { MetricSpec } from '../../core/meter.ts'

const labels = ['processor']

export const SIZE_TRIGGER: MetricSpec = {
  name: 'otelcol_processor_batch_batch_size_trigger_send',
  type: 'counter',
  help: 'Batches sent because they were full.',
  labels,
}
export const TIMEOUT_TRIGGER: MetricSpec = {
  name: 'otelcol_processor_batch_timeout_trigger_send',
  type: 'counter',
  help: 'Batches sent because of their age.',
  labels,
}
export const SEND_SIZE: MetricSpec = {
  name: 'otelcol_processor_batch_batch_send_size',
  type: 'histogram',
  help: 'Items in the batches that were sent.',
  labels,
  buckets: [
    ...[10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000],
    ...[10_000, 20_000, 30_000, 50_000, 100_000],
  ],
}
export const CARDINALITY: MetricSpec = {
  name: 'otelcol_processor_batch_metadata_cardinality',
  type: 'gauge',
  help: 'Different combinations of metadata values that are batched apart.',
  labels,
}

export const BATCH_METRICS: readonly MetricSpec[] = [
  SIZE_TRIGGER,
  TIMEOUT_TRIGGER,
  SEND_SIZE,
  CARDINALITY,
]
