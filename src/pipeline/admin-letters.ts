/**
 * What operators can ask of and tell to dead letters: what no destination wanted and a storage keeps.
 *
 * ```
 * GET  /api/v1/letters?max=…          letters, oldest first, and totals of each storage
 * GET  /api/v1/letters/show?id=…      one letter with its content in base64
 * POST /api/v1/letters/requeue        {"ids": […]}  back into the queues that they come from
 * POST /api/v1/letters/purge          {"ids": […]}
 * ```
 * The list is narrowed by `exporter`, `signal`, `tenant`, `reason`, `since` (milliseconds since 1970) and `trace_id`.
 * `storage` is the id of the extension that keeps the letter and is needed where there are several.
 */
import type { Inspector } from '../core/component.ts'
import type { Letter, LetterControl, LetterFilter, QueueControl } from '../core/queue-control.ts'
import { visibleMetadata } from '../core/visible-metadata.ts'
import type { AdminAnswer, AdminRequest, Route } from './admin-api.ts'
import { badRequest, boundOf, filterOf } from './admin-queue.ts'

export type LettersSubject = Pick<Inspector, 'queues' | 'letters'>

/** Letters that one answer tells, and that one request may name. */
const MAX_LISTED = 10_000
const MAX_NAMED = 500
/** One request queues again letters with so many bytes, and leaves the rest to the next one. */
const MAX_REQUEUED_BYTES = 32 << 20
/** A larger letter is not shown: its base64 has to fit the answer. */
const MAX_SHOWN_BYTES = 40 << 20
const TRACE_ID = /^[0-9a-fA-F]{32}$/

export const LETTER_ROUTES: Readonly<Record<string, Route<LettersSubject> | undefined>> = {
  '/api/v1/letters': { method: 'GET', answer: listLetters },
  '/api/v1/letters/show': { method: 'GET', answer: showLetter },
  '/api/v1/letters/requeue': { method: 'POST', answer: requeueLetters },
  '/api/v1/letters/purge': { method: 'POST', answer: purgeLetters },
}

async function listLetters(
  { letters }: LettersSubject,
  { query }: AdminRequest,
): Promise<AdminAnswer> {
  const filter = letterFilterOf(Object.fromEntries(query))
  if (typeof filter === 'string') return badRequest(filter)
  const max = boundOf(query, MAX_LISTED, MAX_LISTED)
  if (max === null) return badRequest(`max is not a number from 1 to ${MAX_LISTED}`)
  const boxes = boxesOf(letters(), query.get('storage'))
  const found = await Promise.all(
    boxes.map(async box => {
      const views = await box.list(filter, max)
      return views.map(view => ({ storage: box.id, ...view }))
    }),
  )
  const inOrder = found.flat().sort((a, b) => a.atMs - b.atMs)
  return {
    status: 200,
    body: { storages: boxes.map(box => box.summary()), letters: inOrder.slice(0, max) },
  }
}

async function showLetter(
  { letters }: LettersSubject,
  { query }: AdminRequest,
): Promise<AdminAnswer> {
  const id = query.get('id') ?? ''
  const box = onlyBox(letters(), query.get('storage'))
  if ('status' in box) return box
  const letter = await box.read(id)
  if (letter === null) return noSuchLetter(id)
  const { view, bytes, context } = letter
  if (bytes.length > MAX_SHOWN_BYTES) {
    const error = `the letter has ${bytes.length} bytes; up to ${MAX_SHOWN_BYTES} are shown here`
    return { status: 413, body: { error } }
  }
  const metadata = visibleMetadata(context)
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
  return { status: 200, body: { letter: { storage: box.id, ...view }, metadata, base64 } }
}

/** What became of one letter that was to go back. */
interface RequeueResult {
  readonly id: string
  /** What stands in the way, or null. */
  readonly problem: string | null
  /** Nothing is wrong with the letter: there is no room now. */
  readonly retryAfterMs?: number
}

/**
 * A letter is removed when its queue has taken it, not before: if the process ends in between, it is there once more.
 * Without room the rest is left alone; what is not in the results is still to do.
 */
async function requeueLetters(
  { letters, queues }: LettersSubject,
  { body }: AdminRequest,
): Promise<AdminAnswer> {
  const named = namedLetters(letters(), body)
  if ('status' in named) return named
  const { box, ids } = named
  const results: RequeueResult[] = []
  let [items, bytes] = [0, 0]
  for (const id of ids) {
    const letter = await box.read(id)
    const result =
      letter === null
        ? { id, problem: 'there is no such letter' }
        : await requeue(box, letter, queues())
    results.push(result)
    if (result.problem === null) items += letter?.view.items ?? 0
    bytes += letter?.bytes.length ?? 0
    if (result.retryAfterMs !== undefined || bytes >= MAX_REQUEUED_BYTES) break
  }
  const isFine = results.every(({ problem }) => problem === null)
  return { status: isFine ? 200 : 409, body: { items, results } }
}

async function requeue(
  box: LetterControl,
  { view, bytes, context }: Letter,
  queues: readonly QueueControl[],
): Promise<RequeueResult> {
  const { id, exporter, signal, tenant, items } = view
  const queue = queues.find(control => control.exporter === exporter)
  if (queue === undefined) return { id, problem: `the exporter ${exporter} does not run` }
  const outcome = await queue.put({ signal, tenant, items, bytes, context })
  if (outcome.kind === 'busy') {
    const { retryAfterMs } = outcome
    return { id, problem: `the queue of ${exporter} has no room now`, retryAfterMs }
  }
  if (outcome.kind === 'refused') return { id, problem: outcome.message }
  await box.remove([id])
  return { id, problem: null }
}

async function purgeLetters(
  { letters }: LettersSubject,
  { body }: AdminRequest,
): Promise<AdminAnswer> {
  const named = namedLetters(letters(), body)
  if ('status' in named) return named
  return { status: 200, body: { removed: await named.box.remove(named.ids) } }
}

function namedLetters(
  letters: readonly LetterControl[],
  body: unknown,
): { readonly box: LetterControl; readonly ids: readonly string[] } | AdminAnswer {
  const { ids, storage } = (body ?? {}) as Readonly<Record<string, unknown>>
  const isList = Array.isArray(ids) && ids.length > 0 && ids.length <= MAX_NAMED
  if (!isList || !ids.every(id => typeof id === 'string')) {
    return badRequest(`the body is not {"ids": […]} with 1 to ${MAX_NAMED} ids of letters`)
  }
  if (storage !== undefined && typeof storage !== 'string') return badRequest('storage is no text')
  const box = onlyBox(letters, storage ?? null)
  return 'status' in box ? box : { box, ids }
}

function boxesOf(letters: readonly LetterControl[], storage: string | null): LetterControl[] {
  return letters.filter(box => storage === null || box.id === storage)
}

function onlyBox(
  letters: readonly LetterControl[],
  storage: string | null,
): LetterControl | AdminAnswer {
  const boxes = boxesOf(letters, storage)
  if (boxes.length === 1) return boxes[0]
  if (boxes.length > 1) {
    const ids = boxes.map(box => box.id).join(', ')
    return badRequest(`several storages keep letters (${ids}); storage says which is meant`)
  }
  const error = storage === null ? 'no storage keeps letters here' : `there is no ${storage}`
  return { status: 404, body: { error } }
}

function letterFilterOf(given: Readonly<Record<string, string>>): LetterFilter | string {
  const filter = filterOf(given)
  if (typeof filter === 'string') return filter
  const { reason, since, trace_id: traceId } = given
  if (since !== undefined && !/^\d{1,15}$/.test(since)) {
    return 'since is not a number of milliseconds since 1970'
  }
  if (traceId !== undefined && !TRACE_ID.test(traceId)) {
    return 'trace_id is not 32 hexadecimal digits'
  }
  return {
    ...filter,
    ...(reason === undefined ? {} : { reason }),
    ...(since === undefined ? {} : { sinceMs: Number(since) }),
    ...(traceId === undefined ? {} : { traceId: traceId.toLowerCase() }),
  }
}

function noSuchLetter(id: string): AdminAnswer {
  return { status: 404, body: { error: `there is no letter ${id}, or it is damaged` } }
}
