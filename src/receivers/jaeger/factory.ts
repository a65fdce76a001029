/** Declares the `jaeger` receiver. */
import { defineFactory } from '../../core/factory.ts'
import { serverMetrics } from '../intake/metrics.ts'
import { config } from './config.ts'
import { DROPPED_PACKETS, PACKETS, QUEUED_PACKETS } from './metrics.ts'
import { JaegerReceiver } from './receiver.ts'

export const factory = defineFactory({
  kind: 'receiver',
  meta: {
    id: 'jaeger',
    summary: 'Takes Jaeger spans: protobuf over gRPC, Thrift over HTTP, and as an agent by UDP.',
    stability: { traces: 'beta' },
    mutates: false,
    metrics: [...serverMetrics(['traces']), PACKETS, DROPPED_PACKETS, QUEUED_PACKETS],
  },
  config,
  create: (context, next) => new JaegerReceiver(context, next),
})
