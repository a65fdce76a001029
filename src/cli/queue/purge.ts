/** `millrace queue purge`: lets go of what waits. */
import { askOrTell } from '../admin-client.ts'
import type { CliIo } from '../io.ts'
import { type QueueOptions, queueFilter, requireNarrowed } from './filters.ts'

interface PurgeResult {
  readonly exporter: string
  readonly items: number
}

export async function purgeQueues(
  options: QueueOptions & { readonly all: boolean },
  io: CliIo,
): Promise<void> {
  const filter = queueFilter(options)
  requireNarrowed(filter, options.all, 'everything that waits')
  const results = await purge(options, io)
  for (const { exporter, items } of results ?? []) {
    io.stdout.write(`${exporter}: ${items} ${items === 1 ? 'item' : 'items'} let go\n`)
  }
}

/** Undefined when everything is said already. */
async function purge(
  options: QueueOptions,
  io: CliIo,
): Promise<readonly PurgeResult[] | undefined> {
  const filter = queueFilter(options)
  if (options.directory === undefined) {
    return (await askOrTell(options, io, 'POST', '/api/v1/queue/purge', filter))?.body.results
  }
  const { withFolder } = await import('./offline.ts')
  const results = await withFolder(options.directory, io, folder => folder.purge(filter))
  if (!options.json) return results
  io.stdout.write(`${JSON.stringify({ results }, null, 2)}\n`)
  return undefined
}
