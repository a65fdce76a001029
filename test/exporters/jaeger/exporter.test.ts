/** What the jaeger exporter sends, and what each answer of a collector means for the data. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { Factory } from '../../../src/core/factory.ts'
import { factory as typed } from '../../../src/exporters/jaeger/factory.ts'
import { GRPC } from '../../../src/net/status.ts'
import { answerOk, answerStatus, type Call, startHttp2Backend } from '../../net/http2-backend.ts'
import { encode } from '../../otlp/oracle.ts'
import { decodeJaeger } from '../../translate/jaeger/oracle.ts'
import { acceptBatch } from '../batch-of.ts'
import { counts, type OtlpKit, startOtlpExporter } from '../otlp-kit.ts'

const factory = typed as Factory
const tls = { insecure: true }
const PATH = '/jaeger.api_v2.CollectorService/PostSpans'

// biome-ignore lint/suspicious/noExplicitAny: protobufjs's shape
const batchOf = ({ message }: Call): any => decodeJaeger('PostSpansRequest', message).batch

test('posts a batch for each resource to the api_v2 service', async t => {
  const backend = await startHttp2Backend(t)
  const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

  const outcome = await deliver(kit, [
    ['cart', 2],
    ['shop', 3],
  ])

  assert.equal(outcome, 'accepted')
  const batches = backend.calls.map(batchOf)
  const seen = batches.map(({ process, spans }) => [process.service_name, spans.length])
  assert.deepEqual(seen.sort(), [
    ['cart', 2],
    ['shop', 3],
  ])
  for (const { headers, flag } of backend.calls) {
    assert.equal(headers[':path'], PATH)
    assert.equal(headers['content-type'], 'application/grpc')
    assert.equal(headers['grpc-encoding'], undefined)
    assert.equal(flag, 0)
  }
  assert.deepEqual(counts(kit), { sent: 5 })
})

test('compresses and sends the metadata that the configuration names', async t => {
  const backend = await startHttp2Backend(t)
  const endpoint = `http://127.0.0.1:${backend.port}`
  const config = { endpoint, compression: 'gzip', headers: { 'X-Tenant': 'shop' } }
  const kit = await startOtlpExporter(t, factory, config)

  await kit.deliver('traces', 1, 20)

  const [{ headers, message, flag }] = backend.calls
  assert.equal(headers['x-tenant'], 'shop')
  assert.equal(headers['grpc-encoding'], 'gzip')
  assert.equal(flag, 1)
  const { batch } = decodeJaeger('PostSpansRequest', gunzipSync(message))
  assert.equal(batch.spans.length, 20)
})

test('cuts what is over the limit between spans, to the byte', async t => {
  const backend = await startHttp2Backend(t)
  const endpoint = `127.0.0.1:${backend.port}`
  const kit = await startOtlpExporter(t, factory, { endpoint, tls, max_request_bytes: 5000 })

  assert.equal(await deliver(kit, [['cart', 300]]), 'accepted')

  assert.ok(backend.calls.every(({ message }) => message.length <= 5000))
  assert.ok(backend.calls.filter(({ message }) => message.length > 4500).length > 3)
  const spans = backend.calls.flatMap(call => batchOf(call).spans)
  const ids = new Set(spans.map(span => span.span_id.toString('hex')))
  assert.equal(spans.length, 300)
  assert.equal(ids.size, 300)
  assert.ok(backend.calls.every(call => batchOf(call).process.service_name === 'cart'))
})

test('stays below the four MiB that Jaeger reads', async t => {
  const backend = await startHttp2Backend(t)
  const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

  assert.equal(await deliver(kit, [['cart', 60]], 'x'.repeat(100_000)), 'accepted')

  assert.equal(backend.calls.length, 2)
  assert.ok(backend.calls.every(({ message }) => message.length <= 4 << 20))
  assert.deepEqual(counts(kit), { sent: 60 })
})

test('halves what the server finds larger than it reads', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = call => {
    if (call.message.length <= 10_000) answerOk(call)
    else {
      const text = `grpc: received message larger than max (${call.message.length} vs. 10000)`
      answerStatus(call, GRPC.RESOURCE_EXHAUSTED, { 'grpc-message': text })
    }
  }
  const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

  assert.equal(await deliver(kit, [['cart', 200]]), 'accepted')

  const taken = backend.calls.filter(({ message }) => message.length <= 10_000)
  assert.equal(taken.flatMap(call => batchOf(call).spans).length, 200)
  assert.deepEqual(counts(kit), { sent: 200 })
})

test('repeats only the resources that were not delivered', async t => {
  const backend = await startHttp2Backend(t)
  const failed = new Set<string>()
  backend.answer = call => {
    const name: string = batchOf(call).process.service_name
    if (name !== 'shop' || failed.has(name)) answerOk(call)
    else {
      failed.add(name)
      answerStatus(call, GRPC.UNAVAILABLE, { 'grpc-message': 'busy' })
    }
  }
  const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

  const outcome = await deliver(kit, [
    ['cart', 2],
    ['shop', 3],
    ['stock', 1],
  ])

  assert.equal(outcome, 'accepted')
  const names = backend.calls.map(call => batchOf(call).process.service_name)
  assert.deepEqual(names.sort(), ['cart', 'shop', 'shop', 'stock'])
  assert.deepEqual(counts(kit), { sent: 6 })
})

test('takes spans without valid ids out and sends the others', async t => {
  const backend = await startHttp2Backend(t)
  const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

  const outcome = await deliver(kit, [
    ['', 1],
    ['cart', 2],
  ])

  assert.equal(outcome, 'refused')
  assert.equal(backend.calls.length, 1)
  assert.deepEqual(counts(kit), { sent: 2 })
})

for (const [name, why] of [
  ['INVALID_ARGUMENT', 'bad_data'],
  ['UNAUTHENTICATED', 'unauthenticated'],
  ['PERMISSION_DENIED', 'permission_denied'],
  ['UNIMPLEMENTED', 'unimplemented'],
  ['INTERNAL', 'rejected'],
] as const) {
  test(`gives up after ${name}`, async t => {
    const backend = await startHttp2Backend(t)
    backend.answer = call => answerStatus(call, GRPC[name], { 'grpc-message': 'because' })
    const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

    const outcome = await kit.deliver('traces', 1, 1)

    assert.equal(outcome, `refused: ${why}: ${name}: because`)
  })
}

test('does not start without an endpoint', () => {
  const parse = (config: object): boolean => {
    const { success, data } = factory.config.schema.safeParse(config)
    return success && factory.config.check?.(data).length === 0
  }

  assert.equal(parse({}), false)
  assert.equal(parse({ endpoint: 'jaeger' }), false)
  assert.equal(parse({ endpoint: 'jaeger:14250', compression: 'lz4' }), false)
  assert.equal(parse({ endpoint: 'jaeger:14250', sending_queue: null }), true)
})

/** A resource for each name, with so many spans; those of the empty name have no trace id. */
async function deliver(
  { exporter, services }: OtlpKit,
  groups: readonly (readonly [name: string, spans: number])[],
  text = 'x',
): Promise<string> {
  const resourceSpans = groups.map(([name, count]) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: name } }] },
    scopeSpans: [{ spans: Array.from({ length: count }, (_, i) => span(name, i + 1, text)) }],
  }))
  const { batch } = acceptBatch(services, 'traces', encode('TracesRequest', { resourceSpans }))
  const outcome = await exporter.consume(batch)
  const isTaken = outcome.kind === 'refused' && outcome.items < batch.items
  if (outcome.kind !== 'accepted' && !isTaken) batch.release()
  return outcome.kind
}

function span(name: string, n: number, text: string): object {
  const spanId = Buffer.alloc(8, 1)
  spanId.writeUInt32BE(n, 0)
  return {
    traceId: name === '' ? Buffer.alloc(16) : Buffer.alloc(16, 5),
    spanId,
    name: `span ${n}`,
    startTimeUnixNano: '1700000000000000000',
    endTimeUnixNano: '1700000000250000000',
    attributes: [{ key: 'text', value: { stringValue: text } }],
  }
}
