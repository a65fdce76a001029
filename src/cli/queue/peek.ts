/** `millrace queue peek`: requests that wait, without their content. */
import type { QueuedRequest } from '../../core/queue-control.ts'
import { askOrTell } from '../admin-client.ts'
import type { CliIo } from '../io.ts'
import { type QueueOptions, queueFilter, withQuery } from './filters.ts'
import { type Column, plain, showAge, showBytes, showTable } from './table.ts'

export async function peekQueues(
  options: QueueOptions & { readonly max: number },
  io: CliIo,
): Promise<void> {
  const requests = await askRequests(options, io)
  if (requests === undefined) return
  if (requests.length === 0) io.stdout.write('nothing waits\n')
  else io.stdout.write(showTable(COLUMNS, requests))
}

/** Undefined when everything is said already. */
async function askRequests(
  options: QueueOptions & { readonly max: number },
  io: CliIo,
): Promise<readonly QueuedRequest[] | undefined> {
  const filter = queueFilter(options)
  const { max, directory } = options
  if (directory === undefined) {
    const path = withQuery('/api/v1/queue/peek', { ...filter, max })
    return (await askOrTell(options, io, 'GET', path))?.body.requests
  }
  const { withFolder } = await import('./offline.ts')
  const requests = await withFolder(directory, io, folder => folder.peek(filter, max))
  if (!options.json) return requests
  io.stdout.write(`${JSON.stringify({ requests }, null, 2)}\n`)
  return undefined
}

const COLUMNS: readonly Column<QueuedRequest>[] = [
  { name: 'exporter', of: row => row.exporter },
  { name: 'signal', of: row => row.signal },
  { name: 'tenant', of: row => row.tenant },
  { name: 'state', of: row => row.state.replaceAll('_', ' ') },
  { name: 'items', of: row => String(row.items), isNumber: true },
  { name: 'size', of: row => showBytes(row.bytes), isNumber: true },
  { name: 'age', of: row => (row.ageMs > 0 ? showAge(row.ageMs) : '-'), isNumber: true },
  { name: 'attempts', of: row => String(row.attempts), isNumber: true },
  { name: 'services', of: row => plain(row.services.join(' ')) || '-' },
  { name: 'traces', of: row => row.traceIds.join(' ') || '-' },
]
