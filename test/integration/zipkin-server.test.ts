/**
 * The zipkin exporter against a real Zipkin: a rich span as both formats bring it there, lists over Zipkin's limit,
 * compression, and a server that goes away and comes back.
 */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { Factory } from '../../src/core/factory.ts'
import { factory as typed } from '../../src/exporters/zipkin/factory.ts'
import { acceptBatch } from '../exporters/batch-of.ts'
import { counts, type OtlpKit, startOtlpExporter } from '../exporters/otlp-kit.ts'
import { eventually } from '../harness/process.ts'
import { encode } from '../otlp/oracle.ts'
import { lacking } from './peer-cache.ts'
import { startZipkin, type ZipkinPeer, type ZipkinSpan, zipkinJar } from './zipkin-peer.ts'

const factory = typed as Factory
/** On a machine that others use as well. */
const ARRIVES_MS = 30_000
const skip = lacking(zipkinJar)

test('Zipkin stores what the exporter sends', { skip }, async t => {
  const zipkin = await startZipkin(t)
  for (const [n, config] of [
    { format: 'json' },
    { format: 'proto' },
    { format: 'json', compression: 'gzip' },
    { format: 'proto', compression: 'gzip' },
  ].entries()) {
    await t.test(`Zipkin stores a span with all it has: ${JSON.stringify(config)}`, async t => {
      const kit = await startExporter(t, zipkin, config)
      const traceId = Buffer.alloc(16, 0x21 + n)

      assert.equal(await deliver(kit, requestOf([rich(traceId)])), 'accepted')

      const [span] = await stored(traceId, 1, zipkin)
      assert.deepEqual(span, {
        traceId: traceId.toString('hex'),
        parentId: '2222222222222222',
        id: '1111111111111111',
        kind: 'CLIENT',
        name: 'get /orders',
        timestamp: 1_700_000_000_000_000,
        duration: 250_000,
        localEndpoint: { serviceName: 'shop', ipv4: '10.0.0.1', port: 8080 },
        remoteEndpoint: { serviceName: 'orders', ipv6: '2001:db8::1', port: 443 },
        annotations: [{ timestamp: 1_700_000_000_100_000, value: '"retry": {"n":1}' }],
        tags: {
          'host.name': 'h',
          'otel.scope.name': 'lib',
          'http.request.method': 'GET',
          'otel.status_code': 'ERROR',
          error: 'boom',
          'w3c.tracestate': 'k=v',
        },
      })
    })
  }

  await t.test('Zipkin takes a list over its limit in pieces', async t => {
    const kit = await startExporter(t, zipkin, {})
    const traceId = Buffer.alloc(16, 0x41)
    const spans = Array.from({ length: 150 }, (_, i) => ({
      ...rich(traceId),
      spanId: idOf(i + 1),
      attributes: [{ key: 'text', value: { stringValue: 'x'.repeat(100_000) } }],
    }))

    assert.equal(await deliver(kit, requestOf(spans)), 'accepted')

    assert.equal((await stored(traceId, 150, zipkin)).length, 150)
    assert.deepEqual(counts(kit), { sent: 150 })
  })
})

test('what waits while Zipkin is away arrives when it is back', { skip }, async t => {
  const own = await startZipkin(t)
  await own.stop()
  const kit = await startExporter(t, own, {})
  const traceId = Buffer.alloc(16, 0x51)

  const delivered = deliver(kit, requestOf([rich(traceId)]))
  await own.start()

  assert.equal(await delivered, 'accepted')
  assert.equal((await stored(traceId, 1, own)).length, 1)
  assert.deepEqual(counts(kit), { sent: 1 })
})

function startExporter(t: TestContext, to: ZipkinPeer, config: object): Promise<OtlpKit> {
  const retry_on_failure = { initial_interval: '200ms', max_interval: '500ms' }
  const timeout = '20s'
  return startOtlpExporter(t, factory, {
    endpoint: to.spansUrl,
    retry_on_failure,
    timeout,
    ...config,
  })
}

async function deliver({ exporter, services }: OtlpKit, request: Uint8Array): Promise<string> {
  const { batch } = acceptBatch(services, 'traces', request)
  const outcome = await exporter.consume(batch)
  if (outcome.kind !== 'accepted') batch.release()
  return outcome.kind
}

/** The trace once it has as many spans: Zipkin stores in the background. */
async function stored(traceId: Buffer, least: number, from: ZipkinPeer): Promise<ZipkinSpan[]> {
  let spans: ZipkinSpan[] = []
  const isWhole = async (): Promise<boolean> => {
    spans = await from.trace(traceId.toString('hex'))
    return spans.length >= least
  }
  await eventually(isWhole, ARRIVES_MS, `${least} spans`)
  return spans
}

function requestOf(spans: readonly object[]): Uint8Array {
  const attributes = [text('service.name', 'shop'), text('host.name', 'h')]
  const scopeSpans = [{ scope: { name: 'lib' }, spans }]
  return encode('TracesRequest', { resourceSpans: [{ resource: { attributes }, scopeSpans }] })
}

function rich(traceId: Buffer): object {
  return {
    traceId,
    spanId: Buffer.alloc(8, 0x11),
    parentSpanId: Buffer.alloc(8, 0x22),
    traceState: 'k=v',
    name: 'GET /orders',
    kind: 3,
    startTimeUnixNano: '1700000000000000000',
    endTimeUnixNano: '1700000000250000000',
    attributes: [
      text('http.request.method', 'GET'),
      text('peer.service', 'orders'),
      text('network.peer.address', '2001:db8::1'),
      { key: 'network.peer.port', value: { intValue: '443' } },
      text('network.local.address', '10.0.0.1'),
      { key: 'net.host.port', value: { intValue: '8080' } },
    ],
    events: [
      {
        timeUnixNano: '1700000000100000000',
        name: 'retry',
        attributes: [{ key: 'n', value: { intValue: '1' } }],
      },
    ],
    status: { code: 2, message: 'boom' },
  }
}

function text(key: string, stringValue: string): object {
  return { key, value: { stringValue } }
}

function idOf(n: number): Buffer {
  const id = Buffer.alloc(8, 1)
  id.writeUInt32BE(n, 0)
  return id
}
