/** `groupbytrace`: one batch a trace, after the wait, within its limits, and nothing missing in the book. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Batch } from '../../../src/core/batch.ts'
import { ACCEPTED, busy } from '../../../src/core/outcome.ts'
import { config as spec } from '../../../src/processors/groupbytrace/config.ts'
import { GROUP_BY_TRACE_METRICS } from '../../../src/processors/groupbytrace/metrics.ts'
import { GroupByTraceProcessor } from '../../../src/processors/groupbytrace/processor.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { batchOfJson, jsonOf, text, tracesOf } from '../request-batch.ts'
import { spanOf, traceId } from '../tail-sampling/harness.ts'

async function start(section: object = {}) {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const context = { ...services, id: 'groupbytrace', config: spec.schema.parse(section) }
  const processor = new GroupByTraceProcessor({ ...context, signals: ['traces'] }, next)
  await processor.start()
  return {
    ...services,
    next,
    processor,
    send(...traces: readonly number[]) {
      const batch = batchOfJson('traces', tracesOf(...traces.map(trace => spanOf({ trace }))))
      const { items } = batch
      const outcome = processor.consume(batch)
      if (outcome.kind === 'accepted') services.ledger.accepted('default', 'traces', items)
      return outcome
    },
    groups: () => next.batches.map(idsOf),
    async finish() {
      await processor.stop(AbortSignal.timeout(1000))
      services.ledger.sent('default', 'traces', next.items)
      assertBalanced(services.ledger)
      next.releaseAll()
      assert.equal(services.memory.reservedBytes, 0, 'memory is still reserved')
    },
  }
}

function idsOf(batch: Batch): string[] {
  const { resourceSpans } = jsonOf(batch)
  return resourceSpans.flatMap((resource: { scopeSpans: { spans: { traceId: string }[] }[] }) =>
    resource.scopeSpans.flatMap(scope => scope.spans.map(span => span.traceId)),
  )
}

test('hands on each trace as one batch when its wait is over', async () => {
  const group = await start({ wait_duration: '2s' })
  group.send(1, 2, 1)
  await group.clock.advance(1000)
  group.send(2, 1)
  assert.deepEqual(group.groups(), [])

  await group.clock.advance(1100)

  assert.deepEqual(group.groups(), [
    [traceId(1), traceId(1), traceId(1)],
    [traceId(2), traceId(2)],
  ])
  assert.equal(group.meter.total('otelcol_processor_groupbytrace_traces_released'), 2)
  assert.equal(group.meter.total('otelcol_processor_groupbytrace_spans_released'), 5)
  await group.finish()
})

test('what comes later waits again, and goes at the end', async () => {
  const group = await start()
  group.send(1)
  await group.clock.advance(1200)
  group.send(1)

  await group.processor.stop(AbortSignal.timeout(1000))

  assert.deepEqual(group.groups(), [[traceId(1)], [traceId(1)]])
  assert.equal(group.send(2).kind, 'busy')
  await group.finish()
})

test('beyond num_traces the oldest are dropped and counted', async () => {
  const group = await start({ num_traces: 2 })
  group.send(1, 1, 2, 3)

  await group.clock.advance(1200)

  assert.deepEqual(group.groups(), [[traceId(2)], [traceId(3)]])
  assert.equal(group.meter.total('otelcol_processor_groupbytrace_traces_evicted'), 1)
  const [{ dropped }] = group.ledger.rows()
  assert.deepEqual(dropped, [
    { stage: 'groupbytrace', reason: 'num_traces', intentional: false, items: 2 },
  ])
  await group.finish()
})

test('without room the oldest go early', async () => {
  const group = await start({ memory_limit: '4MiB' })
  const pad = [text('pad', 'x'.repeat(4000))]
  for (let round = 0; round < 10; round++) {
    const spans = Array.from({ length: 200 }, (_, i) =>
      spanOf({ trace: round * 200 + i + 1, attributes: pad }),
    )
    group.ledger.accepted('default', 'traces', 200)
    assert.deepEqual(group.processor.consume(batchOfJson('traces', tracesOf(...spans))), ACCEPTED)
  }
  assert.ok(group.meter.total('millrace_groupbytrace_traces_released_early') > 500)
  await group.clock.advance(1200)

  assert.equal(group.next.items, 2000)
  await group.finish()
})

test('a batch that can never fit is refused for good, and nothing goes early for it', async () => {
  const group = await start({ memory_limit: '4MiB' })
  group.send(1)
  const pad = [text('pad', 'x'.repeat(100_000))]
  const spans = Array.from({ length: 50 }, (_, i) => spanOf({ trace: 2 + i, attributes: pad }))
  const batch = batchOfJson('traces', tracesOf(...spans))

  assert.equal(group.processor.consume(batch).kind, 'refused')

  batch.release()
  assert.equal(group.next.items, 0)
  await group.finish()
})

test('waits while the next stage is busy, and answers busy when too much waits', async () => {
  const group = await start()
  group.next.answer = () => busy(100)
  const many = Array.from({ length: 33_000 }, (_, i) => (i % 300) + 1)
  group.send(...many)
  await group.clock.advance(1200)
  assert.equal(group.send(1).kind, 'busy')

  group.next.answer = () => ACCEPTED
  await group.clock.advance(500)

  assert.equal(group.next.items, 33_000)
  await group.finish()
})

test('refuses what upstream does not support either', () => {
  const problems = spec.check!(spec.schema.parse({ discard_orphans: true, store_on_disk: true }))

  assert.deepEqual(
    problems.map(({ path }) => path),
    [['discard_orphans'], ['store_on_disk']],
  )
})

test('has every metric of upstream with its type', () => {
  const prefix = 'otelcol_processor_groupbytrace_'
  const ours = GROUP_BY_TRACE_METRICS.filter(({ name }) => name.startsWith(prefix)).map(
    ({ name, type }) => `${name.slice(prefix.length)} ${type}`,
  )

  assert.deepEqual(ours.sort(), [
    'conf_num_traces gauge',
    'event_latency histogram',
    'incomplete_releases counter',
    'num_events_in_queue gauge',
    'num_traces_in_memory gauge',
    'spans_released counter',
    'traces_evicted counter',
    'traces_released counter',
  ])
})

test('counts traces that went before their wait was over, and only those', async () => {
  const group = await start({ num_traces: 2 })
  const incomplete = () => group.meter.total('otelcol_processor_groupbytrace_incomplete_releases')
  group.send(1, 2, 3)
  assert.equal(incomplete(), 1)
  await group.clock.advance(1200)
  assert.equal(incomplete(), 1)
  group.send(4)

  await group.processor.stop(AbortSignal.timeout(1000))

  assert.equal(incomplete(), 2)
  await group.finish()
})

test('tells what waits for the next stage, and what was worked on', async () => {
  const group = await start()
  const prefix = 'otelcol_processor_groupbytrace_'
  group.next.answer = () => busy(1000)
  group.send(1)
  group.send(2)
  await group.clock.advance(1200)

  assert.equal(group.meter.total(`${prefix}num_events_in_queue`), 2)
  assert.equal(group.meter.total(`${prefix}event_latency`), 3)
  group.next.answer = () => ACCEPTED
  await group.clock.advance(1200)
  assert.equal(group.meter.total(`${prefix}num_events_in_queue`), 0)
  await group.finish()
})
