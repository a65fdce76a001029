/** Declares the `health_check` extension. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { HealthCheckExtension } from './extension.ts'

export const factory = defineFactory({
  kind: 'extension',
  meta: {
    id: 'health_check',
    summary:
      'Answers 200 while all components run and 503 otherwise, for load balancers and probes.',
    stability: {},
    mutates: false,
    metrics: [],
  },
  config,
  create: context => new HealthCheckExtension(context),
})
