/** The metrics of the process itself; those of components are declared in their `meta`. */
import type { MetricSpec } from '../core/meter.ts'

const spec = (
  type: MetricSpec['type'],
  name: string,
  help: string,
  labels: readonly string[] = [],
): MetricSpec => ({ type, name, help, labels })

export const PROCESS_UPTIME = spec('counter', 'otelcol_process_uptime', 'Seconds since the start.')
export const PROCESS_CPU = spec(
  'counter',
  'otelcol_process_cpu_seconds',
  'CPU time of the process, user and system, in seconds.',
)
export const PROCESS_RSS = spec('gauge', 'otelcol_process_memory_rss', 'Resident memory, bytes.')
export const HEAP_USED = spec(
  'gauge',
  'otelcol_process_runtime_heap_alloc_bytes',
  "Bytes of the JavaScript heap's live objects.",
)
export const RUNTIME_SYSTEM_BYTES = spec(
  'gauge',
  'otelcol_process_runtime_total_sys_memory_bytes',
  'Bytes of heap and external buffers that the runtime holds.',
)

export const MEMORY_LIMIT = spec(
  'gauge',
  'millrace_memory_limit_bytes',
  'The limit of resident memory that is in force.',
)
export const MEMORY_RESERVED = spec(
  'gauge',
  'millrace_memory_reserved_bytes',
  'Bytes reserved by requests that are in the house.',
)

export const MEMORY_ROOM = spec(
  'gauge',
  'millrace_memory_room_bytes',
  'What requests may reserve in all; shrinks while resident memory grows over the soft limit.',
)
export const MEMORY_REFUSALS = spec(
  'counter',
  'millrace_memory_refusals',
  'Requests that were told to come back later because memory was short.',
)

export const PROCESSOR_INCOMING = spec(
  'counter',
  'otelcol_processor_incoming_items',
  'Items that a processor took.',
  ['processor', 'pipeline', 'otel_signal'],
)
export const PROCESSOR_OUTGOING = spec(
  'counter',
  'otelcol_processor_outgoing_items',
  'Items that the stage behind a processor took from it.',
  ['processor', 'pipeline', 'otel_signal'],
)

export const LEDGER_ITEMS = spec(
  'gauge',
  'millrace_ledger_items',
  'The book of every item: accepted + copied = sent + dropped + kept on disk + held.',
  ['tenant', 'signal', 'stage', 'reason'],
)
export const REFUSED_ITEMS = spec(
  'counter',
  'millrace_refused_items',
  'Items whose sender was told no; they were never accepted and stand outside the book.',
  ['tenant', 'signal', 'reason'],
)
export const LEDGER_IMBALANCE = spec(
  'gauge',
  'millrace_ledger_imbalance',
  'Items that the book could not account for at two looks in a row; anything but 0 is a fault of the collector.',
  ['tenant', 'signal'],
)

export const TENANT_REQUESTS = spec(
  'counter',
  'millrace_tenant_requests',
  'Requests that came in whole. Here and below, tenants after the first 200 share the name `other`.',
  ['tenant', 'signal'],
)
export const TENANT_RECEIVED_BYTES = spec(
  'counter',
  'millrace_tenant_received_bytes',
  'Bytes of whole requests, as protobuf.',
  ['tenant', 'signal'],
)
export const TENANT_DELIVERED_BYTES = spec(
  'counter',
  'millrace_tenant_delivered_bytes',
  'Bytes that destinations took, before compression.',
  ['tenant', 'signal', 'exporter'],
)
export const TENANT_TURNED_AWAY = spec(
  'counter',
  'millrace_tenant_turned_away_requests',
  'Requests that were told no before anything of them was known.',
  ['tenant', 'reason'],
)
export const TENANT_COST = spec(
  'counter',
  'millrace_tenant_cost',
  'What was used, by the price table of the extension `tenants`.',
  ['tenant', 'currency'],
)

export const RELOADS = spec(
  'counter',
  'millrace_config_reloads',
  'Attempts to reload the configuration.',
  ['result'],
)
