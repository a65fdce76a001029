/** `millrace queue letters purge`: throws letters away. */
import { askOrTell } from '../admin-client.ts'
import { type CliIo, EXIT } from '../io.ts'
import { type LetterChoice, type LetterOptions, letterFilter, requireMeant } from './filters.ts'
import { chunksOf, namedLetters } from './named-letters.ts'

export async function purgeLetters(
  ids: readonly string[],
  options: LetterChoice,
  io: CliIo,
): Promise<void> {
  requireMeant(ids, options)
  const removed = await remove(ids, options, io)
  if (removed === undefined) return
  if (options.json) io.stdout.write(`${JSON.stringify({ removed }, null, 2)}\n`)
  else io.stdout.write(`${removed} ${removed === 1 ? 'letter' : 'letters'} thrown away\n`)
  if (removed >= ids.length) return
  const missing = ids.length - removed
  io.stderr.write(
    `${missing} of the ${ids.length} that were named could not be thrown away or are not there\n`,
  )
  io.setExitCode(EXIT.failed)
}

/** Undefined when everything is said already. */
async function remove(
  ids: readonly string[],
  options: LetterOptions,
  io: CliIo,
): Promise<number | undefined> {
  const { directory, socket } = options
  if (directory !== undefined) {
    const { withFolder } = await import('./offline.ts')
    return withFolder(directory, io, async ({ letters }) => {
      if (ids.length > 0) return letters.remove(ids)
      const found = await letters.list(letterFilter(options), Number.MAX_SAFE_INTEGER)
      return letters.remove(found.map(({ id }) => id))
    })
  }
  const named = await namedLetters(ids, options, io)
  if (named === undefined) return undefined
  let removed = 0
  for (const chunk of chunksOf(named)) {
    const path = '/api/v1/letters/purge'
    const reply = await askOrTell({ socket, json: false }, io, 'POST', path, chunk)
    if (reply === undefined) return undefined
    removed += reply.body.removed
  }
  return removed
}
