/** Declares the `bearertokenauth` extension. */
import { defineFactory } from '../../core/factory.ts'
import { IDENTITY_METRICS } from '../../tenancy/identity/metrics.ts'
import { config } from './config.ts'
import { BearerTokenExtension } from './extension.ts'

export const factory = defineFactory({
  kind: 'extension',
  meta: {
    id: 'bearertokenauth',
    summary: 'Checks tokens at receivers, and sends one with the requests of exporters.',
    stability: {},
    mutates: false,
    metrics: IDENTITY_METRICS,
  },
  config,
  create: context => new BearerTokenExtension(context),
})
