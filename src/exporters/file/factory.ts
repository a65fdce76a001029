/** Declares the `file` exporter. */
import { defineFactory } from '../../core/factory.ts'
import { SENT_AND_FAILED_METRICS } from '../sending/sent-counters.ts'
import { config } from './config.ts'
import { FileExporter } from './exporter.ts'

export const factory = defineFactory({
  kind: 'exporter',
  meta: {
    id: 'file',
    summary: 'Writes JSON lines or length-prefixed protobuf to a file, with rotation.',
    stability: { traces: 'stable', metrics: 'stable', logs: 'stable' },
    mutates: false,
    metrics: SENT_AND_FAILED_METRICS,
  },
  config,
  create: context => new FileExporter(context),
})
