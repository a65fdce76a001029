/** `filter`, `transform` and `probabilistic_sampler` one after another in a pipeline: each works on what the one before left. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Consumer } from '../../../src/core/component.ts'
import { ACCEPTED } from '../../../src/core/outcome.ts'
import { config as filterSpec } from '../../../src/processors/filter/config.ts'
import { FilterProcessor } from '../../../src/processors/filter/processor.ts'
import { config as samplerSpec } from '../../../src/processors/probabilistic-sampler/config.ts'
import { ProbabilisticSampler } from '../../../src/processors/probabilistic-sampler/processor.ts'
import { config as transformSpec } from '../../../src/processors/transform/config.ts'
import { TransformProcessor } from '../../../src/processors/transform/processor.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { batchOfJson, jsonOf, tracesOf } from '../request-batch.ts'

test('works on batches that carry selections and edits of the stages before', async () => {
  const services = fakeServices()
  const sink = new CollectingConsumer()
  const common = { ...services, signals: ['traces'] as const }
  const filter = (section: object, next: Consumer) =>
    new FilterProcessor({ ...common, id: 'filter', config: filterSpec.schema.parse(section) }, next)
  const transform = (section: object, next: Consumer) => {
    const config = transformSpec.schema.parse(section)
    return new TransformProcessor({ ...common, id: 'transform', config }, next)
  }
  const sampled = samplerSpec.schema.parse({ sampling_percentage: 100, mode: 'proportional' })
  const sampler = new ProbabilisticSampler({ ...common, id: 'sampler', config: sampled }, sink)
  const entry = filter(
    { trace_conditions: ['span.name == "b"'] },
    transform(
      { trace_statements: ['set(span.name, Concat([span.name, "!"], ""))'] },
      filter(
        { trace_conditions: ['span.name == "c!"'] },
        transform({ trace_statements: ['set(resource.attributes["n"], span.name)'] }, sampler),
      ),
    ),
  )
  let frees = 0
  const spans = ['a', 'b', 'c', 'd'].map((name, i) => ({ name, traceId: `${i + 1}`.repeat(32) }))
  const batch = batchOfJson('traces', tracesOf(...spans), () => frees++)
  services.ledger.accepted('default', 'traces', 4)

  assert.equal(await entry.consume(batch), ACCEPTED)

  const [resource] = jsonOf(sink.batches[0]).resourceSpans
  assert.deepEqual(resource.resource.attributes, [{ key: 'n', value: { stringValue: 'd!' } }])
  assert.deepEqual(
    resource.scopeSpans[0].spans.map((s: { name: string; traceState: string }) => [
      s.name,
      s.traceState,
    ]),
    [
      ['a!', 'ot=th:0'],
      ['d!', 'ot=th:0'],
    ],
  )
  services.ledger.sent('default', 'traces', sink.items)
  assertBalanced(services.ledger)
  sink.releaseAll()
  assert.equal(frees, 1)
})
