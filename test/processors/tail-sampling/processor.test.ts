/** `tail_sampling`: whole traces by policies, when they are decided, what follows a decision, and where every span ends in the book. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ACCEPTED, busy } from '../../../src/core/outcome.ts'
import { batchOfJson, jsonOf, text, tracesOf } from '../request-batch.ts'
import { CHILD, spanOf, startTailSampling } from './harness.ts'

const ERRORS = { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } }
const ALL = { name: 'all', type: 'always_sample' }
const WAIT = { decision_wait: '5s' }

test('keeps all spans of a trace with an error and drops the others once the wait is over', async () => {
  const tail = await startTailSampling({ ...WAIT, policies: [ERRORS] })
  tail.send({ trace: 1 }, { trace: 2 })
  await tail.clock.advance(2000)
  tail.send({ trace: 1, parent: CHILD, error: true }, { trace: 2, parent: CHILD })

  await tail.clock.advance(2800)
  assert.deepEqual(tail.kept(), [])
  await tail.clock.advance(600)

  assert.deepEqual(tail.kept(), [1, 1])
  const [{ dropped }] = tail.ledger.rows()
  assert.deepEqual(dropped, [
    { stage: 'tail_sampling', reason: 'not_sampled', intentional: true, items: 2 },
  ])
  assert.equal(tail.meter.total('otelcol_processor_tail_sampling_new_trace_id_received'), 2)
  assert.equal(tail.meter.total('otelcol_processor_tail_sampling_global_count_traces_sampled'), 2)
  await tail.finish()
})

test('decides earlier when the root has come, if it is told to', async () => {
  const tail = await startTailSampling({
    ...WAIT,
    decision_wait_after_root_received: '1s',
    policies: [ALL],
  })
  tail.send({ trace: 1, parent: CHILD }, { trace: 2, parent: CHILD })
  tail.send({ trace: 1 })

  await tail.clock.advance(1300)

  assert.deepEqual(tail.kept(), [1, 1])
  await tail.finish()
  assert.deepEqual(tail.kept(), [])
})

test('late spans follow the decision of their trace', async () => {
  const tail = await startTailSampling({ ...WAIT, policies: [ERRORS] })
  tail.send({ trace: 1, error: true }, { trace: 2 })
  await tail.clock.advance(6000)

  tail.send({ trace: 1, parent: CHILD }, { trace: 2, parent: CHILD, error: true })

  assert.deepEqual(tail.kept(), [1, 1])
  assert.equal(tail.meter.total('otelcol_processor_tail_sampling_new_trace_id_received'), 2)
  await tail.clock.advance(6000)
  assert.deepEqual(tail.kept(), [1, 1])
  await tail.finish()
})

test('the decision cache outlives num_traces', async () => {
  const tail = await startTailSampling({
    ...WAIT,
    num_traces: 1,
    decision_cache: { sampled_cache_size: 10, non_sampled_cache_size: 10 },
    policies: [ERRORS],
  })
  tail.send({ trace: 1, error: true })
  await tail.clock.advance(6000)
  tail.send({ trace: 2 })
  await tail.clock.advance(6000)

  tail.send({ trace: 1, parent: CHILD }, { trace: 2, parent: CHILD, error: true })

  assert.deepEqual(tail.kept(), [1, 1])
  const releases = 'otelcol_processor_tail_sampling_early_releases_from_cache_decision'
  assert.equal(tail.meter.values.get(`${releases}{sampled=true}`)?.value, 1)
  assert.equal(tail.meter.values.get(`${releases}{sampled=false}`)?.value, 1)
  await tail.finish()
})

test('beyond num_traces decided traces are forgotten first, then undecided ones are lost and counted', async () => {
  const tail = await startTailSampling({ ...WAIT, num_traces: 3, policies: [ALL] })
  tail.send({ trace: 1 })
  await tail.clock.advance(6000)
  tail.send({ trace: 2 }, { trace: 3 }, { trace: 4 }, { trace: 5 })

  await tail.clock.advance(6000)

  assert.deepEqual(tail.kept(), [1, 3, 4, 5])
  assert.equal(
    tail.meter.total('otelcol_processor_tail_sampling_sampling_trace_dropped_too_early'),
    1,
  )
  assert.deepEqual(tail.ledger.rows()[0].dropped, [
    { stage: 'tail_sampling', reason: 'num_traces', intentional: false, items: 1 },
  ])
  await tail.finish()
})

test('late spans that are on their way out are not taken for undecided ones', async () => {
  const tail = await startTailSampling({
    ...WAIT,
    num_traces: 1,
    decision_cache: { sampled_cache_size: 10 },
    policies: [ALL],
  })
  tail.send({ trace: 1 })
  await tail.clock.advance(6000)

  tail.send({ trace: 1 }, { trace: 2 }, { trace: 3 })
  await tail.clock.advance(6000)

  assert.deepEqual(tail.kept(), [1, 1, 3])
  await tail.finish()
})

test('with block_on_overflow senders wait instead', async () => {
  const tail = await startTailSampling({
    ...WAIT,
    num_traces: 2,
    block_on_overflow: true,
    policies: [ALL],
  })
  tail.send({ trace: 1 }, { trace: 2 })

  const batch = batchOfJson('traces', tracesOf(spanOf({ trace: 3 })))
  assert.equal(tail.sendBatch(batch).kind, 'busy')
  await tail.clock.advance(6000)
  assert.equal(tail.sendBatch(batch).kind, 'accepted')
  await tail.clock.advance(6000)

  assert.deepEqual(tail.kept(), [1, 2, 3])
  await tail.finish()
})

test('a trace beyond maximum_trace_size_bytes goes at once, with what comes later', async () => {
  const tail = await startTailSampling({ ...WAIT, maximum_trace_size_bytes: 500, policies: [ALL] })
  tail.send({ trace: 1 }, { trace: 2 })
  const large = { trace: 1, parent: CHILD, attributes: [text('body', 'x'.repeat(600))] }
  tail.send(large)
  assert.equal(tail.meter.total('otelcol_processor_tail_sampling_traces_dropped_too_large'), 1)

  tail.send({ trace: 1, parent: CHILD })
  await tail.clock.advance(6000)

  assert.deepEqual(tail.kept(), [2])
  await tail.finish()
})

test('decides what is pending at the end, or drops it if it is told to', async () => {
  for (const [drops, expected] of [
    [false, [1]],
    [true, []],
  ] as const) {
    const tail = await startTailSampling({
      ...WAIT,
      drop_pending_traces_on_shutdown: drops,
      policies: [ERRORS],
    })
    tail.send({ trace: 1, error: true }, { trace: 2 })
    await tail.processor.stop(AbortSignal.timeout(1000))

    assert.deepEqual(tail.kept(), expected)
    assert.equal(tail.send({ trace: 3 }).kind, 'busy')
    await tail.finish()
  }
})

test('waits with what it keeps while the next stage is busy, and answers busy when too much waits', async () => {
  const tail = await startTailSampling({ ...WAIT, num_traces: 100_000, policies: [ALL] })
  tail.next.answer = () => busy(500)
  for (let round = 0; round < 4; round++) {
    const list = Array.from({ length: 10_000 }, (_, i) => spanOf({ trace: round * 10_000 + i + 1 }))
    assert.equal(tail.sendBatch(batchOfJson('traces', tracesOf(...list))).kind, 'accepted')
  }
  await tail.clock.advance(6000)
  assert.equal(tail.send({ trace: 50_000 }).kind, 'busy')

  tail.next.answer = () => ACCEPTED
  await tail.clock.advance(1000)

  assert.equal(tail.next.items, 40_000)
  await tail.finish()
})

test('without room the oldest are decided early, and none is lost', async () => {
  const tail = await startTailSampling({
    ...WAIT,
    num_traces: 100_000,
    policies: [ERRORS],
    memory_limit: '6MiB',
  })
  const pad = [text('pad', 'x'.repeat(1000))]
  for (let round = 0; round < 20; round++) {
    const list = Array.from({ length: 400 }, (_, i) =>
      spanOf({ trace: round * 400 + i + 1, error: i % 10 === 0, attributes: pad }),
    )
    assert.equal(tail.sendBatch(batchOfJson('traces', tracesOf(...list))).kind, 'accepted')
    await tail.clock.advance(1)
  }

  assert.ok(tail.meter.total('millrace_tail_sampling_traces_decided_early') > 2000)
  await tail.clock.advance(6000)
  assert.equal(tail.next.items, 800)
  await tail.finish()
})

test('a batch that can never fit is refused for good, and nothing is decided early for it', async () => {
  const tail = await startTailSampling({ ...WAIT, policies: [ERRORS], memory_limit: '4MiB' })
  tail.send({ trace: 1, error: true })
  const pad = [text('pad', 'x'.repeat(100_000))]
  const list = Array.from({ length: 50 }, (_, i) => spanOf({ trace: 2 + i, attributes: pad }))
  const batch = batchOfJson('traces', tracesOf(...list))

  const outcome = tail.sendBatch(batch)

  assert.equal(outcome.kind, 'refused')
  batch.release()
  assert.equal(tail.meter.total('millrace_tail_sampling_traces_decided_early'), 0)
  await tail.finish()
})

test('a span that says no times makes no trace slow when it comes first, as upstream', async () => {
  const slow = { name: 'slow', type: 'latency', latency: { threshold_ms: 100 } }
  const unset = { trace: 1, startTimeUnixNano: '0', endTimeUnixNano: '0' }
  for (const isFirst of [true, false]) {
    const tail = await startTailSampling({ ...WAIT, policies: [slow] })
    const spans = [unset, { trace: 1, endMs: 1 }]
    for (const span of isFirst ? spans : spans.reverse()) tail.send(span)
    await tail.clock.advance(6000)
    assert.equal(tail.next.items, isFirst ? 0 : 2)
    await tail.finish()
  }
})

test('spans without a trace id are one trace', async () => {
  const tail = await startTailSampling({ ...WAIT, policies: [ERRORS] })
  const nobody = { spanId: '0000000000000001', name: 'x' }
  tail.sendBatch(batchOfJson('traces', tracesOf(nobody, { ...nobody, status: { code: 2 } })))

  await tail.clock.advance(6000)

  assert.equal(tail.next.items, 2)
  await tail.finish()
})

test('asked as spans come, a piece that samples is enough, and what no piece sampled goes in the end', async () => {
  const tail = await startTailSampling({
    ...WAIT,
    sampling_strategy: 'span-ingest',
    policies: [ERRORS],
  })
  tail.send({ trace: 1 }, { trace: 2 })
  assert.deepEqual(tail.kept(), [])

  tail.send({ trace: 1, error: true })
  assert.deepEqual(tail.kept(), [1, 1])
  tail.send({ trace: 1 })
  assert.deepEqual(tail.kept(), [1, 1, 1])
  await tail.clock.advance(6000)

  assert.deepEqual(tail.kept(), [1, 1, 1])
  assert.equal(tail.meter.total('otelcol_processor_tail_sampling_global_count_traces_sampled'), 2)
  await tail.finish()
})

test('up to version 0.112 an inverted policy that says no outranks the others', async () => {
  for (const [semantics, expected] of [
    ['current', [1]],
    ['v0.112', []],
  ] as const) {
    const inverted = { key: 'k', values: ['v'], invert_match: true }
    const tail = await startTailSampling({
      ...WAIT,
      policy_semantics: semantics,
      policies: [ALL, { name: 'not-v', type: 'string_attribute', string_attribute: inverted }],
    })
    tail.send({ trace: 1, attributes: [text('k', 'v')] })
    await tail.clock.advance(6000)

    assert.deepEqual(tail.kept(), expected)
    await tail.finish()
  }
})

test('with use_tracestate kept spans say how likely their trace was to be kept', async () => {
  const half = { name: 'half', type: 'probabilistic', probabilistic: { sampling_percentage: 50 } }
  const tail = await startTailSampling({ ...WAIT, use_tracestate: true, policies: [half, ERRORS] })
  const states = ['ot=rv:c0000000000000', 'ot=rv:40000000000000', 'ot=th:c;rv:f0000000000000']
  tail.send(...states.map((traceState, i) => ({ trace: i + 1, traceState })))
  tail.send({ trace: 2, error: true })

  await tail.clock.advance(6000)

  const kept = tail.next.batches.flatMap(
    batch => jsonOf(batch).resourceSpans[0].scopeSpans[0].spans,
  )
  assert.deepEqual(
    kept.map(({ traceState }: { traceState: string }) => traceState),
    ['ot=rv:c0000000000000;th:8', 'ot=rv:40000000000000;th:0', 'ot=th:0', states[2]],
  )
  await tail.finish()
})
