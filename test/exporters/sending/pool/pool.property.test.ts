/** Whatever endpoints answer, in whatever order, with whatever settings: every item arrives once, and nothing gets stuck. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { grpcEndpoint, section } from '../../../../src/config/fields.ts'
import type { Component } from '../../../../src/core/component.ts'
import { sendingFields } from '../../../../src/exporters/sending/config.ts'
import { createSendingExporter } from '../../../../src/exporters/sending/exporter.ts'
import { endpointsFields } from '../../../../src/exporters/sending/pool/config.ts'
import { createSender } from '../../../../src/exporters/sending/pool/create.ts'
import type { SendResult } from '../../../../src/exporters/sending/sender.ts'
import { flatten } from '../../../../src/otlp/encode.ts'
import { fakeHost, fakeServices, settle } from '../../../../src/testing/fakes.ts'
import { itemsOf } from '../../../harness/backend.ts'
import { sampleRequest } from '../../../harness/samples.ts'
import { decode } from '../../../otlp/oracle.ts'
import { acceptBatch, type TestBatch } from '../../batch-of.ts'
import { FakeStorage } from '../fake-storage.ts'
import { FakeEndpoint, type OpenRequest, SENT } from './kit.ts'

const TRACES = 7

const answer: fc.Arbitrary<SendResult> = fc.constantFrom<SendResult>(
  SENT,
  SENT,
  { kind: 'retry', message: 'down' },
  { kind: 'retry', afterMs: 500, message: 'slower' },
  { kind: 'retry', message: 'no credentials', isOurs: true },
)

type Step =
  | { readonly do: 'feed'; readonly tenant: string }
  | { readonly do: 'answer'; readonly endpoint: number; readonly result: SendResult }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'names'; readonly addresses: readonly string[] }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('feed' as const), tenant: fc.constantFrom('a', 'b') }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      endpoint: fc.nat(5),
      result: answer,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(50, 500, 5000, 31_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('names' as const),
      addresses: fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3']),
    }),
  },
)

const optional = (value: object) => fc.constantFrom(undefined, value)

const balancing = fc.record({
  strategy: fc.constantFrom(
    'round_robin',
    'weighted',
    'least_requests',
    'latency',
    'consistent_hash',
  ),
  max_tries: fc.constantFrom(1, 3),
  try_timeout: fc.constantFrom('0s', '2s'),
  panic_threshold: fc.constantFrom(0, 60),
  resolve: optional({ interval: '1s' }),
  passive_health_check: optional({ consecutive_failures: 1 }),
  outlier_ejection: optional({ interval: '1s', min_requests: 1 }),
  circuit_breaker: fc.record({
    enabled: fc.boolean(),
    consecutive_failures: fc.constantFrom(1, 3),
  }),
  adaptive_concurrency: fc.constantFrom(
    undefined,
    { initial: 1, min: 1, max: 2 },
    { algorithm: 'aimd', initial: 2, max: 4 },
  ),
})

const config = fc.record({
  endpoints: fc.constant(['gateways:1', '192.0.2.1:1', '192.0.2.2:1']),
  balancing: fc
    .tuple(balancing, fc.boolean())
    .map(([value, byTrace]) =>
      value.strategy === 'consistent_hash' && byTrace ? { ...value, hash_on: 'trace_id' } : value,
    ),
  timeout: fc.constantFrom('5s', '0s'),
  max_request_bytes: fc.constantFrom(0, 900),
  sending_queue: fc.record({
    num_consumers: fc.constantFrom(1, 4),
    queue_size: fc.constant(1000),
    storage: fc.constantFrom(undefined, 'disk'),
    batch: fc.constantFrom(undefined, { min_size: 60, max_size: 80 }),
  }),
  retry_on_failure: fc.constant({
    max_elapsed_time: '0s',
    initial_interval: '100ms',
    max_interval: '1s',
  }),
})

interface World {
  readonly made: FakeEndpoint[]
  /** Items by span id as endpoints have taken them. */
  readonly taken: Map<string, number>
}

/** The endpoint takes what it says it takes. */
function settleOne({ taken }: World, { encoded, answer }: OpenRequest, result: SendResult): void {
  if (result.kind === 'sent') {
    const { chunks, byteLength } = encoded
    const message = decode('TracesRequest', flatten({ chunks: [...chunks], byteLength }))
    for (const { spanId } of itemsOf('traces', message)) {
      const id = (spanId as Buffer).toString('hex')
      taken.set(id, (taken.get(id) ?? 0) + 1)
    }
  }
  answer(result)
}

async function start(value: object) {
  const services = fakeServices()
  const parsed = section({ ...endpointsFields(grpcEndpoint()), ...sendingFields() }).parse(value)
  const context = { ...services, id: 'pooled', config: parsed, signals: ['traces'] as const }
  const world: World = { made: [], taken: new Map() }
  const names = { addresses: ['10.0.0.1', '10.0.0.2'] as readonly string[] }
  const sender = createSender(context, {
    kind: 'grpc',
    endpoint: undefined,
    tls: undefined,
    random: () => 0.5,
    lookup: async () => names.addresses,
    create: place => {
      const endpoint = new FakeEndpoint(place)
      endpoint.reply = null
      world.made.push(endpoint)
      return endpoint
    },
  })
  const exporter = createSendingExporter(context, parsed, sender, { random: () => 0.5 })
  await exporter.start(fakeHost(new Map<string, Component>([['disk', new FakeStorage()]])))
  return { services, world, names, exporter }
}

test('every item arrives once, the book is right after every step, and all is delivered when endpoints are well', async () => {
  await fc.assert(
    fc.asyncProperty(config, fc.array(step, { maxLength: 40 }), async (settings, steps) => {
      const { services, world, names, exporter } = await start(settings)
      const fed: TestBatch[] = []
      for (const action of steps) {
        if (action.do === 'feed') {
          const requests = Array.from({ length: TRACES }, (_, i) =>
            sampleRequest('traces', fed.length * TRACES + i),
          )
          const bytes = Buffer.concat(requests.map(each => each.bytes))
          const made = acceptBatch(services, 'traces', bytes, null, action.tenant)
          fed.push(made)
          const outcome = await exporter.consume(made.batch)
          assert.equal(outcome.kind, 'accepted')
        } else if (action.do === 'advance') await services.clock.advance(action.ms)
        else if (action.do === 'names') names.addresses = action.addresses
        else {
          const open = world.made[action.endpoint % world.made.length].open[0]
          if (open !== undefined) settleOne(world, open, action.result)
        }
        await settle()
        for (const row of services.ledger.rows()) assert.ok(row.balanced, JSON.stringify(row))
      }

      for (let i = 0; i < 400; i++) {
        for (const { open } of world.made)
          for (const each of [...open]) settleOne(world, each, SENT)
        await services.clock.advance(500)
      }

      const items = fed.length * TRACES * 5
      assert.equal(
        [...world.taken.values()].reduce((sum, n) => sum + n, 0),
        items,
      )
      assert.equal(world.taken.size, items)
      for (const row of services.ledger.rows()) assert.deepEqual([row.held, row.dropped], [0, []])
      await exporter.stop(AbortSignal.abort())
      await settle()
      for (const { freed } of fed) assert.ok(freed())
      assert.ok(world.made.every(({ isStopped }) => isStopped))
      assert.equal(services.clock.pending, 0)
    }),
    { numRuns: 60 },
  )
})
