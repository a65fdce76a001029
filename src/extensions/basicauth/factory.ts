/** Declares the `basicauth` extension. */
import { defineFactory } from '../../core/factory.ts'
import { IDENTITY_METRICS } from '../../tenancy/identity/metrics.ts'
import { config } from './config.ts'
import { createBasicAuth } from './extension.ts'

export const factory = defineFactory({
  kind: 'extension',
  meta: {
    id: 'basicauth',
    summary:
      'Checks users and passwords at receivers, or sends them with the requests of exporters.',
    stability: {},
    mutates: false,
    metrics: IDENTITY_METRICS,
  },
  config,
  create: context => createBasicAuth(context),
})
