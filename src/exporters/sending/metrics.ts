/** The self-metrics of every sending exporter, by the names that the collector uses. */
import type { MetricSpec } from '../../core/meter.ts'
import { ITEM_NOUN, SIGNALS, type Signal } from '../../core/signal.ts'

const LABELS = ['exporter']
const LANE_LABELS = ['exporter', 'data_type']

function perSignal(name: string, help: (noun: string) => string): Record<Signal, MetricSpec> {
  const spec = (signal: Signal): MetricSpec => ({
    name: `otelcol_exporter_${name}_${ITEM_NOUN[signal]}`,
    type: 'counter',
    help: help(ITEM_NOUN[signal].replace('_', ' ')),
    labels: LABELS,
  })
  return { traces: spec('traces'), metrics: spec('metrics'), logs: spec('logs') }
}

export const SENT = perSignal('sent', noun => `Number of ${noun} delivered to the destination.`)
export const SEND_FAILED = perSignal(
  'send_failed',
  noun => `Number of ${noun} given up: refused by the destination, or retries used up.`,
)
export const ENQUEUE_FAILED = perSignal(
  'enqueue_failed',
  noun => `Number of ${noun} not taken because the sending queue was full.`,
)
export const QUEUE_SIZE: MetricSpec = {
  name: 'otelcol_exporter_queue_size',
  type: 'gauge',
  help: 'What the sending queue holds in its own unit: waiting, in flight and parked for a retry.',
  labels: LANE_LABELS,
}
export const QUEUE_CAPACITY: MetricSpec = {
  name: 'otelcol_exporter_queue_capacity',
  type: 'gauge',
  help: 'Bound of the sending queue in its own unit.',
  labels: LANE_LABELS,
}
export const IN_FLIGHT: MetricSpec = {
  name: 'otelcol_exporter_in_flight_requests',
  type: 'gauge',
  help: 'Requests sent whose answer has not come yet.',
  labels: LANE_LABELS,
}

/** For the `meta.metrics` of every exporter that is built on `createSendingExporter`. */
export const SENDING_METRICS: readonly MetricSpec[] = [
  ...SIGNALS.flatMap(signal => [SENT[signal], SEND_FAILED[signal], ENQUEUE_FAILED[signal]]),
  QUEUE_SIZE,
  QUEUE_CAPACITY,
  IN_FLIGHT,
]
