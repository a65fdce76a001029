/** Metrics of `tail_sampling`: upstream's are all there under their names and labels, and count what upstream's do. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { TAIL_SAMPLING_METRICS } from '../../../src/processors/tail-sampling/metrics.ts'
import { startTailSampling } from './harness.ts'

const PREFIX = 'otelcol_processor_tail_sampling_'
const ALL = { name: 'all', type: 'always_sample' }
const WAIT = { decision_wait: '5s' }

const BY_POLICY = ['policy', 'sampled', 'decision']
/** Of upstream's metadata.yaml, and `sampling_decision_latency` that it had before. */
const UPSTREAM: readonly [name: string, type: string, labels: readonly string[]][] = [
  ['count_bytes_sampled', 'counter', BY_POLICY],
  ['count_spans_sampled', 'counter', BY_POLICY],
  ['count_spans_with_unparseable_tracestate', 'counter', []],
  ['count_traces_sampled', 'counter', BY_POLICY],
  ['early_releases_from_cache_decision', 'counter', ['sampled']],
  ['global_count_traces_sampled', 'counter', ['sampled', 'decision']],
  ['new_trace_id_received', 'counter', []],
  ['sampling_decision_latency', 'histogram', ['policy']],
  ['sampling_decision_timer_latency', 'histogram', []],
  ['sampling_late_span_age', 'histogram', []],
  ['sampling_policy_evaluation_error', 'counter', []],
  ['sampling_policy_execution_count', 'counter', ['policy']],
  ['sampling_policy_execution_time_sum', 'counter', ['policy']],
  ['sampling_trace_dropped_too_early', 'counter', []],
  ['sampling_trace_removal_age', 'histogram', []],
  ['sampling_traces_on_memory', 'gauge', []],
  ['traces_dropped_too_large', 'counter', []],
]

test('has every metric of upstream with its type and labels', () => {
  const ours = TAIL_SAMPLING_METRICS.filter(({ name }) => name.startsWith(PREFIX)).map(
    ({ name, type, labels }) => [name.slice(PREFIX.length), type, labels],
  )

  assert.deepEqual(ours.sort(), UPSTREAM)
})

test('the latency of a policy is observed for one in 64 of its runs', async () => {
  const tail = await startTailSampling({ ...WAIT, policies: [ALL] })
  tail.send(...Array.from({ length: 65 }, (_, i) => ({ trace: i + 1 })))

  await tail.clock.advance(6000)

  assert.equal(tail.meter.total(`${PREFIX}sampling_policy_execution_count`), 65)
  assert.equal(tail.meter.total(`${PREFIX}sampling_decision_latency`), 2)
  await tail.finish()
})

test('spans whose trace state cannot be read are counted where a threshold is written', async () => {
  const states = ['no state at all', 'ot=th:zz', 'ot=th:8', '']
  for (const [use_tracestate, expected] of [
    [true, 3],
    [false, 0],
  ]) {
    const tail = await startTailSampling({ ...WAIT, use_tracestate, policies: [ALL] })
    tail.send(...states.map((traceState, i) => ({ trace: i + 1, traceState })))
    tail.send({ trace: 1, traceState: states[0] })

    await tail.clock.advance(6000)

    assert.equal(tail.meter.total(`${PREFIX}count_spans_with_unparseable_tracestate`), expected)
    await tail.finish()
  }
})

test('the age of a trace that is decided while it comes is observed when it is decided', async () => {
  const tail = await startTailSampling({
    ...WAIT,
    sampling_strategy: 'span-ingest',
    policies: [ALL],
  })
  tail.send({ trace: 1 })
  tail.send({ trace: 1 })

  assert.deepEqual(tail.kept(), [1, 1])
  assert.equal(tail.meter.total(`${PREFIX}sampling_trace_removal_age`), 1)
  await tail.finish()
})
