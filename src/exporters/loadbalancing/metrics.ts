/** The self-metrics of `loadbalancing`: upstream's by its names, and what each backend's queue holds. */
import type { MetricSpec } from '../../core/meter.ts'

const BACKEND = ['exporter', 'endpoint']
const QUEUE = ['exporter', 'endpoint', 'data_type']

export const BACKEND_LATENCY: MetricSpec = {
  name: 'otelcol_loadbalancer_backend_latency',
  type: 'histogram',
  help: 'Time until a backend answered a request, in milliseconds.',
  labels: BACKEND,
  buckets: [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000],
}
export const BACKEND_OUTCOME: MetricSpec = {
  name: 'otelcol_loadbalancer_backend_outcome',
  type: 'counter',
  help: 'Requests that a backend took, and that it did not.',
  labels: ['exporter', 'endpoint', 'success'],
}
export const NUM_BACKENDS: MetricSpec = {
  name: 'otelcol_loadbalancer_num_backends',
  type: 'gauge',
  help: 'Backends that the resolver names now.',
  labels: ['exporter', 'resolver'],
}
export const NUM_BACKEND_UPDATES: MetricSpec = {
  name: 'otelcol_loadbalancer_num_backend_updates',
  type: 'counter',
  help: 'Changes of the list of backends.',
  labels: ['exporter', 'resolver'],
}
export const NUM_RESOLUTIONS: MetricSpec = {
  name: 'otelcol_loadbalancer_num_resolutions',
  type: 'counter',
  help: 'Times that the list of backends was asked for.',
  labels: ['exporter', 'resolver', 'success'],
}
export const BACKEND_QUEUE_SIZE: MetricSpec = {
  name: 'millrace_loadbalancer_backend_queue_size',
  type: 'gauge',
  help: "What a backend's own queue holds, in its unit.",
  labels: QUEUE,
}
export const BACKEND_QUEUE_CAPACITY: MetricSpec = {
  name: 'millrace_loadbalancer_backend_queue_capacity',
  type: 'gauge',
  help: "Bound of a backend's own queue, in its unit.",
  labels: QUEUE,
}
export const BACKEND_IN_FLIGHT: MetricSpec = {
  name: 'millrace_loadbalancer_backend_in_flight_requests',
  type: 'gauge',
  help: 'Requests sent to a backend whose answer has not come yet.',
  labels: QUEUE,
}
export const BACKEND_STATE: MetricSpec = {
  name: 'millrace_loadbalancer_backend_state',
  type: 'gauge',
  help: 'How a backend is treated: 0 gets its share, 1 is being tried, 2 is left alone, 3 is being drained.',
  labels: BACKEND,
}
export const REROUTED_ITEMS: MetricSpec = {
  name: 'millrace_loadbalancer_rerouted_items',
  type: 'counter',
  help: 'Items that were handed from one backend to others, because it failed or is gone.',
  labels: ['exporter', 'signal'],
}

export const BALANCING_METRICS: readonly MetricSpec[] = [
  BACKEND_LATENCY,
  BACKEND_OUTCOME,
  NUM_BACKENDS,
  NUM_BACKEND_UPDATES,
  NUM_RESOLUTIONS,
  BACKEND_QUEUE_SIZE,
  BACKEND_QUEUE_CAPACITY,
  BACKEND_IN_FLIGHT,
  BACKEND_STATE,
  REROUTED_ITEMS,
]
