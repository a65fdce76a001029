/**
 * What operators can ask about tenants.
 *
 * ```
 * GET  /api/v1/tenants                            limits and how much of each is taken
 * GET  /api/v1/tenants/usage?tenant=…&since=…     who used what: items by reason, bytes, costs
 * GET  /api/v1/tenants/history?tenant=…&since=…   one tenant minute by minute
 * GET  /api/v1/why?tenant=…&trace_id=…&since=…    all that is known about where its items went
 * ```
 * `since` is in milliseconds since 1970; without it, everything since the start of the process is meant.
 */
import type { ComponentStatus, Inspector } from '../core/component.ts'
import { UNKNOWN_SENDERS } from '../core/tenancy.ts'
import type { TenantView, UsageQuestion } from '../core/tenant-control.ts'
import type { WhyFacts } from '../core/why.ts'
import type { AdminAnswer, AdminRequest, Route } from './admin-api.ts'

export type TenantsSubject = Pick<
  Inspector,
  'rules' | 'samplers' | 'queues' | 'letters' | 'tenants' | 'usage' | 'components'
>

/** Of each kind of fact in one answer. */
const MAX_LETTERS = 1000
const MAX_DECISIONS = 1000
const MAX_MINUTES = 60
/** Requests of one exporter's queues that are looked through for a trace. */
const MAX_PEEKED = 1000

const TRACE_ID = /^[0-9a-fA-F]{32}$/

export const TENANT_ROUTES: Readonly<Record<string, Route<TenantsSubject> | undefined>> = {
  '/api/v1/tenants': {
    method: 'GET',
    answer: subject => ({ status: 200, body: { tenants: viewsOf(subject) } }),
  },
  '/api/v1/tenants/usage': { method: 'GET', answer: usage },
  '/api/v1/tenants/history': { method: 'GET', answer: history },
  '/api/v1/why': { method: 'GET', answer: why },
}

function usage(subject: TenantsSubject, { query }: AdminRequest): AdminAnswer {
  const question = questionOf(query)
  if (typeof question === 'string') return badRequest(question)
  return { status: 200, body: subject.usage().report(question) }
}

function history(subject: TenantsSubject, { query }: AdminRequest): AdminAnswer {
  const question = questionOf(query)
  if (typeof question === 'string') return badRequest(question)
  const { tenant, sinceMs = 0 } = question
  if (tenant === undefined) return badRequest('tenant is missing')
  return { status: 200, body: { tenant, minutes: subject.usage().minutes(tenant, sinceMs) } }
}

async function why(subject: TenantsSubject, { query }: AdminRequest): Promise<AdminAnswer> {
  const question = questionOf(query)
  if (typeof question === 'string') return badRequest(question)
  const { tenant } = question
  if (tenant === undefined) return badRequest('tenant is missing')
  const traceId = (query.get('trace_id') ?? '').toLowerCase()
  if (traceId !== '' && !TRACE_ID.test(traceId)) {
    return badRequest('trace_id is not 32 hexadecimal digits')
  }
  const facts = await gatherFacts(subject, { ...question, tenant }, traceId)
  return { status: 200, body: facts }
}

async function gatherFacts(
  subject: TenantsSubject,
  question: UsageQuestion & { readonly tenant: string },
  traceId: string,
): Promise<WhyFacts> {
  const { tenant, sinceMs = 0 } = question
  const usage = subject.usage().report(question)
  const unknown = subject.usage().report({ ...question, tenant: UNKNOWN_SENDERS })
  const queues = subject.queues().flatMap(control => control.view())
  const letters = await lettersOf(subject, question, traceId)
  return {
    ...{ tenant, traceId, nowMs: usage.toMs, usage },
    unknownSenders: unknown.turnedAway,
    minutes: subject.usage().minutes(tenant, sinceMs).slice(-MAX_MINUTES),
    limitsKept: subject.tenants().length > 0,
    limits: viewsOf(subject).find(view => view.tenant === tenant) ?? null,
    queues: queues.filter(queue => queue.tenant === tenant),
    letters: letters.slice(0, MAX_LETTERS),
    moreLetters: letters.length > MAX_LETTERS,
    samplers: subject.samplers().map(control => control.view()),
    faults: subject.components().filter(each => isFaultFor(tenant, each)),
    ...(await traceFacts(subject, tenant, traceId)),
  }
}

/** Exporters name the tenant whose requests fail; what destinations tell others is nothing for this one. */
function isFaultFor(tenant: string, { status, detail }: ComponentStatus): boolean {
  const named = /^tenant (\S+): /.exec(detail)
  return status === 'recoverable_error' && (named === null || named[1] === tenant)
}

async function lettersOf(
  { letters }: TenantsSubject,
  { tenant, sinceMs }: UsageQuestion,
  traceId: string,
): Promise<WhyFacts['letters']> {
  const filter = {
    ...{ tenant, sinceMs },
    ...(traceId === '' ? {} : { traceId }),
  }
  const found = await Promise.all(letters().map(box => box.list(filter, MAX_LETTERS + 1)))
  return found.flat().sort((a, b) => a.atMs - b.atMs)
}

async function traceFacts(
  { rules, samplers, queues }: TenantsSubject,
  tenant: string,
  traceId: string,
): Promise<Pick<WhyFacts, 'rules' | 'sampling' | 'requests'>> {
  if (traceId === '') return { rules: [], sampling: [], requests: [] }
  const isOwn = (decision: { readonly tenant: string }): boolean => decision.tenant === tenant
  const decided = rules().flatMap(control =>
    control.why(traceId).map(decision => ({ id: control.id, ...decision })),
  )
  const sampled = samplers().flatMap(control =>
    control.explain(traceId).map(decision => ({ id: control.id, ...decision })),
  )
  const peeked = await Promise.all(queues().map(async each => each.peek({ tenant }, MAX_PEEKED)))
  return {
    rules: inOrder(decided.filter(isOwn)),
    sampling: inOrder(sampled.filter(isOwn)),
    requests: peeked.flat().filter(({ traceIds }) => traceIds.includes(traceId)),
  }
}

function inOrder<T extends { readonly atMs: number }>(decisions: T[]): T[] {
  return decisions.sort((a, b) => a.atMs - b.atMs).slice(0, MAX_DECISIONS)
}

function viewsOf({ tenants }: TenantsSubject): TenantView[] {
  return tenants().flatMap(control => control.view())
}

/** The question, or what is wrong with it. */
function questionOf(query: URLSearchParams): UsageQuestion | string {
  const [tenant, since] = [query.get('tenant'), query.get('since')]
  if (since !== null && !/^\d{1,15}$/.test(since)) {
    return 'since is not a number of milliseconds since 1970'
  }
  return {
    ...(tenant === null || tenant === '' ? {} : { tenant }),
    ...(since === null ? {} : { sinceMs: Number(since) }),
  }
}

function badRequest(error: string): AdminAnswer {
  return { status: 400, body: { error } }
}
