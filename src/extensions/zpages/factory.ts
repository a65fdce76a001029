/** Declares the `zpages` extension. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { ZpagesExtension } from './extension.ts'

export const factory = defineFactory({
  kind: 'extension',
  meta: {
    id: 'zpages',
    summary: 'Status pages for people and scripts: service, pipelines, components and the ledger.',
    stability: {},
    mutates: false,
    metrics: [],
  },
  config,
  create: context => new ZpagesExtension(context),
})
