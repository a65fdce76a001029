/** `tail_sampling` against the Go collector's: seeded configurations and traces, and the same spans are kept. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { DEFAULT_TENANT } from '../../src/core/batch.ts'
import { SYSTEM_CLOCK } from '../../src/core/clock.ts'
import { encodeParts, flatten } from '../../src/otlp/encode.ts'
import { encodeJson } from '../../src/otlp/json/encode.ts'
import { config as spec } from '../../src/processors/tail-sampling/config.ts'
import { TailSamplingProcessor } from '../../src/processors/tail-sampling/processor.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../src/testing/fakes.ts'
import { type AskGoOptions, askGo, batchOf, type ComponentCase, toBytes } from './component-kit.ts'
import { policiesOf, randomOf, requestsOf, singlePolicies } from './tail-cases.ts'

const SEEDS = 120
const TRACES = 60
const REQUESTS = 3
/** Longer than a test takes: what is pending is decided at the end. */
const WAIT = { decision_wait: '60s' }
/** A tick or two after the wait of a second. */
const LATE_MS = 3500
const ERRORS = { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } }

test('each type of policy keeps the spans that the Go collector keeps', async () => {
  const random = randomOf(1)
  const rounds = [1, 2, 3].flatMap(() => singlePolicies(random))
  await compare(rounds.map(policy => caseOf(random, [policy])))
})

test('policies together keep the spans that the Go collector keeps', async () => {
  const cases = Array.from({ length: SEEDS }, (_, i) => {
    const random = randomOf(1000 + i)
    return caseOf(random, policiesOf(random), { sample_on_first_match: i % 5 === 0 })
  })
  await compare(cases)
})

test('asked as spans come, policies keep the spans that the Go collector keeps', async () => {
  const cases = Array.from({ length: SEEDS }, (_, i) => {
    const random = randomOf(5000 + i)
    return caseOf(random, policiesOf(random), { sampling_strategy: 'span-ingest' })
  })
  await compare(cases.filter(({ section }) => isAccepted(section)))
})

test('a trace beyond maximum_trace_size_bytes goes where it goes in the Go collector', async () => {
  const cases = Array.from({ length: 10 }, (_, i) => {
    const each = caseOf(randomOf(9000 + i), [{ name: 'all', type: 'always_sample' }], {
      maximum_trace_size_bytes: 200 + 100 * i,
    })
    // The reference counts what it would write, and it writes a status, empty or not.
    const text = JSON.stringify(each.requests).replaceAll('"status":{}', '"status":{"code":1}')
    return { ...each, requests: JSON.parse(text) as object[] }
  })
  await compare(cases)
})

test('with use_tracestate probabilities are decided and written as the Go collector does behind its feature gate', async () => {
  const cases = Array.from({ length: 30 }, (_, i) => {
    const random = randomOf(11_000 + i)
    const each = caseOf(random, policiesOf(random), { use_tracestate: true })
    // What is no valid state is left as it is there, and discarded here.
    const text = JSON.stringify(each.requests).replaceAll(
      '"traceState":"bad"',
      '"traceState":"a=b"',
    )
    return { ...each, requests: JSON.parse(text) as object[] }
  })
  const gate = '--feature-gates=+processor.tailsamplingprocessor.usetracestate'
  await compare(cases, { args: [gate], withState: true })
})

test('late spans go where they go in the Go collector', async () => {
  const sections = [
    {},
    { decision_cache: { sampled_cache_size: 1000, non_sampled_cache_size: 1000 } },
    { decision_wait: '60s', decision_wait_after_root_received: '1s' },
    { sampling_strategy: 'span-ingest' },
  ]
  const cases = sections.map((extra, i) =>
    caseOf(randomOf(13_000 + i), [ERRORS], { decision_wait: '1s', ...extra }),
  )
  // Spans of one resource are taken in no order there, so where the order counts each trace has its own.
  const ordered = [
    { num_traces: 40 },
    { num_traces: 40, decision_cache: { sampled_cache_size: 1000 } },
  ].map(extra => ({
    ...caseOf(randomOf(1), [ERRORS], { decision_wait: '1s', ...extra }),
    requests: [resourcePerTrace(60, 0), resourcePerTrace(60, 1), resourcePerTrace(50, 2)],
  }))
  await compare([...cases, ...ordered], {
    before: () => new Promise(resolve => setTimeout(resolve, LATE_MS)),
  })
})

test('a limit of spans lets as many traces through as in the Go collector', async () => {
  const each = caseOf(randomOf(1), [
    {
      name: 'some',
      type: 'rate_limiting',
      rate_limiting: { spans_per_second: 1, burst_capacity: 62 },
    },
  ])
  const requests = [flatRequest(40, 3)]
  const [expected] = await askGo([{ ...each, requests }])

  const kept = await ours({ ...each, requests }, {})

  assert.equal(kept.length, 60)
  assert.equal(kept.length, expected.flatMap(request => spansOf(request)).length)
})

/** Traces of so many spans each. */
function flatRequest(traces: number, size: number): object {
  const id = (n: number, digits: number): string => (n + 1).toString(16).padStart(digits, '0')
  const spans = Array.from({ length: traces * size }, (_, i) => ({
    traceId: id(Math.floor(i / size), 32),
    spanId: id(i, 16),
    name: 'span',
  }))
  return { resourceSpans: [{ scopeSpans: [{ spans }] }] }
}

/** A span for each of so many traces; of every other trace the first one has an error. */
function resourcePerTrace(traces: number, round: number): object {
  const resourceSpans = Array.from({ length: traces }, (_, i) => {
    const spanId = (round * traces + i + 1).toString(16).padStart(16, 'f')
    const status = { code: (i + round) % 2 === 0 ? 2 : 1 }
    const traceId = (i + 1).toString(16).padStart(32, '0')
    return { scopeSpans: [{ spans: [{ traceId, spanId, name: 'span', status }] }] }
  })
  return { resourceSpans }
}

function caseOf(
  random: () => number,
  policies: readonly object[],
  extra: object = {},
): ComponentCase {
  const section = { ...WAIT, ...extra, policies }
  return {
    name: JSON.stringify(section),
    type: 'tail_sampling',
    section,
    signal: 'traces',
    requests: requestsOf(random, TRACES, REQUESTS),
  }
}

function isAccepted(section: object): boolean {
  return spec.check!(spec.schema.parse(section)).length === 0
}

interface CompareOptions extends AskGoOptions {
  /** Trace states are compared too. */
  readonly withState?: boolean
}

async function compare(
  cases: readonly ComponentCase[],
  options: CompareOptions = {},
): Promise<void> {
  const { withState = false } = options
  const goes = cases.map(each => ({ ...each, section: upstreamSection(each.section) }))
  const [answers, kepts] = await Promise.all([
    askGo(goes, options),
    Promise.all(cases.map(each => ours(each, options))),
  ])
  let kept = 0
  for (const [i, each] of cases.entries()) {
    const expected = answers[i].flatMap(request => spansOf(request, withState)).sort()
    assert.deepEqual(kepts[i], expected, each.name)
    kept += expected.length
  }
  assert.ok(kept > 0, 'no case kept anything')
}

/** Without our own keys. */
function upstreamSection(section: object): object {
  const { use_tracestate: _, ...rest } = section as { use_tracestate?: boolean }
  return rest
}

async function ours(
  { section, requests }: ComponentCase,
  { before, withState = false }: CompareOptions,
): Promise<string[]> {
  const services = { ...fakeServices(), clock: SYSTEM_CLOCK }
  const next = new CollectingConsumer()
  const config = spec.schema.parse(section)
  assert.deepEqual(spec.check!(config), [])
  const id = 'tail_sampling'
  const processor = new TailSamplingProcessor(
    { ...services, id, config, signals: ['traces'] },
    next,
  )
  await processor.start()
  for (const [n, body] of requests.entries()) {
    if (n > 0) await before?.(n)
    const batch = batchOf('traces', toBytes('traces', JSON.stringify(body)))
    services.ledger.accepted(DEFAULT_TENANT, 'traces', batch.items)
    assert.equal(processor.consume(batch).kind, 'accepted')
  }
  await processor.stop(AbortSignal.timeout(10_000))
  const batches = next.batches.map(batch =>
    JSON.parse(Buffer.from(encodeJson('traces', flatten(encodeParts(batch.parts)))).toString()),
  )
  services.ledger.sent(DEFAULT_TENANT, 'traces', next.items)
  next.releaseAll()
  assertBalanced(services.ledger)
  return batches.flatMap(request => spansOf(request, withState)).sort()
}

interface Request {
  readonly resourceSpans?: readonly {
    readonly scopeSpans?: readonly {
      readonly spans?: readonly Span[]
    }[]
  }[]
}

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly traceState?: string
}

function spansOf(request: unknown, withState = false): string[] {
  const { resourceSpans = [] } = request as Request
  return resourceSpans
    .flatMap(({ scopeSpans = [] }) => scopeSpans)
    .flatMap(({ spans = [] }) => spans)
    .map(({ traceId, spanId, traceState = '' }) =>
      withState ? `${traceId} ${spanId} ${members(traceState)}` : `${traceId} ${spanId}`,
    )
}

/** The members of `ot` stand in another order there. */
function members(traceState: string): string {
  return traceState
    .split(',')
    .map(entry => entry.trim().split(/[=;]/).sort().join(' '))
    .filter(Boolean)
    .sort()
    .join(', ')
}
