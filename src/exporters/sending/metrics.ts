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

const TENANT_LABELS = ['tenant', 'exporter', 'signal']

export const TENANT_QUEUE_BYTES: MetricSpec = {
  name: 'millrace_queue_bytes',
  type: 'gauge',
  help: 'Bytes of requests of a tenant that an exporter has in memory: waiting, in flight and parked.',
  labels: TENANT_LABELS,
}
export const TENANT_QUEUE_ITEMS: MetricSpec = {
  name: 'millrace_queue_items',
  type: 'gauge',
  help: 'Items of a tenant that an exporter has in memory: waiting, in flight and parked.',
  labels: TENANT_LABELS,
}
export const TENANT_DISK_BYTES: MetricSpec = {
  name: 'millrace_queue_disk_bytes',
  type: 'gauge',
  help: 'Bytes of a tenant that an exporter has on disk and not delivered, those in memory included.',
  labels: TENANT_LABELS,
}
export const BREAKER_STATE: MetricSpec = {
  name: 'millrace_breaker_state',
  type: 'gauge',
  help: 'How the destination is treated for a tenant: 0 sends, 1 tries, 2 leaves it alone.',
  labels: TENANT_LABELS,
}

/** For the `meta.metrics` of every exporter that is built on `createSendingExporter`. */
export const SENDING_METRICS: readonly MetricSpec[] = [
  ...SIGNALS.flatMap(signal => [SENT[signal], SEND_FAILED[signal], ENQUEUE_FAILED[signal]]),
  QUEUE_SIZE,
  QUEUE_CAPACITY,
  IN_FLIGHT,
  TENANT_QUEUE_BYTES,
  TENANT_QUEUE_ITEMS,
  TENANT_DISK_BYTES,
  BREAKER_STATE,
]
