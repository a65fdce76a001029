/**
 * What operators can ask of and tell to samplers that learn.
 *
 * ```
 * GET  /api/v1/sampler                        budgets, totals, the model in charge
 * GET  /api/v1/sampler/explain?trace_id=…     noted decisions about a trace, with what stood out in it
 * GET  /api/v1/sampler/compare                models side by side
 * POST /api/v1/sampler/feedback   {"trace_id": "…", "verdict": "useful" | "noise", "id": "…"}
 * ```
 */
import type { SamplerControl, SamplerFeedback } from '../core/sampler-control.ts'
import type { AdminAnswer, AdminRequest, Route } from './admin-api.ts'

const TRACE_ID = /^[0-9a-fA-F]{32}$/
const NO_TRACE_ID = 'trace_id is not 32 hexadecimal digits'

export const SAMPLER_ROUTES: Readonly<
  Record<string, Route<readonly SamplerControl[]> | undefined>
> = {
  '/api/v1/sampler': {
    method: 'GET',
    answer: controls => ({ status: 200, body: { samplers: controls.map(each => each.view()) } }),
  },
  '/api/v1/sampler/explain': { method: 'GET', answer: explain },
  '/api/v1/sampler/compare': {
    method: 'GET',
    answer: controls => ({ status: 200, body: { samplers: controls.map(each => each.compare()) } }),
  },
  '/api/v1/sampler/feedback': { method: 'POST', answer: feedback },
}

function explain(controls: readonly SamplerControl[], { query }: AdminRequest): AdminAnswer {
  const traceId = query.get('trace_id') ?? ''
  if (!TRACE_ID.test(traceId)) return { status: 400, body: { error: NO_TRACE_ID } }
  const decisions = controls.flatMap(control =>
    control.explain(traceId.toLowerCase()).map(decision => ({ id: control.id, ...decision })),
  )
  return { status: 200, body: { decisions: decisions.sort((a, b) => a.atMs - b.atMs) } }
}

/** Each sampler that has noted the trace hears of it. */
function feedback(controls: readonly SamplerControl[], { body }: AdminRequest): AdminAnswer {
  const { trace_id: traceId, verdict, id } = (body ?? {}) as Readonly<Record<string, unknown>>
  if (typeof traceId !== 'string' || !TRACE_ID.test(traceId)) {
    return { status: 400, body: { error: NO_TRACE_ID } }
  }
  if (!isVerdict(verdict)) {
    return { status: 400, body: { error: 'verdict is neither useful nor noise' } }
  }
  const meant = controls.filter(control => id === undefined || control.id === id)
  if (meant.length === 0) {
    const error = id === undefined ? 'no sampler learns here' : `there is no sampler ${String(id)}`
    return { status: 404, body: { error } }
  }
  const results = meant.map(control => ({
    id: control.id,
    problem: control.feedback(traceId.toLowerCase(), verdict),
  }))
  const isHeard = results.some(({ problem }) => problem === null)
  return { status: isHeard ? 200 : 409, body: { results } }
}

function isVerdict(verdict: unknown): verdict is SamplerFeedback {
  return verdict === 'useful' || verdict === 'noise'
}
