/** Declares the `kafka` exporter. */
import { defineFactory } from '../../core/factory.ts'
import { createSendingExporter } from '../sending/exporter.ts'
import { SENDING_METRICS } from '../sending/metrics.ts'
import { config } from './config.ts'
import { KafkaSender } from './exporter.ts'
import { KAFKA_METRICS } from './metrics.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'kafka',
    summary: 'Sends records to Kafka, in OTLP, Jaeger or Zipkin encodings.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: false,
    metrics: [...SENDING_METRICS, ...KAFKA_METRICS],
  },
  config,
  create: context => createSendingExporter(context, context.config, new KafkaSender(context)),
})
