/** An adaptive sampler with everything around it, a shop whose traces it gets, and what it sent on. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import type { Part } from '../../../src/core/batch.ts'
import type { Outcome } from '../../../src/core/outcome.ts'
import { OPEN_TENANCY, type Tenancy } from '../../../src/core/tenancy.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { config as spec } from '../../../src/processors/adaptive-sampler/config.ts'
import { AdaptiveSampler } from '../../../src/processors/adaptive-sampler/processor.ts'
import {
  assertBalanced,
  CollectingConsumer,
  fakeHost,
  fakeServices,
} from '../../../src/testing/fakes.ts'
import { batchOf, partOf, request, type TestSpan } from '../../sampler/assembly/spans.ts'

export type { TestSpan }

export interface KeptSpan {
  readonly traceId: string
  readonly name: string
  readonly traceState: string
  readonly attributes: Readonly<Record<string, string | number | boolean>>
}

export async function startSampler(
  t: TestContext,
  settings: object = {},
  tenancy: Tenancy = OPEN_TENANCY,
) {
  const services = { ...fakeServices(), tenancy }
  const next = new CollectingConsumer()
  const id = 'adaptive_sampler'
  const config = spec.schema.parse({ decisions: { size: 10_000 }, ...SMALL, ...settings })
  assert.deepEqual(spec.check?.(config), [])
  const processor = new AdaptiveSampler({ ...services, id, config, signals: ['traces'] }, next)
  await processor.start(fakeHost())
  t.after(() => processor.stop(AbortSignal.abort()))
  const sendParts = (parts: readonly Part[], tenant = 'default'): Outcome | Promise<Outcome> => {
    const batch = batchOf(parts, tenant)
    services.ledger.accepted(tenant, 'traces', batch.items)
    return processor.consume(batch)
  }
  return {
    ...services,
    processor,
    next,
    control: processor.samplerControl,
    sendParts,
    /** To a sampler without a journal, which answers at once. */
    send: (spans: readonly TestSpan[], tenant = 'default'): Outcome => {
      const outcome = sendParts([partOf(request(spans))], tenant)
      assert.ok(!(outcome instanceof Promise))
      return outcome
    },
    /** Lets what waits become due and be decided. */
    async decide(): Promise<void> {
      await services.clock.advance(4000)
    },
    kept: (): KeptSpan[] => next.batches.flatMap(batch => spansOf(batch.parts)),
    keptTraces: () =>
      new Set(next.batches.flatMap(batch => spansOf(batch.parts)).map(({ traceId }) => traceId)),
    async finish(): Promise<void> {
      await processor.stop(new AbortController().signal)
      next.batches.forEach(batch => {
        services.ledger.sent(batch.tenant, 'traces', batch.items)
      })
      assertBalanced(services.ledger)
      next.releaseAll()
      assert.equal(services.memory.reservedBytes, 0)
    },
  }
}

/** Tables as large as tests need them. */
const SMALL = { decision_cache: { kept: 10_000, dropped: 100_000 } }

function spansOf(parts: readonly Part[]): KeptSpan[] {
  const json = JSON.parse(Buffer.from(encodeJson('traces', flatten(encodeParts(parts)))).toString())
  // biome-ignore lint/suspicious/noExplicitAny: what JSON says
  return json.resourceSpans.flatMap(({ scopeSpans }: any) =>
    // biome-ignore lint/suspicious/noExplicitAny: what JSON says
    scopeSpans.flatMap(({ spans }: any) => spans.map(readSpan)),
  )
}

// biome-ignore lint/suspicious/noExplicitAny: what JSON says
function readSpan(span: any): KeptSpan {
  const attributes = (span.attributes ?? []).map(
    // biome-ignore lint/suspicious/noExplicitAny: what JSON says
    ({ key, value }: any) => [key, Object.values(value)[0]],
  )
  return {
    traceId: span.traceId,
    name: span.name ?? '',
    traceState: span.traceState ?? '',
    attributes: Object.fromEntries(attributes),
  }
}

/** Well spread, the same for the same number. */
export function traceId(n: number): string {
  return createHash('md5').update(`trace ${n}`).digest('hex')
}

/** A request that goes through three services; durations vary a little. */
export function shopTrace(n: number, more: Partial<TestSpan> & { slow?: number } = {}): TestSpan[] {
  const { slow = 0, ...root } = more
  const trace = traceId(n)
  const wobble = (n * 7919) % 100
  const pay = 1000 + wobble + slow
  return [
    {
      ...{ trace, id: '1', service: 'front', name: 'GET /cart', kind: 2 },
      ...{ start: 0, duration: 9000 + wobble + slow },
      ...root,
    },
    {
      ...{ trace, id: '2', parent: '1', service: 'cart', name: 'load', kind: 2 },
      ...{ start: 100, duration: 2000 + wobble },
    },
    {
      ...{ trace, id: '3', parent: '1', service: 'payment', name: 'charge', kind: 2 },
      ...{ start: 3000, duration: pay },
    },
  ]
}
