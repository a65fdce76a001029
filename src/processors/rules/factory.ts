/** Declares the `rules` processor. */
import { defineFactory } from '../../core/factory.ts'
import { checkFiles } from './check-files.ts'
import { config } from './config.ts'
import { RULES_METRICS } from './metrics.ts'
import { RulesProcessor } from './processor.ts'

export const factory = defineFactory({
  kind: 'processor',
  meta: {
    id: 'rules',
    summary:
      'Drops, edits, routes, splits and mirrors items by rule files that are tested before they run.',
    stability: { traces: 'beta', metrics: 'beta', logs: 'beta' },
    mutates: true,
    metrics: RULES_METRICS,
  },
  config,
  routesTo: ({ destinations }) => destinations ?? 'any',
  checkFiles,
  create: (context, next) => new RulesProcessor(context, next),
})
