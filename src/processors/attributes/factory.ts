/** Declares the `attributes` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { AttributesProcessor } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'attributes',
    summary:
      'Inserts, changes, hashes and deletes attributes of spans, log records and data points.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: true,
    metrics: [],
  },
  config,
  create: (context, next) => new AttributesProcessor(context, next),
})
