/** Declares the `headers_setter` extension. */
import { defineFactory } from '../../core/factory.ts'
import { config } from './config.ts'
import { HeadersSetterExtension } from './extension.ts'

export const factory = defineFactory({
  kind: 'extension',
  meta: {
    id: 'headers_setter',
    summary: 'Sets headers of the requests of exporters, also from what came in.',
    stability: {},
    mutates: false,
    metrics: [],
  },
  config,
  create: context => new HeadersSetterExtension(context),
})
