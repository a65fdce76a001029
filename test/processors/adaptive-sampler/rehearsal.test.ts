import assert from 'node:assert/strict'
import test from 'node:test'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { config as spec } from '../../../src/processors/adaptive-sampler/config.ts'
import { madeUpTraces } from '../../../src/processors/adaptive-sampler/made-up-traces.ts'
import { rehearse } from '../../../src/processors/adaptive-sampler/rehearsal.ts'
import { HeuristicModel } from '../../../src/sampler/models/hand-made.ts'
import type { Model } from '../../../src/sampler/models/model.ts'
import { VECTOR_NAMES } from '../../../src/sampler/observe/vector.ts'
import { fakeServices } from '../../../src/testing/fakes.ts'
import { shopTrace, startSampler, traceId } from './kit.ts'

const TRACES = 3000

test('the first sampler of a process keeps what a later one keeps, and the rehearsal is on no book', async t => {
  const first = await startSampler(t)
  assert.deepEqual(first.ledger.rows(), [])
  assert.equal(first.next.batches.length, 0)
  for (const [series, { value }] of first.meter.values) assert.equal(value, 0, series)
  const later = await startSampler(t)
  // The first page of the table of traces, nothing else.
  assert.equal(first.memory.reservedBytes, later.memory.reservedBytes)

  for (const { send, decide } of [first, later]) {
    for (let n = 0; n < TRACES; n++) send(shopTrace(n, { slow: n % 50 === 0 ? 90_000 : 0 }))
    await decide()
  }

  assert.ok(first.keptTraces().size > 0)
  assert.deepEqual(first.keptTraces(), later.keptTraces())
  assert.equal(first.keptTraces().has(traceId(TRACES)), false)
})

test('a process rehearses once', async () => {
  const config = spec.schema.parse({})
  const model: Model = new HeuristicModel(VECTOR_NAMES)
  const context = { ...fakeServices(), id: 'adaptive_sampler', config, signals: [] }

  assert.equal(await rehearse(context, model), 0, 'the test above started samplers')
})

test('made-up traces are a request of whole traces, the same for the same numbers', () => {
  const bytes = madeUpTraces(7, 5)
  const index = indexRequest('traces', bytes)

  assert.ok(!isWireFault(index))
  assert.equal(index.items, 5 * 8)
  assert.deepEqual(bytes, madeUpTraces(7, 5))
  assert.notDeepEqual(bytes, madeUpTraces(8, 5))
})
