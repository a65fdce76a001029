/** Declares the `otlp` receiver. */
import { defineFactory } from '../../core/factory.ts'
import { SIGNALS } from '../../core/signal.ts'
import { serverMetrics } from '../intake/metrics.ts'
import { config } from './config.ts'
import { OtlpReceiver } from './receiver.ts'

export const factory = defineFactory({
  kind: 'receiver',
  meta: {
    id: 'otlp',
    summary: 'Takes traces, metrics and logs by OTLP over gRPC and HTTP.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: false,
    metrics: serverMetrics(SIGNALS),
  },
  config,
  create: (context, next) => new OtlpReceiver(context, next),
})
