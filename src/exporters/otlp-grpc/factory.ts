/** Declares the `otlp_grpc` exporter. */
import { defineFactory } from '../../core/factory.ts'
import { SENDING_METRICS } from '../sending/metrics.ts'
import { ENDPOINT_METRICS } from '../sending/pool/metrics.ts'
import { config } from './config.ts'
import { createOtlpGrpcExporter } from './exporter.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'otlp_grpc',
    aliases: ['otlp'],
    summary: 'Sends OTLP over gRPC.',
    stability: { traces: 'stable', metrics: 'stable', logs: 'stable' },
    mutates: false,
    metrics: [...SENDING_METRICS, ...ENDPOINT_METRICS],
  },
  config,
  create: createOtlpGrpcExporter,
})
