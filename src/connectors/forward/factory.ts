/** Declares the `forward` connector. */
import { defineFactory } from '../../core/factory.ts'
import { SIGNALS } from '../../core/signal.ts'
import { config } from './config.ts'
import { ForwardConnector } from './connector.ts'

export const factory = defineFactory({
  kind: 'connector',
  meta: {
    id: 'forward',
    summary: 'Hands everything on to other pipelines of the same signal.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    connects: SIGNALS.map(signal => ({ from: signal, to: signal })),
    mutates: false,
    metrics: [],
  },
  config,
  create: (_, next) => new ForwardConnector(next),
})
