/** Declares the `otlp_grpc` exporter. */
import { defineFactory } from '../../core/factory.ts'
import { createSendingExporter } from '../sending/exporter.ts'
import { SENDING_METRICS } from '../sending/metrics.ts'
import { config } from './config.ts'
import { OtlpGrpcSender } from './exporter.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'otlp_grpc',
    aliases: ['otlp'],
    summary: 'Sends OTLP over gRPC.',
    stability: { traces: 'stable', metrics: 'stable', logs: 'stable' },
    mutates: false,
    metrics: SENDING_METRICS,
  },
  config,
  create: context =>
    createSendingExporter(context, context.config, new OtlpGrpcSender(context.config, context)),
})
