/** Declares the `nop` receiver. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { NopReceiver } from './receiver.ts'

export const factory = defineFactory({
  kind: 'receiver',
  meta: {
    id: 'nop',
    summary: 'Receives nothing; for pipelines that must name a receiver.',
    stability: { traces: 'stable', metrics: 'stable', logs: 'stable' },
    mutates: false,
    metrics: [],
  },
  config,
  create: () => new NopReceiver(),
})
