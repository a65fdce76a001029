/** Declares the `nop` exporter. */
import { defineFactory } from '../../core/factory.ts'
import { SENT_METRICS } from '../sending/sent-counters.ts'
import { config } from './config.ts'
import { NopExporter } from './exporter.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'nop',
    summary: 'Takes everything and counts it as sent; for trials and measurements.',
    stability: { traces: 'stable', metrics: 'stable', logs: 'stable' },
    mutates: false,
    metrics: SENT_METRICS,
  },
  config,
  create: context => new NopExporter(context),
})
