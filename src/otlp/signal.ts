/** The three OTLP signals and the words that differ between them: service paths, item nouns, field numbers. */

export type Signal = 'traces' | 'metrics' | 'logs'

export const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']

/** What one counted item is called in metric names (`otelcol_receiver_accepted_<noun>`). */
export const ITEM_NOUN: Readonly<Record<Signal, string>> = {
  traces: 'spans',
  metrics: 'metric_points',
  logs: 'log_records',
}

/** Full gRPC method of the signal's export service (opentelemetry-proto, collector/&lt;signal>/v1). */
export const GRPC_EXPORT_PATH: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
}

/** Default HTTP path of the signal (OTLP specification, "OTLP/HTTP request"). */
export const HTTP_EXPORT_PATH: Readonly<Record<Signal, string>> = {
  traces: '/v1/traces',
  metrics: '/v1/metrics',
  logs: '/v1/logs',
}
