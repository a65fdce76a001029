/** The whole road: requests of every signal in by gRPC and HTTP, batched, out by gRPC and HTTP, every item on the book. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import { defineFactory, type Factory } from '../../src/core/factory.ts'
import { ACCEPTED } from '../../src/core/outcome.ts'
import { SIGNALS } from '../../src/core/signal.ts'
import { REQUEST_MESSAGE } from '../../src/otlp/schema.ts'
import { type Backend, itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { decode, encode } from '../otlp/oracle.ts'
import { type Answer, GrpcSender, postProtobuf, startCollector } from './kit.ts'

const REQUESTS = 20

function otlpReceiver([grpc, http]: readonly number[]): object {
  const endpoint = (port: number) => ({ endpoint: `127.0.0.1:${port}` })
  return { protocols: { grpc: endpoint(grpc), http: endpoint(http) } }
}

function allSignals(pipeline: object): object {
  return { traces: pipeline, metrics: pipeline, logs: pipeline }
}

function toGrpc(backend: Backend, compression = 'gzip'): object {
  return { endpoint: `127.0.0.1:${backend.grpcPort}`, tls: { insecure: true }, compression }
}

for (const way of ['otlp_grpc', 'otlp_http'] as const) {
  test(`carries every signal by both transports through batch to ${way}, each item once`, async t => {
    const backend = await startBackend()
    t.after(() => backend.close())
    const [grpc, http] = await freePorts(2)
    const exporter =
      way === 'otlp_grpc' ? toGrpc(backend) : { endpoint: `http://127.0.0.1:${backend.httpPort}` }
    const { finish, collector } = await startCollector(t, {
      receivers: { otlp: otlpReceiver([grpc, http]) },
      processors: {
        memory_limiter: { check_interval: '1s', limit_mib: 2000 },
        batch: { timeout: '50ms' },
      },
      exporters: { [way]: exporter },
      service: {
        pipelines: allSignals({
          receivers: ['otlp'],
          processors: ['memory_limiter', 'batch'],
          exporters: [way],
        }),
      },
    })
    const sender = new GrpcSender(t, grpc)

    for (const signal of SIGNALS) {
      for (let n = 0; n < REQUESTS; n++) {
        const { bytes } = sampleRequest(signal, n)
        const { code } = await (n % 2 === 0
          ? sender.send(signal, bytes)
          : postProtobuf(http, signal, bytes))
        assert.equal(code, n % 2 === 0 ? 0 : 200)
      }
    }
    const report = await finish()

    for (const signal of SIGNALS) {
      const sent = Array.from({ length: REQUESTS }, (_, n) => sampleRequest(signal, n).bytes)
      const wanted = itemsOf(signal, decode(REQUEST_MESSAGE[signal], Buffer.concat(sent)))
      const got = itemsOf(signal, decode(REQUEST_MESSAGE[signal], backend.joined(signal)))
      assert.deepEqual(sorted(got), sorted(wanted))
      const requests = backend.requests.filter(request => request.signal === signal)
      assert.ok(requests.length < REQUESTS, `${requests.length} requests: nothing was joined`)
    }
    assert.deepEqual(
      report.rows.map(({ accepted, sent }) => [accepted, sent]),
      SIGNALS.map(() => [REQUESTS * 5, REQUESTS * 5]),
    )
    assert.equal(report.undelivered, 0)
    assert.equal(collector.inspector.memory().reservedBytes, 0)
  })
}

test('goes on delivering to one exporter while the other has nobody to send to', async t => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const [grpc, http, nobody] = await freePorts(3)
  const { finish, collector } = await startCollector(t, {
    receivers: { otlp: otlpReceiver([grpc, http]) },
    exporters: {
      'otlp_grpc/well': toGrpc(backend),
      'otlp_grpc/dead': {
        endpoint: `127.0.0.1:${nobody}`,
        tls: { insecure: true },
        sending_queue: { queue_size: 3 },
      },
    },
    service: {
      pipelines: {
        traces: { receivers: ['otlp'], exporters: ['otlp_grpc/well', 'otlp_grpc/dead'] },
      },
    },
  })
  const sender = new GrpcSender(t, grpc)

  for (let n = 0; n < REQUESTS; n++) {
    assert.equal((await sender.send('traces', sampleRequest('traces', n).bytes)).code, 0)
  }
  await eventually(() => backend.items('traces') === REQUESTS * 5, 5000, 'all arrived')

  const [row] = collector.ledger.rows()
  assert.ok(row.balanced)
  assert.equal(row.sent, REQUESTS * 5)
  assert.equal(row.held, 3 * 5)
  assert.deepEqual(row.dropped, [
    { stage: 'otlp_grpc/dead', reason: 'queue_full', intentional: false, items: 17 * 5 },
  ])
  await collector.stop(200)
  const [after] = collector.ledger.rows()
  assert.ok(after.balanced)
  assert.equal(after.held, 0)
  await finish()
})

test('joins pipelines by a connector, and empties them in the order of the flow', async t => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const [grpc, http] = await freePorts(2)
  const { finish } = await startCollector(t, {
    receivers: { otlp: otlpReceiver([grpc, http]) },
    processors: { batch: { timeout: '1h' } },
    connectors: { forward: null },
    exporters: { otlp_grpc: toGrpc(backend) },
    service: {
      pipelines: {
        'traces/out': { receivers: ['forward'], processors: ['batch'], exporters: ['otlp_grpc'] },
        'traces/in': { receivers: ['otlp'], processors: ['batch'], exporters: ['forward'] },
      },
    },
  })
  await new GrpcSender(t, grpc).send('traces', sampleRequest('traces', 1).bytes)
  assert.equal(backend.items('traces'), 0)

  const report = await finish()

  assert.equal(backend.items('traces'), 5)
  assert.equal(report.undelivered, 0)
})

test('answers busy with a delay when the memory budget has no room, and takes more once it has', async t => {
  const [grpc, http] = await freePorts(2)
  const held: (() => void)[] = []
  const { finish, collector } = await startCollector(
    t,
    {
      receivers: { otlp: otlpReceiver([grpc, http]) },
      processors: { memory_limiter: { check_interval: '1s', limit_mib: 400 } },
      exporters: { holding: null },
      service: {
        pipelines: {
          logs: { receivers: ['otlp'], processors: ['memory_limiter'], exporters: ['holding'] },
        },
      },
    },
    { extra: [holdingExporter(held)] },
  )
  const large = largeRequest(12 << 20)
  const sender = new GrpcSender(t, grpc)

  const refused = await untilRefused(() => postProtobuf(http, 'logs', large))
  const byGrpc = await untilRefused(() => sender.send('logs', largeRequest(3 << 20)))

  assert.ok(held.length > 0)
  assert.equal(refused.code, 503)
  assert.match(refused.headers['retry-after'], /^\d+$/)
  assert.equal(byGrpc.code, 14)
  assert.ok(byGrpc.headers['grpc-status-details-bin'] !== undefined)
  for (const release of held.splice(0)) release()
  assert.equal((await postProtobuf(http, 'logs', sampleRequest('logs', 1).bytes)).code, 200)
  for (const release of held) release()
  await finish()
  assert.equal(collector.inspector.memory().reservedBytes, 0)
})

async function untilRefused(send: () => Promise<Answer>): Promise<Answer> {
  for (let i = 0; i < 100; i++) {
    const answer = await send()
    if (answer.code !== 0 && answer.code !== 200) return answer
  }
  throw new Error('everything was taken')
}

/** Takes everything; lets go of each batch when told to. */
function holdingExporter(held: (() => void)[]): Factory {
  return defineFactory({
    kind: 'exporter',
    meta: {
      id: 'holding',
      summary: '',
      stability: { logs: 'stable' },
      mutates: false,
      metrics: [],
    },
    config: { schema: z.preprocess(value => value ?? {}, z.strictObject({})) },
    create: ({ ledger }) => ({
      start: async () => {},
      stop: async () => {},
      consume: batch => {
        ledger.sent(batch.tenant, batch.signal, batch.items)
        held.push(() => batch.release())
        return ACCEPTED
      },
    }),
  })
}

/** A valid logs request of about so many bytes, in few items. */
function largeRequest(size: number): Uint8Array {
  const logRecords = Array.from({ length: 8 }, () => ({
    body: { stringValue: 'x'.repeat(size / 8) },
  }))
  return encode(REQUEST_MESSAGE.logs, { resourceLogs: [{ scopeLogs: [{ logRecords }] }] })
}

function sorted(items: readonly object[]): string[] {
  return items.map(item => JSON.stringify(item)).sort()
}
