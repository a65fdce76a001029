/** Requests cut so that each trace goes to one endpoint, through a whole exporter: nothing twice, nothing missing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grpcEndpoint, section } from '../../../../src/config/fields.ts'
import { DEFAULT_TENANT } from '../../../../src/core/batch.ts'
import type { Signal } from '../../../../src/core/signal.ts'
import { sendingFields } from '../../../../src/exporters/sending/config.ts'
import { createSendingExporter } from '../../../../src/exporters/sending/exporter.ts'
import { endpointsFields } from '../../../../src/exporters/sending/pool/config.ts'
import { createSender } from '../../../../src/exporters/sending/pool/create.ts'
import { flatten } from '../../../../src/otlp/encode.ts'
import { REQUEST_MESSAGE } from '../../../../src/otlp/schema.ts'
import { Selection } from '../../../../src/otlp/selection.ts'
import { assertBalanced, fakeHost, fakeServices } from '../../../../src/testing/fakes.ts'
import { itemsOf } from '../../../harness/backend.ts'
import { sampleRequest } from '../../../harness/samples.ts'
import { decode } from '../../../otlp/oracle.ts'
import { acceptBatch } from '../../batch-of.ts'
import { DOWN, FakeEndpoint, SENT } from './kit.ts'

const TRACES = 60
const HASH = { strategy: 'consistent_hash', hash_on: 'trace_id' }

interface Item {
  readonly traceId: Buffer
  readonly spanId?: Buffer
}

/** Hex of the traces that an endpoint has taken, with how many items of each. */
class Taken {
  readonly byEndpoint = new Map<string, Map<string, number>>()

  note(endpoint: string, signal: Signal, bytes: Uint8Array): void {
    const traces = this.byEndpoint.get(endpoint) ?? new Map<string, number>()
    this.byEndpoint.set(endpoint, traces)
    const message = decode(REQUEST_MESSAGE[signal], bytes)
    for (const item of itemsOf(signal, message) as unknown as Item[]) {
      const id = item.traceId?.toString('hex') ?? ''
      traces.set(id, (traces.get(id) ?? 0) + 1)
    }
  }

  get traces(): string[] {
    return [...this.byEndpoint.values()].flatMap(traces => [...traces.keys()])
  }

  get items(): number {
    let sum = 0
    for (const traces of this.byEndpoint.values()) for (const n of traces.values()) sum += n
    return sum
  }
}

async function start(config: object) {
  const services = fakeServices()
  const schema = section({ ...endpointsFields(grpcEndpoint()), ...sendingFields() })
  const parsed = schema.parse({ endpoints: ['a:1', 'b:1', 'c:1'], balancing: HASH, ...config })
  const signals = ['traces', 'metrics', 'logs'] as const
  const context = { ...services, id: 'pooled', config: parsed, signals }
  const endpoints = new Map<string, FakeEndpoint>()
  const taken = new Taken()
  const sender = createSender(context, {
    kind: 'grpc',
    endpoint: undefined,
    tls: undefined,
    create: place => {
      const endpoint = new FakeEndpoint(place)
      endpoint.reply = ({ signal, chunks, byteLength }) => {
        taken.note(place.endpoint, signal, flatten({ chunks: [...chunks], byteLength }))
        return SENT
      }
      endpoints.set(place.endpoint, endpoint)
      return endpoint
    },
  })
  const exporter = createSendingExporter(context, parsed, sender, { random: () => 0.5 })
  await exporter.start(fakeHost())
  return { exporter, services, endpoints, taken }
}

/** One request with many traces of five spans, each trace in a group of its own. */
function manyTraces(signal: Signal = 'traces', n = TRACES): Uint8Array {
  return Buffer.concat(Array.from({ length: n }, (_, i) => sampleRequest(signal, i).bytes))
}

for (const signal of ['traces', 'logs'] as const) {
  test(`${signal} of one trace go to one endpoint, and every item arrives once`, async () => {
    const { exporter, services, taken } = await start({})
    const { batch, freed } = acceptBatch(services, signal, manyTraces(signal))

    await exporter.consume(batch)
    await exporter.stop(new AbortController().signal)

    assert.equal(taken.byEndpoint.size, 3)
    assert.equal(taken.items, TRACES * 5)
    assert.equal(new Set(taken.traces).size, taken.traces.length)
    assert.ok(freed())
    assertBalanced(services.ledger)
  })
}

test('two requests agree about where a trace belongs', async () => {
  const { exporter, services, taken } = await start({})

  for (let i = 0; i < 2; i++) {
    await exporter.consume(acceptBatch(services, 'traces', manyTraces()).batch)
  }
  await exporter.stop(new AbortController().signal)

  assert.equal(new Set(taken.traces).size, taken.traces.length)
  assert.equal(taken.items, 2 * TRACES * 5)
})

test('only items that are still in are sent', async () => {
  const { exporter, services, taken } = await start({})
  const bytes = manyTraces()
  const selection = Selection.all(TRACES * 5)
  for (let i = 0; i < TRACES * 5; i += 3) selection.clear(i)
  const kept = selection.count
  await exporter.consume(acceptBatch(services, 'traces', bytes, selection).batch)
  await exporter.stop(new AbortController().signal)

  assert.equal(taken.items, kept)
  assertBalanced(services.ledger)
})

test('metrics belong to no trace and stay whole', async () => {
  const { exporter, services, endpoints } = await start({})

  await exporter.consume(acceptBatch(services, 'metrics', manyTraces('metrics')).batch)
  await exporter.stop(new AbortController().signal)

  assert.equal(
    [...endpoints.values()].reduce((sum, { requests }) => sum + requests, 0),
    1,
  )
})

test('who waits for the result hears once, when all pieces have arrived', async () => {
  const { exporter, services, endpoints, taken } = await start({
    sending_queue: { wait_for_result: true },
  })
  const c = endpoints.get('c:1')!
  const reply = c.reply
  c.reply = null
  let outcome: string | undefined
  const { batch } = acceptBatch(services, 'traces', manyTraces())

  const consumed = Promise.resolve(exporter.consume(batch)).then(({ kind }) => (outcome = kind))
  await services.clock.advance(0)
  const before = outcome
  const [{ encoded, answer }] = c.open
  answer(reply!(encoded))
  await consumed

  assert.deepEqual([before, outcome], [undefined, 'accepted'])
  assert.equal(taken.items, TRACES * 5)
  assertBalanced(services.ledger)
})

test('traces of an endpoint that fails go to another, and stay together there', async () => {
  const { exporter, services, endpoints, taken } = await start({})
  endpoints.get('a:1')!.reply = () => DOWN

  for (let i = 0; i < 8; i++) {
    await exporter.consume(acceptBatch(services, 'traces', manyTraces()).batch)
    await services.clock.advance(100)
  }
  await services.clock.advance(60_000)
  await exporter.stop(new AbortController().signal)

  assert.equal(taken.items, 8 * TRACES * 5)
  assert.deepEqual([...taken.byEndpoint.keys()].sort(), ['b:1', 'c:1'])
  assertBalanced(services.ledger)
  assert.equal(services.ledger.rows().find(row => row.tenant === DEFAULT_TENANT)!.sent, taken.items)
})
