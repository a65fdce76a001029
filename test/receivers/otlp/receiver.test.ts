/** The receiver from end to end: what comes in over both transports is what the next stage gets, and how it is answered. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { connect as connectH2 } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { compressionAlgorithms, credentials, Metadata } from '@grpc/grpc-js'
import type { Component } from '../../../src/core/component.ts'
import { busy, refused } from '../../../src/core/outcome.ts'
import { HTTP_EXPORT_PATH, ITEM_NOUN, SIGNALS } from '../../../src/core/signal.ts'
import { compress, type Encoding, supportedEncodings } from '../../../src/net/compression.ts'
import { decodeStatus, decodeStatusDetails, decodeStatusJson } from '../../../src/net/rpc-status.ts'
import { encodeJson } from '../../../src/otlp/json/encode.ts'
import { decodeExportResponse } from '../../../src/otlp/responses.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { call, message, until } from '../../net/grpc-fixture.ts'
import {
  GrpcClient,
  JSON_TYPE,
  PROTO,
  post,
  type ReceiverOptions,
  startReceiver,
} from './running.ts'

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url))

async function start(t: TestContext, options: ReceiverOptions = {}) {
  const running = await startReceiver(options)
  const grpc = new GrpcClient(running.grpcPort)
  t.after(async () => {
    grpc.close()
    await running.close()
  })
  return { ...running, grpc }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

describe('otlp receiver', () => {
  for (const signal of SIGNALS) {
    it(`takes ${signal} over gRPC and HTTP, byte for byte`, async t => {
      const { grpc, url, next, services } = await start(t)
      const { bytes, items } = sampleRequest(signal, 1)

      const overGrpc = await grpc.export(signal, bytes)
      const overHttp = await post(url + HTTP_EXPORT_PATH[signal], bytes)

      assert.equal(overGrpc.code, 0)
      assert.equal(overGrpc.body.length, 0)
      assert.equal(overHttp.status, 200)
      assert.equal(overHttp.headers.get('content-type'), 'application/x-protobuf')
      assert.equal(overHttp.body.length, 0)
      assert.equal(next.batches.length, 2)
      for (const batch of next.batches) {
        assert.equal(batch.signal, signal)
        assert.equal(batch.items, items)
        assert.ok(same(batch.parts[0].payload.bytes, bytes))
      }
      const name = `otelcol_receiver_accepted_${ITEM_NOUN[signal]}`
      const labels = (transport: string) => `${name}{receiver=otlp,transport=${transport}}`
      assert.equal(services.meter.values.get(labels('grpc'))?.value, items)
      assert.equal(services.meter.values.get(labels('http'))?.value, items)
    })

    it(`takes ${signal} as JSON and answers in JSON`, async t => {
      const { url, next } = await start(t)
      const { bytes, items } = sampleRequest(signal, 2)

      const answer = await post(
        url + HTTP_EXPORT_PATH[signal],
        encodeJson(signal, bytes),
        JSON_TYPE,
      )

      assert.equal(answer.status, 200)
      assert.equal(answer.headers.get('content-type'), 'application/json')
      assert.equal(answer.body.toString(), '{}')
      assert.equal(next.batches[0].items, items)
    })
  }

  it('takes every encoding that is there over HTTP, in protobuf and JSON', async t => {
    const { url, next } = await start(t)
    const { bytes, items } = sampleRequest('traces', 3, 200)
    const text = encodeJson('traces', bytes)
    let sent = 0
    for (const { encoding, codec } of await supportedEncodings()) {
      if (codec === undefined) continue
      for (const [body, type] of [
        [bytes, PROTO],
        [text, JSON_TYPE],
      ] as const) {
        const packed = await compress(encoding, [body], body.length)
        const answer = await post(`${url}/v1/traces`, packed, {
          ...type,
          'content-encoding': encoding,
        })
        assert.equal(answer.status, 200, `${encoding}: ${answer.body}`)
        sent++
      }
    }

    assert.equal(next.items, sent * items)
    assert.ok(same(next.batches[0].parts[0].payload.bytes, bytes))
  })

  it('takes gzip from grpc-js and the other encodings from raw clients over gRPC', async t => {
    const { grpcPort, next } = await start(t)
    const { bytes } = sampleRequest('logs', 4, 100)
    const gzip = new GrpcClient(grpcPort, {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    })
    t.after(() => gzip.close())
    const session = connectH2(`http://127.0.0.1:${grpcPort}`)
    t.after(() => session.destroy())
    const path = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'

    assert.equal((await gzip.export('logs', bytes)).code, 0)
    let sent = 1
    const present = (await supportedEncodings()).filter(s => s.codec !== undefined)
    for (const [name, codec] of [
      ['zstd', 'zstd'],
      ['deflate', 'deflate'],
      ['snappy', 'snappy'],
      ['snappy', 'x-snappy-framed'],
    ] as [string, Encoding][]) {
      if (!present.some(s => s.encoding === codec)) continue
      const packed = await compress(codec, [bytes], bytes.length)
      const headers = { ':path': path, 'grpc-encoding': name }
      assert.equal((await call(session, [message(packed, 1)], headers)).code, 0, codec)
      sent++
    }

    assert.equal(next.batches.length, sent)
    for (const batch of next.batches) assert.ok(same(batch.parts[0].payload.bytes, bytes))
  })

  it('answers empty requests with success and passes nothing on', async t => {
    const { grpc, url, next } = await start(t)

    assert.equal((await grpc.export('traces', Buffer.alloc(0))).code, 0)
    assert.equal((await post(`${url}/v1/traces`, '')).status, 200)
    assert.equal((await post(`${url}/v1/traces`, '{}', JSON_TYPE)).status, 200)
    assert.equal((await grpc.export('metrics', Buffer.of(0x0a, 0))).code, 0)
    assert.equal(next.batches.length, 0)
  })

  it('tells clients when and how to come back while the pipeline is busy', async t => {
    const { grpc, url, next, services } = await start(t)
    const { bytes, items } = sampleRequest('traces', 5)
    for (const [outcome, code, status] of [
      [busy(1500, 'overloaded'), 14, 503],
      [busy(1500, 'unavailable'), 14, 503],
      [busy(1500, 'quota'), 8, 429],
    ] as const) {
      next.answer = () => outcome
      const overGrpc = await grpc.export('traces', bytes)
      const overHttp = await post(`${url}/v1/traces`, bytes)
      const overJson = await post(`${url}/v1/traces`, encodeJson('traces', bytes), JSON_TYPE)

      assert.equal(overGrpc.code, code)
      const details = overGrpc.metadata.get('grpc-status-details-bin')[0] as Buffer
      assert.equal(decodeStatus(details)?.retryDelayMs, 1500)
      assert.equal(overHttp.status, status)
      assert.equal(overHttp.headers.get('retry-after'), '2')
      assert.equal(decodeStatus(overHttp.body)?.code, code)
      assert.equal(overJson.status, status)
      assert.equal(decodeStatusJson(overJson.body.toString())?.retryDelayMs, 1500)
    }
    assert.equal(services.meter.total('otelcol_receiver_refused_spans'), 9 * items)
    assert.equal(services.ledger.rows()[0].accepted, 0)
  })

  it('maps each refusal to its code and status, without a delay', async t => {
    const { grpc, url, next } = await start(t)
    const { bytes, items } = sampleRequest('logs', 6)
    for (const [why, code, status] of [
      ['bad_data', 3, 400],
      ['too_large', 8, 413],
      ['unauthenticated', 16, 401],
      ['permission_denied', 7, 403],
      ['unimplemented', 12, 404],
      ['rejected', 13, 500],
    ] as const) {
      next.answer = () => refused(items, why, `because of ${why}`)
      const overGrpc = await grpc.export('logs', bytes)
      const overHttp = await post(`${url}/v1/logs`, bytes)

      assert.equal(overGrpc.code, code)
      assert.equal(overGrpc.message, `because of ${why}`)
      assert.equal(overGrpc.metadata.get('grpc-status-details-bin').length, 0)
      assert.equal(overHttp.status, status)
      assert.equal(overHttp.headers.get('retry-after'), null)
      assert.equal(decodeStatus(overHttp.body)?.message, `because of ${why}`)
    }
  })

  it('answers partial success when only some items were refused', async t => {
    const { grpc, url, next, services } = await start(t)
    const { bytes, items } = sampleRequest('metrics', 7)
    next.answer = batch => {
      services.ledger.sent(batch.tenant, batch.signal, batch.items - 2)
      batch.release()
      return refused(2, 'rejected', 'two were too old')
    }
    const expected = { rejected: 2, message: 'two were too old' }

    const overGrpc = await grpc.export('metrics', bytes)
    const overHttp = await post(`${url}/v1/metrics`, bytes)
    const overJson = await post(`${url}/v1/metrics`, encodeJson('metrics', bytes), JSON_TYPE)

    assert.equal(overGrpc.code, 0)
    assert.deepEqual(decodeExportResponse('metrics', overGrpc.body, 'proto'), expected)
    assert.equal(overHttp.status, 200)
    assert.deepEqual(decodeExportResponse('metrics', overHttp.body, 'proto'), expected)
    assert.deepEqual(decodeExportResponse('metrics', overJson.body, 'json'), expected)
    assert.equal(services.meter.total('otelcol_receiver_accepted_metric_points'), 3 * (items - 2))
    assert.equal(services.meter.total('otelcol_receiver_refused_metric_points'), 6)
  })

  it('waits for outcomes that come later', async t => {
    const { grpc, url, next } = await start(t)
    const { bytes } = sampleRequest('traces', 8)
    let asked = 0
    next.answer = async () => {
      await new Promise(resolve => setTimeout(resolve, 10))
      return ++asked % 2 === 0 ? { kind: 'accepted' } : busy(100)
    }

    assert.equal((await grpc.export('traces', bytes)).code, 14)
    assert.equal((await grpc.export('traces', bytes)).code, 0)
    assert.equal((await post(`${url}/v1/traces`, bytes)).status, 503)
    assert.equal((await post(`${url}/v1/traces`, bytes)).status, 200)
  })

  it('refuses what the memory budget has no room for, before it is read', async t => {
    const { grpc, url, next } = await start(t, { memoryBytes: 10_000 })
    const { bytes } = sampleRequest('traces', 9, 300)
    assert.ok(bytes.length > 10_000)

    const overGrpc = await grpc.export('traces', bytes)
    const overHttp = await post(`${url}/v1/traces`, bytes)

    assert.equal(overGrpc.code, 14)
    const details = overGrpc.metadata.get('grpc-status-details-bin')[0] as Buffer
    assert.equal(decodeStatus(details)?.retryDelayMs, 1000)
    assert.equal(overHttp.status, 503)
    assert.equal(overHttp.headers.get('retry-after'), '1')
    assert.equal((await grpc.export('traces', sampleRequest('traces', 9, 3).bytes)).code, 0)
    assert.equal(next.batches.length, 1)
  })

  it('holds a request to the limit, as it comes and after inflating', async t => {
    const limits = { grpc: { max_recv_msg_size_mib: 1 }, http: { max_request_body_size: 1 << 20 } }
    const { grpc, grpcPort, url } = await start(t, limits)
    const gzip = new GrpcClient(grpcPort, {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    })
    t.after(() => gzip.close())
    const large = sampleRequest('traces', 10, 14_000).bytes
    assert.ok(large.length > 1 << 20)
    const packed = await compress('gzip', [large], large.length)
    assert.ok(packed.length < 1 << 20)

    for (const answer of [await grpc.export('traces', large), await gzip.export('traces', large)]) {
      assert.equal(answer.code, 8)
      assert.equal(answer.metadata.get('grpc-status-details-bin').length, 0)
    }
    const plain = await post(`${url}/v1/traces`, large)
    const inflated = await post(`${url}/v1/traces`, packed, {
      ...PROTO,
      'content-encoding': 'gzip',
    })
    for (const answer of [plain, inflated]) {
      assert.equal(answer.status, 413)
      assert.equal(answer.headers.get('retry-after'), null)
    }
  })

  it('takes a body of exactly the limit', async t => {
    const { bytes } = sampleRequest('traces', 11)
    const { url } = await start(t, { http: { max_request_body_size: bytes.length } })

    assert.equal((await post(`${url}/v1/traces`, bytes)).status, 200)
    assert.equal((await post(`${url}/v1/traces`, Buffer.concat([bytes, bytes]))).status, 413)
  })

  it('hands metadata on when it is told to, and otherwise only the peer', async t => {
    const on = await start(t, {
      grpc: { include_metadata: true },
      http: { include_metadata: true },
    })
    const off = await start(t)
    const { bytes } = sampleRequest('traces', 12)
    const metadata = new Metadata()
    metadata.add('x-tenant', 'a')
    metadata.add('x-tenant', 'b')

    for (const { grpc, url } of [on, off]) {
      await grpc.export('traces', bytes, metadata)
      await post(`${url}/v1/traces`, bytes, { ...PROTO, 'X-Tenant': 'c' })
    }

    const tenants = on.next.batches.map(batch => batch.context.metadata.get('x-tenant'))
    assert.deepEqual(tenants.flat().join().replaceAll(' ', ''), 'a,b,c')
    for (const batch of off.next.batches) {
      assert.equal(batch.context.metadata.size, 0)
      assert.match(batch.context.peer, /^127\.0\.0\.1:\d+$/)
    }
  })

  it('serves only the signals of its pipelines', async t => {
    const { grpc, url } = await start(t, { signals: ['logs'] })

    assert.equal((await grpc.export('logs', sampleRequest('logs', 1).bytes)).code, 0)
    assert.equal((await grpc.export('traces', sampleRequest('traces', 1).bytes)).code, 12)
    assert.equal((await post(`${url}/v1/metrics`, sampleRequest('metrics', 1).bytes)).status, 404)
  })

  it('listens on configured paths', async t => {
    const { url } = await start(t, { http: { traces_url_path: 'my/spans' } })
    const { bytes } = sampleRequest('traces', 1)

    assert.equal((await post(`${url}/my/spans`, bytes)).status, 200)
    assert.equal((await post(`${url}/v1/traces`, bytes)).status, 404)
  })

  it('answers health checks for the server and for its services', async t => {
    const { grpc } = await start(t, { signals: ['traces'] })
    const check = (service: string) =>
      grpc.call(
        '/grpc.health.v1.Health/Check',
        Buffer.concat([Buffer.of(0x0a, service.length), Buffer.from(service)]),
      )

    assert.deepEqual(
      [...(await grpc.call('/grpc.health.v1.Health/Check', Buffer.alloc(0))).body],
      [8, 1],
    )
    const traces = await check('opentelemetry.proto.collector.trace.v1.TraceService')
    assert.deepEqual([...traces.body], [8, 1])
    assert.equal((await check('nobody')).code, 5)
    assert.equal((await grpc.call('/grpc.health.v1.Health/Check', Buffer.of(0x0a, 99))).code, 3)
    assert.equal((await grpc.call('/grpc.health.v1.Health/Check', Buffer.alloc(5000))).code, 8)
    assert.equal((await grpc.call('/grpc.health.v1.Health/Watch', Buffer.alloc(0))).code, 12)
  })

  it('listens on unix sockets', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-'))
    t.after(() => rm(folder, { recursive: true }))
    const [a, b] = [join(folder, 'grpc.sock'), join(folder, 'http.sock')]
    const { next } = await start(t, {
      grpc: { transport: 'unix', endpoint: a },
      http: { transport: 'unix', endpoint: b },
    })
    const { bytes } = sampleRequest('traces', 1)
    const { Client } = await import('@grpc/grpc-js')
    const client = new Client(`unix:${a}`, credentials.createInsecure())
    t.after(() => client.close())
    const identity = (x: Buffer) => x

    const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
    await new Promise((resolve, reject) =>
      client.makeUnaryRequest(path, identity, identity, Buffer.from(bytes), (error, response) =>
        error ? reject(error) : resolve(response),
      ),
    )
    const status = await new Promise(resolve => {
      const options = { socketPath: b, path: '/v1/traces', method: 'POST', headers: PROTO }
      request(options, response => resolve(response.resume().statusCode)).end(bytes)
    })

    assert.equal(status, 200)
    assert.equal(next.batches.length, 2)
  })

  it('serves both transports over mutual TLS', async t => {
    const tls = {
      cert_file: fixture('server.crt'),
      key_file: fixture('server.key'),
      client_ca_file: fixture('ca.crt'),
    }
    const { readFileSync } = await import('node:fs')
    const { request: requestTls } = await import('node:https')
    const pem = (name: string) => readFileSync(fixture(name))
    const { grpcPort, httpPort, next } = await start(t, { grpc: { tls }, http: { tls } })
    const creds = credentials.createSsl(pem('ca.crt'), pem('client.key'), pem('client.crt'))
    // Node 26 takes no address for a server name.
    const client = new GrpcClient(grpcPort, { 'grpc.ssl_target_name_override': 'localhost' }, creds)
    t.after(() => client.close())
    const { bytes } = sampleRequest('traces', 1)
    const send = (own: object) =>
      new Promise<number | undefined>(resolve => {
        const options = { port: httpPort, host: '127.0.0.1', path: '/v1/traces', method: 'POST' }
        const trust = { ca: pem('ca.crt'), headers: PROTO, agent: false as const }
        const req = requestTls({ ...options, ...trust, ...own }, res =>
          resolve(res.resume().statusCode),
        )
        req.on('error', () => resolve(undefined))
        req.end(bytes)
      })

    assert.equal((await client.export('traces', bytes)).code, 0)
    assert.equal(await send({ cert: pem('client.crt'), key: pem('client.key') }), 200)
    assert.equal(await send({}), undefined)
    assert.equal(await send({ cert: pem('stranger.crt'), key: pem('stranger.key') }), undefined)
    for (const batch of next.batches) assert.match(batch.context.peer, /^127\.0\.0\.1:\d+$/)
    assert.equal(next.batches.length, 2)
  })

  it('does not start with an authenticator that is none', async () => {
    const auth = { authenticator: 'health_check' }
    const extension: Component = { start: async () => {}, stop: async () => {} }

    await assert.rejects(
      startReceiver({ http: { auth }, extensions: new Map([['health_check', extension]]) }),
      { code: 'MILLRACE_START_FAILED', message: /health_check is not an authenticator/ },
    )
  })

  it('lets go of the first port when the second is taken', async t => {
    const { httpPort } = await start(t)

    await assert.rejects(startReceiver({ http: { endpoint: `localhost:${httpPort}` } }), {
      code: 'MILLRACE_START_FAILED',
    })
  })

  it('answers what it has begun when it stops, and is safe to stop twice and before start', async t => {
    const { grpc, url, receiver, next } = await start(t)
    const { bytes } = sampleRequest('traces', 1)
    let accept: (() => void) | undefined
    next.answer = () =>
      new Promise(resolve => {
        accept = () => resolve({ kind: 'accepted' })
      })
    const last = grpc.export('traces', bytes)
    await until(() => accept !== undefined, 'the batch was handed on')

    const stopped = receiver.stop(AbortSignal.timeout(3000))
    setTimeout(() => accept?.(), 20)

    assert.equal((await last).code, 0)
    await stopped
    await receiver.stop(AbortSignal.timeout(10))
    await assert.rejects(post(`${url}/v1/traces`, bytes))
  })

  it('says what was wrong in the details of the status', async t => {
    const { grpc, url } = await start(t)
    const bad = Buffer.from('0a03120112', 'hex')

    const overGrpc = await grpc.export('traces', bad)
    const overHttp = await post(`${url}/v1/traces`, bad)
    const overJson = await post(`${url}/v1/traces`, '{"resourceSpans": 7}', JSON_TYPE)

    assert.equal(overGrpc.code, 3)
    const details = decodeStatus(overGrpc.metadata.get('grpc-status-details-bin')[0] as Buffer)
    assert.match(details?.violations?.[0].field ?? '', /^byte \d+$/)
    assert.equal(decodeStatusDetails(Buffer.from(overHttp.body).toString('base64'))?.code, 3)
    assert.equal(overHttp.status, 400)
    assert.equal(overJson.status, 400)
    assert.equal(decodeStatusJson(overJson.body.toString())?.violations?.length, 1)
  })
})
