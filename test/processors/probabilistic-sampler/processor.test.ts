/** `probabilistic_sampler`: shares, marks, and that what it lets go is booked once. Details are judged against the Go collector. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { ACCEPTED, busy, refused } from '../../../src/core/outcome.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { TracesView } from '../../../src/otlp/traces-view.ts'
import { config as spec } from '../../../src/processors/probabilistic-sampler/config.ts'
import { ProbabilisticSampler } from '../../../src/processors/probabilistic-sampler/processor.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { indexOf, makeTraces } from './spans.ts'

function start(section: object) {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const config = spec.schema.parse(section)
  const id = 'probabilistic_sampler'
  const processor = new ProbabilisticSampler({ ...services, id, config, signals: ['traces'] }, next)
  return { ...services, next, processor }
}

for (const mode of ['hash_seed', 'proportional', 'equalizing']) {
  test(`keeps about the asked share in mode ${mode} and marks what it keeps`, () => {
    const { processor, next, ledger, meter } = start({ mode, sampling_percentage: 25 })
    const batch = makeTraces(2000)
    ledger.accepted('default', 'traces', 2000)

    assert.deepEqual(processor.consume(batch), ACCEPTED)

    const [kept] = next.batches
    assert.ok(Math.abs(kept.items - 500) < 100, `${kept.items} of 2000 kept`)
    for (const state of traceStates(flatten(encodeParts(kept.parts)), kept.items)) {
      assert.match(state, /^ot=(rv:[0-9a-f]{14};)?th:c$/)
    }
    assert.equal(meter.total('otelcol_processor_probabilistic_sampler_count_traces_sampled'), 2000)
    ledger.sent('default', 'traces', kept.items)
    assertBalanced(ledger)
  })
}

test('books nothing as dropped when the next stage is busy, and keeps the same spans at the next try', async () => {
  const { processor, next, ledger, meter } = start({ sampling_percentage: 50 })
  let frees = 0
  const batch = makeTraces(100, () => frees++)
  ledger.accepted('default', 'traces', 100)

  next.answer = () => busy(7)
  assert.deepEqual(processor.consume(batch), busy(7))
  assert.deepEqual(ledger.rows()[0].dropped, [])
  next.answer = () => ACCEPTED
  await processor.consume(batch)

  // The first try does not count: the batch came again.
  assert.equal(meter.total('otelcol_processor_probabilistic_sampler_count_traces_sampled'), 100)
  ledger.sent('default', 'traces', next.items)
  assertBalanced(ledger)
  next.releaseAll()
  assert.equal(frees, 1)
})

test('a refusal of what is left is a refusal of the whole batch, which stays with the caller', () => {
  const { processor, next } = start({ sampling_percentage: 50 })
  let frees = 0
  const batch = makeTraces(100, () => frees++)
  next.answer = left => refused(left.items, 'too_large', 'no')

  assert.deepEqual(processor.consume(batch), refused(100, 'too_large', 'no'))

  assert.equal(frees, 0)
  batch.release()
  assert.equal(frees, 1)
})

test('lets a batch of which nothing is kept end there', () => {
  const { processor, next, ledger } = start({ sampling_percentage: 0 })
  let frees = 0
  ledger.accepted('default', 'traces', 10)

  assert.equal(processor.consume(makeTraces(10, () => frees++)), ACCEPTED)

  assert.equal(next.batches.length, 0)
  assert.equal(frees, 1)
  const drop = { stage: 'probabilistic_sampler', reason: 'not_sampled' }
  assert.deepEqual(ledger.rows()[0].dropped, [{ ...drop, intentional: true, items: 10 }])
  assertBalanced(ledger)
})

test('refuses what upstream refuses', () => {
  for (const section of [
    { sampling_percentage: -1 },
    { sampling_percentage: 1e-18 },
    { sampling_percentage: 'x' },
    { sampling_precision: 0 },
    { sampling_precision: 15 },
    { attribute_source: 'span' },
    { mode: 'random' },
  ]) {
    assert.equal(spec.schema.safeParse(section).success, false, JSON.stringify(section))
  }
})

function traceStates(bytes: Uint8Array, items: number): string[] {
  const view = new TracesView()
  view.reset(bytes, indexOf(bytes))
  return Array.from({ length: items }, (_, i) => view.moveTo(i).traceState)
}
