/** What a pool shows of itself: a few series for each of its endpoints, of which there is a bounded number. */
import type { Labels, Meter, MetricSpec } from '../../../core/meter.ts'
import type { BreakerState } from '../../../core/queue-control.ts'
import type { SendResult } from '../sender.ts'
import type { Ejection, Endpoint } from './endpoint.ts'

const LABELS = ['exporter', 'endpoint']

function spec(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  labels: readonly string[] = LABELS,
): MetricSpec {
  return { name: `millrace_endpoint_${name}`, type, help, labels }
}

const REQUESTS = spec('requests', 'counter', 'Requests that ended at an endpoint, by result.', [
  ...LABELS,
  'result',
])
const IN_FLIGHT = spec('in_flight', 'gauge', 'Requests that an endpoint has not answered yet.')
const HEALTHY = spec(
  'healthy',
  'gauge',
  '1 while an endpoint is used; 0 when its checks failed, or it is ejected or avoided.',
)
const BREAKER = spec(
  'breaker_state',
  'gauge',
  'How an endpoint is treated for its failures: 0 gets requests, 1 gets one to try, 2 gets none.',
)
const LATENCY = spec(
  'latency_ms',
  'gauge',
  'Answer time of an endpoint with the memory of a peak, in milliseconds.',
)
const CONCURRENCY = spec(
  'concurrency_limit',
  'gauge',
  'Requests in flight that adaptive_concurrency allows.',
)
const EJECTIONS = spec('ejections', 'counter', 'How often an endpoint was taken out, and why.', [
  ...LABELS,
  'reason',
])
const CHECKS = spec('health_checks', 'counter', 'Health checks of an endpoint, by result.', [
  ...LABELS,
  'result',
])
export const OTHER_TRIES: MetricSpec = {
  name: 'millrace_endpoint_other_tries',
  type: 'counter',
  help: 'Requests that were sent to another endpoint at once because one could not take them.',
  labels: ['exporter'],
}
const PANIC: MetricSpec = {
  name: 'millrace_endpoint_panic',
  type: 'gauge',
  help: '1 while so few endpoints are well that all are used.',
  labels: ['exporter'],
}

/** For the `meta.metrics` of every exporter with `endpoints`. */
export const ENDPOINT_METRICS: readonly MetricSpec[] = [
  REQUESTS,
  IN_FLIGHT,
  HEALTHY,
  BREAKER,
  LATENCY,
  CONCURRENCY,
  EJECTIONS,
  CHECKS,
  OTHER_TRIES,
  PANIC,
]

const BREAKER_NUMBER: Readonly<Record<BreakerState, number>> = {
  none: 0,
  closed: 0,
  half_open: 1,
  open: 2,
}
const RESULTS: readonly SendResult['kind'][] = ['sent', 'retry', 'drop']
const REASONS: readonly Ejection[] = ['passive', 'failures', 'latency']

/** Returns what takes the series away again. */
export function observeEndpoint(
  meter: Meter,
  exporter: string,
  endpoint: Endpoint,
  monotonic: () => number,
): () => void {
  const labels: Labels = { exporter, endpoint: endpoint.name }
  const stops = [
    meter.observe(IN_FLIGHT, labels, () => endpoint.inFlight),
    meter.observe(HEALTHY, labels, () => (endpoint.isWell(monotonic()) ? 1 : 0)),
    meter.observe(BREAKER, labels, () => BREAKER_NUMBER[endpoint.breaker.state ?? 'none']),
    meter.observe(LATENCY, labels, () => endpoint.latency.at(monotonic())),
  ]
  const { concurrency, results, ejected, checks } = endpoint
  if (Number.isFinite(concurrency.limit)) {
    stops.push(meter.observe(CONCURRENCY, labels, () => concurrency.limit))
  }
  for (const result of RESULTS) {
    stops.push(meter.observe(REQUESTS, { ...labels, result }, () => results[result]))
  }
  for (const reason of REASONS) {
    stops.push(meter.observe(EJECTIONS, { ...labels, reason }, () => ejected[reason]))
  }
  for (const result of ['passed', 'failed'] as const) {
    stops.push(meter.observe(CHECKS, { ...labels, result }, () => checks[result]))
  }
  return () => {
    for (const stop of stops) stop()
  }
}

export function observePanic(meter: Meter, exporter: string, read: () => boolean): () => void {
  return meter.observe(PANIC, { exporter }, () => (read() ? 1 : 0))
}
