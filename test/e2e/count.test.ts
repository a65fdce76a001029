/** Counting on the whole road: spans in, their counts out as metrics beside them, every item and every count on the book. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { GrpcSender, startCollector } from './kit.ts'

const REQUESTS = 6

interface Metric {
  readonly name: string
  readonly sum: {
    readonly dataPoints: readonly { asInt: string; attributes?: readonly Attribute[] }[]
  }
}

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue: string }
}

interface Group {
  readonly resource: { readonly attributes: readonly Attribute[] }
  readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[]
}

/** Each point as one line. */
function lines(message: Record<string, unknown>): string[] {
  return (message.resourceMetrics as readonly Group[]).flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics[0].metrics.flatMap(({ name, sum }) =>
      sum.dataPoints.map(({ asInt, attributes = [] }) => {
        const values = [...resource.attributes, ...attributes].map(each => each.value.stringValue)
        return `${values.join(' ')} ${name} ${asInt}`
      }),
    ),
  )
}

test('spans are delivered, and counted into a metrics pipeline of their own', async t => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const [grpc] = await freePorts(1)
  const { finish, collector } = await startCollector(t, {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${grpc}` } } } },
    processors: { batch: { timeout: '1h' } },
    connectors: {
      count: {
        spans: {
          spans: null,
          'spans.failed': {
            conditions: ['status.code == STATUS_CODE_ERROR'],
            attributes: [{ key: 'url.path' }],
          },
        },
      },
    },
    exporters: {
      otlp_grpc: { endpoint: `127.0.0.1:${backend.grpcPort}`, tls: { insecure: true } },
    },
    service: {
      pipelines: {
        traces: { receivers: ['otlp'], exporters: ['otlp_grpc', 'count'] },
        'metrics/counts': { receivers: ['count'], processors: ['batch'], exporters: ['otlp_grpc'] },
      },
    },
  })
  const sender = new GrpcSender(t, grpc)

  for (let n = 0; n < REQUESTS; n++) {
    assert.equal((await sender.send('traces', sampleRequest('traces', n).bytes)).code, 0)
  }
  await eventually(() => backend.items('traces') === REQUESTS * 5, 5000, 'all spans arrived')
  const report = await finish()

  const metrics = backend.requests.filter(request => request.signal === 'metrics')
  assert.equal(metrics.length, 1)
  const [first, second] = ['sample-0 spans 5', 'sample-0 /items/3 spans.failed 1']
  const wanted = Array.from({ length: REQUESTS }, (_, n) =>
    [first, second].map(line => line.replace('sample-0', `sample-${n % 3}`)),
  ).flat()
  assert.deepEqual(lines(metrics[0].message), wanted)
  const spans = REQUESTS * 5
  assert.deepEqual(
    Object.fromEntries(
      report.rows.map(({ signal, accepted, copied, sent, dropped }) => [
        signal,
        { accepted, copied, sent, dropped },
      ]),
    ),
    {
      traces: {
        accepted: spans,
        copied: spans,
        sent: spans,
        dropped: [{ stage: 'count', reason: 'counted', intentional: true, items: spans }],
      },
      metrics: { accepted: 0, copied: REQUESTS * 2, sent: REQUESTS * 2, dropped: [] },
    },
  )
  assert.equal(report.undelivered, 0)
  assert.equal(collector.inspector.memory().reservedBytes, 0)
})
