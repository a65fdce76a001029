/**
 * The jaeger exporter against a real Jaeger: what it stores of a trace is what it stores of the same trace when it comes by
 * Jaeger's own OTLP port; sizes, compression, and a collector that goes away and comes back.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { Factory } from '../../src/core/factory.ts'
import { factory as typed } from '../../src/exporters/jaeger/factory.ts'
import { decodeJson } from '../../src/otlp/json/decode.ts'
import { acceptBatch } from '../exporters/batch-of.ts'
import { counts, type OtlpKit, startOtlpExporter } from '../exporters/otlp-kit.ts'
import { eventually } from '../harness/process.ts'
import { decode, encode } from '../otlp/oracle.ts'
import {
  type JaegerPeer,
  type JaegerTag,
  type JaegerTrace,
  jaegerBinary,
  startJaeger,
} from './jaeger-peer.ts'
import { lacking } from './peer-cache.ts'

const factory = typed as Factory
/** On a machine that others use as well. */
const ARRIVES_MS = 30_000
const tls = { insecure: true }
const skip = lacking(jaegerBinary)
const TRACES = resolve(
  process.env.CONFORMANCE_DATA ?? '../shared/data',
  'jaeger',
  'integration-traces',
)

test('Jaeger stores of every trace what it stores of it when it comes as OTLP', {
  skip: existsSync(TRACES) ? skip : `${TRACES} is not here`,
}, async t => {
  const [ours, theirs] = await Promise.all([startJaeger(t), startJaeger(t)])
  const kit = await startExporter(t, ours)
  const files = readdirSync(TRACES).filter(name => name.endsWith('_trace.json'))

  for (const file of files) {
    const text = readFileSync(join(TRACES, file))
    const request = decodeJson('traces', text)
    assert.ok(request instanceof Uint8Array, file)
    assert.equal(await deliver(kit, request), 'accepted', file)
    const answer = await fetch(`http://127.0.0.1:${theirs.otlpHttpPort}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
    })
    assert.equal(answer.status, 200, file)
  }

  assert.ok(files.length > 20)
  for (const file of files) {
    const request = decodeJson('traces', readFileSync(join(TRACES, file))) as Uint8Array
    const id = firstTraceId(request)
    const spans = decode('TracesRequest', request).resourceSpans.length
    const [mine, other] = await Promise.all([stored(ours, id, spans), stored(theirs, id, spans)])
    assert.deepEqual(plain(mine), plain(other), file)
  }
})

for (const compression of ['none', 'gzip'] as const) {
  test(`Jaeger takes more than its limit of four MiB, ${compression}`, { skip }, async t => {
    const jaeger = await startJaeger(t)
    const kit = await startExporter(t, jaeger, { compression })
    const traceId = Buffer.alloc(16, 7)

    assert.equal(await deliver(kit, bigRequest(traceId, 120, 100_000)), 'accepted')

    const trace = await stored(jaeger, traceId.toString('hex'), 120)
    assert.equal(trace.spans.length, 120)
    assert.deepEqual(counts(kit), { sent: 120 })
  })
}

test('what waits while Jaeger is away arrives when it is back', { skip }, async t => {
  const jaeger = await startJaeger(t)
  await jaeger.stop()
  const kit = await startExporter(t, jaeger)
  const traceId = Buffer.alloc(16, 9)

  const delivered = deliver(kit, bigRequest(traceId, 3, 10))
  await jaeger.start()

  assert.equal(await delivered, 'accepted')
  const trace = await stored(jaeger, traceId.toString('hex'), 3)
  assert.equal(trace.spans.length, 3)
  assert.deepEqual(counts(kit), { sent: 3 })
})

function startExporter(t: TestContext, jaeger: JaegerPeer, config: object = {}): Promise<OtlpKit> {
  const endpoint = `127.0.0.1:${jaeger.grpcPort}`
  const retry_on_failure = { initial_interval: '200ms', max_interval: '500ms' }
  return startOtlpExporter(t, factory, { endpoint, tls, retry_on_failure, ...config })
}

async function deliver({ exporter, services }: OtlpKit, request: Uint8Array): Promise<string> {
  const { batch } = acceptBatch(services, 'traces', request)
  const outcome = await exporter.consume(batch)
  if (outcome.kind !== 'accepted') batch.release()
  return outcome.kind
}

/** The trace once it has as many spans: Jaeger stores in the background. */
async function stored(jaeger: JaegerPeer, traceId: string, least: number): Promise<JaegerTrace> {
  let trace: JaegerTrace | undefined
  const isWhole = async (): Promise<boolean> => {
    trace = await jaeger.trace(traceId)
    return trace !== undefined && trace.spans.length >= least
  }
  await eventually(isWhole, ARRIVES_MS, `${least} spans of ${traceId}`)
  return trace!
}

function firstTraceId(request: Uint8Array): string {
  const { resourceSpans } = decode('TracesRequest', request)
  return resourceSpans[0].scopeSpans[0].spans[0].traceId.toString('hex')
}

/** Without names of processes, orders, and what Jaeger's collector notes about the way a span came. */
function plain({ traceID, spans, processes }: JaegerTrace): object {
  const all = spans.map(span => ({
    ...span,
    processID: undefined,
    warnings: undefined,
    process: {
      service: processes[span.processID].serviceName,
      tags: sorted(processes[span.processID].tags),
    },
    tags: sorted(span.tags),
    logs: span.logs.map(log => ({ timestamp: log.timestamp, fields: sorted(log.fields) })),
  }))
  return { traceID, spans: all.sort((a, b) => (a.spanID < b.spanID ? -1 : 1)) }
}

function sorted(tags: readonly JaegerTag[]): JaegerTag[] {
  const own = tags.filter(({ key }) => key !== '@jaeger@format')
  return own.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function bigRequest(traceId: Buffer, count: number, chars: number): Uint8Array {
  const spans = Array.from({ length: count }, (_, i) => {
    const spanId = Buffer.alloc(8, 1)
    spanId.writeUInt32BE(i + 1, 0)
    return {
      traceId,
      spanId,
      name: `span ${i}`,
      startTimeUnixNano: '1700000000000000000',
      endTimeUnixNano: '1700000000250000000',
      attributes: [{ key: 'text', value: { stringValue: 'x'.repeat(chars) } }],
    }
  })
  const attributes = [{ key: 'service.name', value: { stringValue: 'big' } }]
  return encode('TracesRequest', {
    resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }],
  })
}
