/** Declares the `otlp_http` exporter. */
import { defineFactory } from '../../core/factory.ts'
import { createSendingExporter } from '../sending/exporter.ts'
import { SENDING_METRICS } from '../sending/metrics.ts'
import { createSender } from '../sending/pool/create.ts'
import { ENDPOINT_METRICS } from '../sending/pool/metrics.ts'
import { config } from './config.ts'
import { OtlpHttpSender } from './exporter.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'otlp_http',
    aliases: ['otlphttp'],
    summary: 'Sends OTLP over HTTP, as protobuf or JSON.',
    stability: { traces: 'stable', metrics: 'stable', logs: 'stable' },
    mutates: false,
    metrics: [...SENDING_METRICS, ...ENDPOINT_METRICS],
  },
  config,
  create: context => {
    const { config } = context
    const sender = createSender(context, {
      kind: 'http',
      endpoint: config.endpoint,
      tls: config.tls,
      create: place => new OtlpHttpSender(context, place),
    })
    return createSendingExporter(context, config, sender)
  },
})
