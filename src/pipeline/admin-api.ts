/**
 * What operators can ask a running collector, apart from how they reach it: paths and JSON in, status and JSON out.
 *
 * ```
 * GET  /api/v1/rules                          live and kept sets, counters, what was refused
 * GET  /api/v1/rules/why?trace_id=…           noted decisions about a trace
 * POST /api/v1/rules/reload    {"id": "…"}    reads the files again
 * POST /api/v1/rules/rollback  {"id": "…", "hash": "…"}
 * ```
 * `id` is a processor's; without it, all are meant. Questions about other parts are in the other `admin-*.ts`.
 */
import type { RuleControl } from '../core/rule-control.ts'
import { LETTER_ROUTES } from './admin-letters.ts'
import { QUEUE_ROUTES } from './admin-queue.ts'
import { SAMPLER_ROUTES } from './admin-sampler.ts'
import { TENANT_ROUTES, type TenantsSubject } from './admin-tenants.ts'

/** What of a running collector is asked about. */
export type AdminSubject = TenantsSubject

export interface AdminRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown
}

export interface AdminAnswer {
  readonly status: number
  readonly body: unknown
}

/** Decisions that one answer tells. */
const MAX_DECISIONS = 1000

export async function answerAdmin(
  inspector: AdminSubject,
  request: AdminRequest,
): Promise<AdminAnswer> {
  const { method, path } = request
  for (const find of AREAS) {
    const route = find(path)
    if (route === undefined) continue
    if (route.method === method) return route.answer(inspector, request)
    return { status: 405, body: { error: `${route.method} is meant` } }
  }
  return { status: 404, body: { error: 'there is no such path' } }
}

/** `S` is what the answer stands on. */
export interface Route<S> {
  readonly method: 'GET' | 'POST'
  readonly answer: (subject: S, request: AdminRequest) => AdminAnswer | Promise<AdminAnswer>
}

type FindRoute = (path: string) => Route<AdminSubject> | undefined

function area<S>(
  routes: Readonly<Record<string, Route<S> | undefined>>,
  subjectOf: (inspector: AdminSubject) => S,
): FindRoute {
  return path => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined
    if (route === undefined) return undefined
    const { method, answer } = route
    return { method, answer: (inspector, request) => answer(subjectOf(inspector), request) }
  }
}

const RULE_ROUTES: Readonly<Record<string, Route<readonly RuleControl[]> | undefined>> = {
  '/api/v1/rules': {
    method: 'GET',
    answer: controls => ({ status: 200, body: { rules: controls.map(each => each.view()) } }),
  },
  '/api/v1/rules/why': { method: 'GET', answer: why },
  '/api/v1/rules/reload': { method: 'POST', answer: reload },
  '/api/v1/rules/rollback': { method: 'POST', answer: rollback },
}

const AREAS: readonly FindRoute[] = [
  area(RULE_ROUTES, inspector => inspector.rules()),
  area(SAMPLER_ROUTES, inspector => inspector.samplers()),
  area(QUEUE_ROUTES, inspector => inspector),
  area(LETTER_ROUTES, inspector => inspector),
  area(TENANT_ROUTES, inspector => inspector),
]

function why(controls: readonly RuleControl[], { query }: AdminRequest): AdminAnswer {
  const traceId = query.get('trace_id') ?? ''
  if (!/^[0-9a-fA-F]{32}$/.test(traceId)) {
    return { status: 400, body: { error: 'trace_id is not 32 hexadecimal digits' } }
  }
  const decisions = controls.flatMap(control =>
    control.why(traceId).map(decision => ({ id: control.id, ...decision })),
  )
  const inOrder = decisions.sort((a, b) => a.atMs - b.atMs).slice(0, MAX_DECISIONS)
  return { status: 200, body: { decisions: inOrder } }
}

async function reload(
  controls: readonly RuleControl[],
  request: AdminRequest,
): Promise<AdminAnswer> {
  const meant = choose(controls, request)
  if (!Array.isArray(meant)) return meant as AdminAnswer
  const results = await Promise.all(
    meant.map(async ({ id, reload, view }) => {
      const problems = await reload('admin')
      return { id, signal: view().signal, hash: view().live.hash, problems }
    }),
  )
  const isFine = results.every(({ problems }) => problems.length === 0)
  return { status: isFine ? 200 : 422, body: { results } }
}

function rollback(controls: readonly RuleControl[], request: AdminRequest): AdminAnswer {
  const meant = choose(controls, request)
  if (!Array.isArray(meant)) return meant as AdminAnswer
  const { hash } = request.body as { hash?: string }
  const results = meant.map(({ id, rollback, view }) => {
    const problem = rollback(hash)
    return {
      id,
      signal: view().signal,
      hash: view().live.hash,
      problems: problem === null ? [] : [problem],
    }
  })
  const isFine = results.every(({ problems }) => problems.length === 0)
  return { status: isFine ? 200 : 409, body: { results } }
}

/** The processors that are meant, or why there are none. */
function choose(
  controls: readonly RuleControl[],
  { body }: AdminRequest,
): readonly RuleControl[] | AdminAnswer {
  const { id, hash } = (body ?? {}) as { id?: unknown; hash?: unknown }
  const isText = (value: unknown): boolean => value === undefined || typeof value === 'string'
  if (typeof body !== 'object' || body === null || !isText(id) || !isText(hash)) {
    return { status: 400, body: { error: 'the body is not {"id": "…", "hash": "…"}' } }
  }
  const meant = controls.filter(control => id === undefined || control.id === id)
  if (meant.length > 0) return meant
  const error =
    id === undefined ? 'no processor runs rules' : `there is no processor ${String(id)} with rules`
  return { status: 404, body: { error } }
}
