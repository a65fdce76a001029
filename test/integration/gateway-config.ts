/** The configuration of a collector between an SDK and a backend: both protocols in, batched, gzip over gRPC out. */
import { SIGNALS } from '../../src/core/signal.ts'

export function gatewayConfig(grpcPort: number, httpPort: number, backendPort: number): string {
  const pipeline = { receivers: ['otlp'], processors: ['batch'], exporters: ['otlp_grpc'] }
  return JSON.stringify({
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: `127.0.0.1:${grpcPort}` },
          http: { endpoint: `127.0.0.1:${httpPort}` },
        },
      },
    },
    processors: { batch: null },
    exporters: { otlp_grpc: { endpoint: `127.0.0.1:${backendPort}`, tls: { insecure: true } } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: Object.fromEntries(SIGNALS.map(signal => [signal, pipeline])),
    },
  })
}
