/** Declares the `roundrobin` connector. */
import { defineFactory } from '../../core/factory.ts'
import { SIGNALS } from '../../core/signal.ts'
import { config } from './config.ts'
import { RoundRobinConnector } from './connector.ts'

export const factory = defineFactory({
  kind: 'connector',
  meta: {
    id: 'roundrobin',
    aliases: ['round_robin'],
    summary: 'Hands each request to one of several pipelines, in turn.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    connects: SIGNALS.map(signal => ({ from: signal, to: signal })),
    mutates: false,
    metrics: [],
  },
  config,
  create: (_, next) => new RoundRobinConnector(next),
})
