/** Declares the `jaeger` exporter. */
import { defineFactory } from '../../core/factory.ts'
import { createSendingExporter } from '../sending/exporter.ts'
import { IdsApart } from '../sending/ids-apart.ts'
import { SENDING_METRICS } from '../sending/metrics.ts'
import { createSender } from '../sending/pool/create.ts'
import { ENDPOINT_METRICS } from '../sending/pool/metrics.ts'
import { config } from './config.ts'
import { createJaegerPieces, JaegerSender } from './exporter.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'jaeger',
    summary: "Sends spans to Jaeger over gRPC, in Jaeger's own protobuf.",
    stability: { traces: 'stable' },
    mutates: false,
    metrics: [...SENDING_METRICS, ...ENDPOINT_METRICS],
  },
  config,
  create: context => {
    const { config } = context
    const pieces = createJaegerPieces(config)
    const sender = createSender(context, {
      kind: 'grpc',
      endpoint: config.endpoint,
      tls: config.tls,
      authority: config.authority,
      create: place => new JaegerSender(config, place, context, pieces),
    })
    return createSendingExporter(context, config, new IdsApart(sender, pieces))
  },
})
