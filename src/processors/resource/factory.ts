/** Declares the `resource` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { ResourceProcessor } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'resource',
    summary: 'Inserts, changes, hashes and deletes attributes of resources.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: true,
    metrics: [],
  },
  config,
  create: (context, next) => new ResourceProcessor(context, next),
})
