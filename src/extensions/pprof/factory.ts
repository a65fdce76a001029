/** Declares the `pprof` extension. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { PprofExtension } from './extension.ts'

export const factory = defineFactory({
  kind: 'extension',
  meta: {
    id: 'pprof',
    summary:
      'Takes CPU and heap profiles of the running collector, for Chrome DevTools and the like.',
    stability: {},
    mutates: false,
    metrics: [],
  },
  config,
  create: context => new PprofExtension(context),
})
