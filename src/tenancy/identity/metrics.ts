/** Counts of senders let in and turned away. */
import type { MetricSpec } from '../../core/meter.ts'

export const AUTH_GRANTED: MetricSpec = {
  name: 'millrace_auth_granted',
  type: 'counter',
  help: 'Requests whose sender was identified, by method.',
  labels: ['extension', 'method'],
}

export const AUTH_DENIED: MetricSpec = {
  name: 'millrace_auth_denied',
  type: 'counter',
  help: 'Requests whose sender was turned away, by method and reason.',
  labels: ['extension', 'method', 'reason'],
}

/** For the `meta.metrics` of extensions that check senders. */
export const IDENTITY_METRICS: readonly MetricSpec[] = [AUTH_GRANTED, AUTH_DENIED]
