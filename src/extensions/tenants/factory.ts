/** Declares the `tenants` extension. */
import { defineFactory } from '../../core/factory.ts'
import { IDENTITY_METRICS } from '../../tenancy/identity/metrics.ts'
import { config } from './config.ts'
import { TenantsExtension } from './extension.ts'
import { METRICS } from './metrics.ts'
import { checkTenantFiles } from './policy.ts'

export const factory = defineFactory({
  kind: 'extension',
  meta: {
    id: 'tenants',
    summary: 'Tells senders apart, and holds each to its limits and its share.',
    stability: {},
    mutates: false,
    metrics: [...IDENTITY_METRICS, ...METRICS],
  },
  config,
  checkFiles: checkTenantFiles,
  create: context => new TenantsExtension(context),
})
