/** Declares the `zipkin` exporter. */
import { defineFactory } from '../../core/factory.ts'
import { createSendingExporter } from '../sending/exporter.ts'
import { IdsApart } from '../sending/ids-apart.ts'
import { SENDING_METRICS } from '../sending/metrics.ts'
import { PieceSender } from '../sending/pieces.ts'
import { createSender } from '../sending/pool/create.ts'
import { ENDPOINT_METRICS } from '../sending/pool/metrics.ts'
import { config } from './config.ts'
import { ZipkinSender } from './exporter.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'zipkin',
    summary: 'Sends spans to Zipkin over HTTP, as v2 JSON or protobuf.',
    stability: { traces: 'stable' },
    mutates: false,
    metrics: [...SENDING_METRICS, ...ENDPOINT_METRICS],
  },
  config,
  create: context => {
    const { config } = context
    const pieces = new PieceSender(config.max_request_bytes)
    const sender = createSender(context, {
      kind: 'http',
      endpoint: config.endpoint,
      tls: config.tls,
      create: place => new ZipkinSender(config, place, context, pieces),
    })
    return createSendingExporter(context, config, new IdsApart(sender, pieces))
  },
})
