/** Declares the `zipkin` receiver. */
import { defineFactory } from '../../core/factory.ts'
import { serverMetrics } from '../intake/metrics.ts'
import { config } from './config.ts'
import { ZipkinReceiver } from './receiver.ts'

export const factory = defineFactory({
  kind: 'receiver',
  meta: {
    id: 'zipkin',
    summary: 'Takes Zipkin spans over HTTP: v2 in JSON and protobuf, v1 in JSON and Thrift.',
    stability: { traces: 'beta' },
    mutates: false,
    metrics: serverMetrics(['traces']),
  },
  config,
  create: (context, next) => new ZipkinReceiver(context, next),
})
