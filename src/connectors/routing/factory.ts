/** Declares the `routing` connector. */
import { defineFactory } from '../../core/factory.ts'
import { SIGNALS } from '../../core/signal.ts'
import { config } from './config.ts'
import { RoutingConnector } from './connector.ts'

export const factory = defineFactory({
  kind: 'connector',
  meta: {
    id: 'routing',
    summary: 'Sends items to pipelines by conditions about their request, resource or themselves.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    connects: SIGNALS.map(signal => ({ from: signal, to: signal })),
    mutates: true,
    metrics: [],
  },
  config,
  create: (context, next) => new RoutingConnector(context, next),
})
