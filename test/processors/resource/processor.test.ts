/** `resource`: actions reach the attributes of resources in all signals, and nothing else. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { validateComponentConfig } from '../../../src/config/judge.ts'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../../src/core/batch.ts'
import { Payload } from '../../../src/core/payload.ts'
import { SIGNALS, type Signal } from '../../../src/core/signal.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import { config as spec } from '../../../src/processors/resource/config.ts'
import { factory } from '../../../src/processors/resource/factory.ts'
import { ResourceProcessor } from '../../../src/processors/resource/processor.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { arbitraryRequest, requestOf } from '../../otlp/request-models.ts'
import { batchOfJson, jsonOf, text } from '../request-batch.ts'

function start(attributes: readonly object[], signal: Signal) {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const config = spec.schema.parse({ attributes })
  const context = { ...services, id: 'resource', config, signals: [signal] }
  return { ...services, next, processor: new ResourceProcessor(context, next) }
}

const ACTIONS = [
  { action: 'upsert', key: 'env', value: 'live' },
  { action: 'insert', key: 'name', from_attribute: 'old' },
  { action: 'delete', key: 'old' },
]

const RESOURCES = [{ attributes: [text('old', 'x'), text('env', 'test')] }, {}]

const REQUESTS: Readonly<Record<Signal, object>> = {
  traces: {
    resourceSpans: RESOURCES.map(resource => ({
      resource,
      scopeSpans: [{ spans: [{ attributes: [text('old', 'stays')] }] }],
    })),
  },
  metrics: {
    resourceMetrics: RESOURCES.map(resource => ({
      resource,
      scopeMetrics: [
        { metrics: [{ gauge: { dataPoints: [{ attributes: [text('old', 'stays')] }] } }] },
      ],
    })),
  },
  logs: {
    resourceLogs: RESOURCES.map(resource => ({
      resource,
      scopeLogs: [{ logRecords: [{ attributes: [text('old', 'stays')] }] }],
    })),
  },
}

for (const signal of SIGNALS) {
  test(`changes resources of ${signal}, and the ledger stays balanced`, async () => {
    const { processor, next, ledger } = start(ACTIONS, signal)
    ledger.accepted('default', signal, 2)

    await processor.consume(batchOfJson(signal, REQUESTS[signal]))

    const [groups] = Object.values(jsonOf(next.batches[0])) as [{ resource: object }[]]
    assert.deepEqual(
      groups.map(({ resource }) => resource),
      [
        { attributes: [text('env', 'live'), text('name', 'x')] },
        { attributes: [text('env', 'live')] },
      ],
    )
    assert.match(JSON.stringify(groups), /stays.*stays/)
    ledger.sent('default', signal, 2)
    assertBalanced(ledger)
  })

  test(`a resource attribute that comes and goes leaves all bytes of ${signal} as they were`, () => {
    const key = 'mark that nothing else has'
    const run = (bytes: Uint8Array, action: object): Uint8Array => {
      const { processor, next } = start([{ key, ...action }], signal)
      const { index } = requestOf(signal, bytes)
      const part = { payload: new Payload(bytes), index, selection: null, edits: null }
      const parts = [{ ...part, items: index.items }]
      void processor.consume(new Batch(signal, DEFAULT_TENANT, NO_CONTEXT, parts))
      return Buffer.from(flatten(encodeParts(next.batches[0].parts)))
    }
    fc.assert(
      fc.property(arbitraryRequest(signal), ({ bytes }) => {
        // Once each group has a resource, if only an empty one.
        const whole = run(run(bytes, { action: 'insert', value: 1 }), { action: 'delete' })

        const marked = run(whole, { action: 'insert', value: 1 })

        assert.notDeepEqual(marked, whole)
        assert.deepEqual(run(marked, { action: 'delete' }), whole)
        assert.deepEqual(run(bytes, { action: 'update', value: 1 }), Buffer.from(bytes))
      }),
      { numRuns: 60 },
    )
  })
}

test('refuses a section without actions, and bad ones, at load', () => {
  const problemsOf = (section: object) =>
    validateComponentConfig(factory, section).map(p => `${p.path}: ${p.message}`)

  assert.match(problemsOf({}).join('\n'), /attributes: .*missing/)
  assert.match(problemsOf({ attributes: [{ action: 'hash' }] }).join('\n'), /attributes\.0\.key/)
  assert.match(problemsOf({ actions: [] }).join('\n'), /actions/)
})
