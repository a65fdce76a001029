/** `millrace queue letters requeue` and `millrace queue requeue`: puts letters back into the queues that they come from. */
import { askOrTell } from '../admin-client.ts'
import { type CliIo, EXIT } from '../io.ts'
import { type LetterChoice, type LetterOptions, requireMeant } from './filters.ts'
import { chunksOf, type NamedLetters, namedLetters } from './named-letters.ts'

interface RequeueReply {
  readonly items: number
  readonly results: readonly {
    readonly id: string
    readonly problem: string | null
    readonly retryAfterMs?: number
  }[]
}

/** Letters are named before the first goes back: one that is refused again is not met a second time. */
export async function requeueLetters(
  ids: readonly string[],
  options: LetterChoice,
  io: CliIo,
): Promise<void> {
  requireMeant(ids, options)
  const named = await namedLetters(ids, options, io)
  if (named === undefined) return
  const replies: RequeueReply[] = []
  for (const chunk of chunksOf(named)) {
    const isDone = await requeueChunk(chunk, options, io, replies)
    if (isDone === undefined) return
    if (!isDone) break
  }
  tell(replies, named, options, io)
}

/** False when there is no room for more; undefined when everything is said already. */
async function requeueChunk(
  chunk: NamedLetters,
  { socket }: LetterOptions,
  io: CliIo,
  replies: RequeueReply[],
): Promise<boolean | undefined> {
  let { ids } = chunk
  while (ids.length > 0) {
    const asked = { ...chunk, ids }
    const path = '/api/v1/letters/requeue'
    const reply = await askOrTell({ socket, json: false }, io, 'POST', path, asked)
    if (reply === undefined) return undefined
    const { results }: RequeueReply = reply.body
    replies.push(reply.body)
    if (results.some(({ retryAfterMs }) => retryAfterMs !== undefined)) return false
    // Large letters go a few at a time.
    ids = ids.slice(Math.max(1, results.length))
  }
  return true
}

function tell(
  replies: readonly RequeueReply[],
  named: readonly NamedLetters[],
  { json }: LetterOptions,
  io: CliIo,
): void {
  const results = replies.flatMap(reply => reply.results)
  const items = replies.reduce((sum, reply) => sum + reply.items, 0)
  const wanted = named.reduce((sum, { ids }) => sum + ids.length, 0)
  const taken = results.filter(({ problem }) => problem === null).length
  if (json) {
    io.stdout.write(`${JSON.stringify({ wanted, taken, items, results }, null, 2)}\n`)
    return
  }
  io.stdout.write(`${taken} of ${wanted} letters are queued again, ${items} items\n`)
  for (const { id, problem, retryAfterMs } of results) {
    if (problem === null) continue
    const wait = retryAfterMs === undefined ? '' : `; the rest was left alone, try again later`
    io.stderr.write(`${id}: ${problem}${wait}\n`)
    io.setExitCode(EXIT.failed)
  }
}
