/** Declares the `servicegraph` connector. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { ServicegraphConnector } from './connector.ts'
import { SERVICEGRAPH_METRICS } from './metrics.ts'

export const factory = defineFactory({
  kind: 'connector',
  meta: {
    id: 'servicegraph',
    aliases: ['service_graph'],
    summary: 'Makes metrics of the requests between services by pairing the spans of both sides.',
    stability: { traces: 'alpha' },
    connects: [{ from: 'traces', to: 'metrics' }],
    mutates: false,
    metrics: SERVICEGRAPH_METRICS,
  },
  config,
  create: (context, next) => new ServicegraphConnector(context, next),
})
