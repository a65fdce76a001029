/** Declares the `redaction` processor. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { RedactionProcessor } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'redaction',
    summary:
      'Removes attributes that are not allowed, and masks or hashes values that are blocked.',
    stability: { traces: 'beta', metrics: 'alpha', logs: 'alpha' },
    mutates: true,
    metrics: [],
  },
  config,
  create: (context, next) => new RedactionProcessor(context, next),
})
