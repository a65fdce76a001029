/** `millrace queue ls`: what waits, by exporter, signal and tenant. */
import type { QueueView } from '../../core/queue-control.ts'
import { askOrTell } from '../admin-client.ts'
import type { CliIo } from '../io.ts'
import { type QueueOptions, queueFilter, withQuery } from './filters.ts'
import { type Column, plain, showAge, showBytes, showTable } from './table.ts'

export async function listQueues(options: QueueOptions, io: CliIo): Promise<void> {
  const queues = await askQueues(options, io)
  if (queues === undefined) return
  if (queues.length === 0) io.stdout.write('nothing waits\n')
  else io.stdout.write(showTable(COLUMNS, [...queues].sort(byName)))
}

function byName(a: QueueView, b: QueueView): number {
  const name = ({ exporter, signal, tenant }: QueueView): string =>
    `${exporter}\0${signal}\0${tenant}`
  return name(a) < name(b) ? -1 : 1
}

/** Undefined when everything is said already. */
async function askQueues(
  options: QueueOptions,
  io: CliIo,
): Promise<readonly QueueView[] | undefined> {
  const filter = queueFilter(options)
  if (options.directory === undefined) {
    const reply = await askOrTell(options, io, 'GET', withQuery('/api/v1/queue', { ...filter }))
    return reply?.body.queues
  }
  const { withFolder } = await import('./offline.ts')
  const queues = await withFolder(options.directory, io, folder => folder.view(filter))
  if (!options.json) return queues
  io.stdout.write(`${JSON.stringify({ queues }, null, 2)}\n`)
  return undefined
}

const COLUMNS: readonly Column<QueueView>[] = [
  { name: 'exporter', of: row => row.exporter },
  { name: 'signal', of: row => row.signal },
  { name: 'tenant', of: row => row.tenant },
  { name: 'waiting', of: row => String(row.waiting.items), isNumber: true },
  { name: 'memory', of: row => showBytes(row.waiting.bytes), isNumber: true },
  { name: 'on disk', of: row => String(row.onDisk?.items ?? '-'), isNumber: true },
  { name: 'disk', of: row => (row.onDisk ? showBytes(row.onDisk.bytes) : '-'), isNumber: true },
  { name: 'in flight', of: row => String(row.inFlight), isNumber: true },
  { name: 'oldest', of: row => (row.oldestMs > 0 ? showAge(row.oldestMs) : '-'), isNumber: true },
  { name: 'state', of: describeState },
]

/** Why it waits. */
function describeState(row: QueueView): string {
  const words: string[] = []
  if (row.breaker === 'open') words.push('breaker open')
  if (row.breaker === 'half_open') words.push('breaker tries')
  if (row.pausedForMs > 0) words.push(`paused for ${showAge(row.pausedForMs)}`)
  if (row.parked > 0) words.push(`${row.parked} to be tried again`)
  if (row.lastError !== '') words.push(plain(row.lastError))
  return words.length > 0 ? words.join(', ') : 'ok'
}
