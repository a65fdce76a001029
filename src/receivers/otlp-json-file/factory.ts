/** Declares the `otlp_json_file` receiver. */
import { defineFactory } from '../../core/factory.ts'
import { SIGNALS } from '../../core/signal.ts'
import { itemMetricsOf } from '../intake/metrics.ts'
import { config } from './config.ts'
import { METRICS } from './metrics.ts'
import { OtlpJsonFileReceiver } from './receiver.ts'

export const factory = defineFactory({
  kind: 'receiver',
  meta: {
    id: 'otlp_json_file',
    aliases: ['otlpjsonfile'],
    summary:
      'Follows files of OTLP, as JSON lines or what the `file` exporter writes, and sends them.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: false,
    metrics: [...itemMetricsOf(SIGNALS), ...METRICS],
  },
  config,
  create: (context, next) => new OtlpJsonFileReceiver(context, next),
})
