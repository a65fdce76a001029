/** Declares the `loadbalancing` exporter. */
import { defineFactory } from '../../core/factory.ts'
import { SENDING_METRICS } from '../sending/metrics.ts'
import { config } from './config.ts'
import { LoadBalancingExporter } from './exporter.ts'
import { BALANCING_METRICS } from './metrics.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'loadbalancing',
    aliases: ['load_balancing'],
    summary: 'Sends what belongs together to the same one of several OTLP backends.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: false,
    metrics: [...SENDING_METRICS, ...BALANCING_METRICS],
  },
  config,
  create: context => new LoadBalancingExporter(context),
})
