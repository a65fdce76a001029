/** Declares the `file_storage` extension. */
import { resolve } from 'node:path'
import { defineFactory } from '../../core/factory.ts'
import { LETTER_METRICS } from '../../tenancy/letters/metrics.ts'
import { WAL_METRICS } from '../../tenancy/wal/metrics.ts'
import { config } from './config.ts'
import { FileStorageExtension } from './extension.ts'

export const factory = defineFactory({
  kind: 'extension',
  meta: {
    id: 'file_storage',
    summary: 'Keeps sending queues and dead letters on disk, so that they survive the process.',
    stability: {},
    mutates: false,
    metrics: [...WAL_METRICS, ...LETTER_METRICS],
  },
  config,
  placeOf: ({ directory }) => resolve(directory),
  create: context => new FileStorageExtension(context),
})
