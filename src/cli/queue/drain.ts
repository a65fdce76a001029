/** `millrace queue drain`: sends what waits now. */
import { askOrTell } from '../admin-client.ts'
import type { CliIo } from '../io.ts'
import { type QueueOptions, queueFilter } from './filters.ts'

export async function drainQueues(options: QueueOptions, io: CliIo): Promise<void> {
  const reply = await askOrTell(options, io, 'POST', '/api/v1/queue/drain', queueFilter(options))
  const results = (reply?.body.results ?? []) as readonly { exporter: string; woken: number }[]
  for (const { exporter, woken } of results) {
    io.stdout.write(`${exporter}: ${woken} ${woken === 1 ? 'request' : 'requests'} woken\n`)
  }
}
