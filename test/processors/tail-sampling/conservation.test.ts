/** `tail_sampling` under random traffic and a random next stage: no span is lost, doubled or parted from its trace. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Batch, NO_CONTEXT } from '../../../src/core/batch.ts'
import { ACCEPTED, busy, refused } from '../../../src/core/outcome.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import { batchOfJson, jsonOf, tracesOf } from '../request-batch.ts'
import { spanOf, startTailSampling } from './harness.ts'

const TRACES = 12

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('send' as const), seed: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('wait' as const), seed: fc.nat(4000) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('next' as const), seed: fc.nat(3) }) },
)

const sections = fc.record({
  num_traces: fc.constantFrom(3, 8, 1000),
  decision_wait_after_root_received: fc.constantFrom('0s', '300ms'),
  sampling_strategy: fc.constantFrom('trace-complete', 'span-ingest'),
  maximum_trace_size_bytes: fc.constantFrom(0, 500),
  drop_pending_traces_on_shutdown: fc.boolean(),
  decision_cache: fc.constantFrom(
    {},
    { sampled_cache_size: 4 },
    { sampled_cache_size: 9, non_sampled_cache_size: 2 },
  ),
})

const POLICIES = [
  { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
  { name: 'ok', type: 'status_code', status_code: { status_codes: ['OK'] } },
]

test('every span is handed on once or dropped in the book, whatever comes', async () => {
  await fc.assert(
    fc.asyncProperty(sections, fc.array(step, { maxLength: 40 }), async (section, steps) => {
      const tail = await startTailSampling({ ...section, decision_wait: '2s', policies: POLICIES })
      const sent = new Set<string>()
      let refusedItems = 0
      for (const { what, seed } of steps) {
        if (what === 'wait') await tail.clock.advance(seed)
        else if (what === 'next') {
          tail.next.answer = [
            () => ACCEPTED,
            () => busy(50),
            async () => ACCEPTED,
            (batch: Batch) => {
              refusedItems += batch.items
              return refused(batch.items, 'rejected', 'no')
            },
          ][seed] as typeof tail.next.answer
        } else send(tail, seed, sent)
      }
      tail.next.answer = () => ACCEPTED
      await tail.clock.advance(200)
      await tail.processor.stop(AbortSignal.timeout(1000))

      const out = tail.next.batches.flatMap(spanIds)
      assert.equal(new Set(out).size, out.length, 'a span came twice')
      for (const id of out) assert.ok(sent.has(id), 'a span came that was not sent')
      const [row] = tail.ledger.rows()
      const dropped = row?.dropped.reduce((sum, { items }) => sum + items, 0) ?? 0
      assert.equal(out.length + dropped, sent.size)
      assert.ok(refusedItems <= dropped)
      await tail.finish()
    }),
    { numRuns: 150 },
  )
})

test('traces of two tenants with one id stay apart', async () => {
  const tail = await startTailSampling({ decision_wait: '2s', policies: [POLICIES[0]] })
  for (const [tenant, error] of [
    ['a', true],
    ['b', false],
  ] as const) {
    const { parts } = batchOfJson('traces', tracesOf(spanOf({ trace: 1, error })))
    const batch = new Batch('traces', tenant, NO_CONTEXT, parts)
    tail.ledger.accepted(tenant, 'traces', 1)
    assert.equal(tail.processor.consume(batch).kind, 'accepted')
  }

  await tail.clock.advance(3000)

  assert.deepEqual(
    tail.next.batches.map(({ tenant, items }) => [tenant, items]),
    [['a', 1]],
  )
  tail.ledger.sent('a', 'traces', 1)
  tail.next.releaseAll()
  await tail.finish()
})

/** One to three parts, some of their spans deselected. */
function send(
  tail: Awaited<ReturnType<typeof startTailSampling>>,
  seed: number,
  sent: Set<string>,
): void {
  const parts = Array.from({ length: 1 + (seed % 3) }, (_, p) => {
    const spans = Array.from({ length: 1 + ((seed >>> 3) % 7) }, (_, i) => {
      const bits = Math.imul(seed + p * 31 + i * 7, 0x9e3779b1) >>> 0
      const code = bits % 9 === 0 ? 2 : bits % 11 === 0 ? 1 : 0
      return { ...spanOf({ trace: bits % TRACES }), status: { code } }
    })
    const [part] = batchOfJson('traces', tracesOf(...spans)).parts
    if (spans.length < 3) return { part, spans }
    const selection = Selection.all(spans.length)
    selection.clear(1)
    const rest = spans.filter((_, i) => i !== 1)
    return { part: { ...part, selection, items: selection.count }, spans: rest }
  })
  const batch = new Batch(
    'traces',
    'default',
    NO_CONTEXT,
    parts.map(({ part }) => part),
  )
  if (tail.sendBatch(batch).kind !== 'accepted') return
  for (const { spans } of parts) {
    for (const span of spans) sent.add((span as unknown as { spanId: string }).spanId)
  }
}

function spanIds(batch: Batch): string[] {
  const { resourceSpans = [] } = jsonOf(batch)
  return resourceSpans.flatMap((resource: { scopeSpans: { spans: { spanId: string }[] }[] }) =>
    resource.scopeSpans.flatMap(scope => scope.spans.map(({ spanId }) => spanId)),
  )
}
