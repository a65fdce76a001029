/** What `tenants` counts of itself; what tenants do is counted by the book of usage. */
import type { MetricSpec } from '../../core/meter.ts'

export const TENANT_RELOADS: MetricSpec = {
  name: 'millrace_tenants_reloads',
  type: 'counter',
  help: 'Readings of tenant files after a change, by result.',
  labels: ['extension', 'result'],
}

export const TENANT_ENTRIES: MetricSpec = {
  name: 'millrace_tenants_entries',
  type: 'gauge',
  help: 'Entries of tenants that are in force, ids and globs.',
  labels: ['extension'],
}

export const METRICS: readonly MetricSpec[] = [TENANT_RELOADS, TENANT_ENTRIES]
