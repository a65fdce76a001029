/** Declares the `kafka` receiver. */
import { defineFactory } from '../../core/factory.ts'
import { SIGNALS } from '../../core/signal.ts'
import { itemMetricsOf, REFUSED_REQUESTS } from '../intake/metrics.ts'
import { config } from './config.ts'
import { METRICS } from './metrics.ts'
import { KafkaReceiver } from './receiver.ts'

export const factory = defineFactory({
  kind: 'receiver',
  meta: {
    id: 'kafka',
    summary:
      'Reads traces, metrics and logs from topics of Kafka, as a member of a consumer group.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: false,
    metrics: [...itemMetricsOf(SIGNALS), REFUSED_REQUESTS, ...METRICS],
  },
  config,
  create: (context, next) => new KafkaReceiver(context, next),
})
