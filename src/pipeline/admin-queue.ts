/**
 * What operators can ask of and tell to sending queues.
 *
 * ```
 * GET  /api/v1/queue                  what waits, by exporter, signal and tenant
 * GET  /api/v1/queue/peek?max=…       requests that wait, oldest first
 * POST /api/v1/queue/drain            sends what waits now: no pause, no waiting for a retry
 * POST /api/v1/queue/purge            lets go of what waits, also on disk
 * ```
 * `exporter`, `signal` and `tenant` narrow what is meant, as query or in the body. Letters are in `admin-letters.ts`.
 */
import type { Inspector } from '../core/component.ts'
import type { QueueControl, QueueFilter } from '../core/queue-control.ts'
import { SIGNALS, type Signal } from '../core/signal.ts'
import type { AdminAnswer, AdminRequest, Route } from './admin-api.ts'

export type QueueSubject = Pick<Inspector, 'queues'>

/** Requests that one answer tells when nothing else is asked, and at most. */
const DEFAULT_PEEKED = 100
const MAX_PEEKED = 1000

export const QUEUE_ROUTES: Readonly<Record<string, Route<QueueSubject> | undefined>> = {
  '/api/v1/queue': { method: 'GET', answer: list },
  '/api/v1/queue/peek': { method: 'GET', answer: peek },
  '/api/v1/queue/drain': { method: 'POST', answer: drain },
  '/api/v1/queue/purge': { method: 'POST', answer: purge },
}

function list({ queues }: QueueSubject, { query }: AdminRequest): AdminAnswer {
  const filter = filterOf(Object.fromEntries(query))
  if (typeof filter === 'string') return badRequest(filter)
  const rows = meant(queues(), filter).flatMap(control => control.view())
  return {
    status: 200,
    body: {
      queues: rows.filter(
        row =>
          (filter.signal === undefined || row.signal === filter.signal) &&
          (filter.tenant === undefined || row.tenant === filter.tenant),
      ),
    },
  }
}

async function peek({ queues }: QueueSubject, { query }: AdminRequest): Promise<AdminAnswer> {
  const filter = filterOf(Object.fromEntries(query))
  if (typeof filter === 'string') return badRequest(filter)
  const max = boundOf(query, DEFAULT_PEEKED, MAX_PEEKED)
  if (max === null) return badRequest(`max is not a number from 1 to ${MAX_PEEKED}`)
  const found = await Promise.all(
    meant(queues(), filter).map(async control => control.peek(filter, max)),
  )
  const requests = found.flat().sort((a, b) => b.ageMs - a.ageMs)
  return { status: 200, body: { requests: requests.slice(0, max) } }
}

function drain({ queues }: QueueSubject, { body }: AdminRequest): AdminAnswer {
  const filter = filterOf(body)
  if (typeof filter === 'string') return badRequest(filter)
  const controls = meant(queues(), filter)
  if (controls.length === 0) return noSuchQueue(filter)
  const results = controls.map(each => ({ exporter: each.exporter, woken: each.drain(filter) }))
  return { status: 200, body: { results } }
}

async function purge({ queues }: QueueSubject, { body }: AdminRequest): Promise<AdminAnswer> {
  const filter = filterOf(body)
  if (typeof filter === 'string') return badRequest(filter)
  const controls = meant(queues(), filter)
  if (controls.length === 0) return noSuchQueue(filter)
  const results = await Promise.all(
    controls.map(async each => ({ exporter: each.exporter, items: await each.purge(filter) })),
  )
  return { status: 200, body: { results } }
}

/** The filter, or what is wrong with it. */
export function filterOf(given: unknown): QueueFilter | string {
  const { exporter, signal, tenant } = (given ?? {}) as Readonly<Record<string, unknown>>
  for (const [name, value] of Object.entries({ exporter, signal, tenant })) {
    if (value !== undefined && typeof value !== 'string') return `${name} is no text`
  }
  if (signal !== undefined && !SIGNALS.includes(signal as Signal)) {
    return `signal is none of ${SIGNALS.join(', ')}`
  }
  return {
    ...(exporter === undefined ? {} : { exporter: exporter as string }),
    ...(signal === undefined ? {} : { signal: signal as Signal }),
    ...(tenant === undefined ? {} : { tenant: tenant as string }),
  }
}

function meant(controls: readonly QueueControl[], { exporter }: QueueFilter): QueueControl[] {
  return controls.filter(control => exporter === undefined || control.exporter === exporter)
}

/** Null when what is asked is no such number. */
export function boundOf(query: URLSearchParams, usual: number, most: number): number | null {
  const asked = query.get('max')
  if (asked === null) return usual
  const max = Number(asked)
  return Number.isInteger(max) && max > 0 && max <= most ? max : null
}

export function badRequest(error: string): AdminAnswer {
  return { status: 400, body: { error } }
}

function noSuchQueue({ exporter }: QueueFilter): AdminAnswer {
  const error = exporter === undefined ? 'no exporter queues here' : `there is no ${exporter}`
  return { status: 404, body: { error } }
}
