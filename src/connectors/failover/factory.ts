/** Declares the `failover` connector. */
import { defineFactory } from '../../core/factory.ts'
import { SIGNALS } from '../../core/signal.ts'
import { config } from './config.ts'
import { FailoverConnector } from './connector.ts'
import { FAILOVER_METRICS } from './metrics.ts'

export const factory = defineFactory({
  kind: 'connector',
  meta: {
    id: 'failover',
    summary:
      'Sends to the first level of pipelines that takes the data, and returns when a higher one is well.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    connects: SIGNALS.map(signal => ({ from: signal, to: signal })),
    mutates: false,
    metrics: FAILOVER_METRICS,
  },
  config,
  create: (context, next) => new FailoverConnector(context, next),
})
