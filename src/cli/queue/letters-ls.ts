/** `millrace queue letters ls`: dead letters, oldest first. */
import type { LettersSummary, LetterView } from '../../core/queue-control.ts'
import { askOrTell } from '../admin-client.ts'
import type { CliIo } from '../io.ts'
import { type LetterOptions, letterFilter, letterQuery, withQuery } from './filters.ts'
import { type Column, plain, showBytes, showTable } from './table.ts'

export type ListedLetter = LetterView & { readonly storage: string }

interface ListedLetters {
  readonly storages: readonly LettersSummary[]
  readonly letters: readonly ListedLetter[]
}

export async function listLetters(
  options: LetterOptions & { readonly max: number },
  io: CliIo,
): Promise<void> {
  const found = await askLetters(options, options.max, io)
  if (found === undefined) return
  if (found.letters.length > 0) io.stdout.write(showTable(COLUMNS, found.letters))
  for (const storage of found.storages) io.stdout.write(showSummary(storage))
  if (found.storages.length === 0) io.stdout.write('no storage keeps letters here\n')
}

/** Undefined when everything is said already. */
export async function askLetters(
  options: LetterOptions,
  max: number,
  io: CliIo,
): Promise<ListedLetters | undefined> {
  const { directory } = options
  if (directory === undefined) {
    const path = withQuery('/api/v1/letters', letterQuery(options, max))
    return (await askOrTell(options, io, 'GET', path))?.body
  }
  const { withFolder } = await import('./offline.ts')
  const found = await withFolder(directory, io, async ({ letters }) => {
    const views = await letters.list(letterFilter(options), max)
    return {
      storages: [letters.summary()],
      letters: views.map(view => ({ storage: letters.id, ...view })),
    }
  })
  if (!options.json) return found
  io.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
  return undefined
}

const COLUMNS: readonly Column<ListedLetter>[] = [
  { name: 'id', of: row => row.id },
  { name: 'put aside', of: row => new Date(row.atMs).toISOString() },
  { name: 'tenant', of: row => row.tenant },
  { name: 'exporter', of: row => row.exporter },
  { name: 'signal', of: row => row.signal },
  { name: 'items', of: row => String(row.items), isNumber: true },
  { name: 'size', of: row => showBytes(row.bytes), isNumber: true },
  { name: 'services', of: row => plain(row.services.join(' ')) || '-' },
  { name: 'reason', of: row => row.reason },
  { name: 'message', of: row => plain(row.message) },
]

function showSummary(summary: LettersSummary): string {
  const { id, letters, items, bytes, maxBytes, evicted, refused, damaged } = summary
  const room = maxBytes < Number.MAX_SAFE_INTEGER ? ` of ${showBytes(maxBytes)}` : ''
  const parts = [`${id}: ${letters} letters with ${items} items, ${showBytes(bytes)}${room}`]
  if (evicted > 0) parts.push(`${evicted} made room or were too old`)
  if (refused > 0) parts.push(`${refused} could not be kept`)
  if (damaged > 0) parts.push(`${damaged} are damaged`)
  return `${parts.join('; ')}\n`
}
