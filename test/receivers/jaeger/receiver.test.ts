/** The jaeger receiver's servers from end to end: what comes by gRPC and HTTP is what the next stage gets. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { busy, refused } from '../../../src/core/outcome.ts'
import { decodeStatus } from '../../../src/net/rpc-status.ts'
import { makeRequest } from '../../../src/testing/builders.ts'
import { writeJaegerRequests } from '../../../src/translate/jaeger/write.ts'
import { startBook } from '../../tenancy/kit.ts'
import { makeBatch } from '../../translate/jaeger/thrift-maker.ts'
import { HeaderPorter } from '../kit.ts'
import { makeModel, POST_SPANS, startJaegerReceiver } from './running.ts'

const accepted = 'otelcol_receiver_accepted_spans'
const refusedSpans = 'otelcol_receiver_refused_spans'
const turnedAway = 'millrace_receiver_refused_requests'
const BINARY = { 'content-type': 'application/vnd.apache.thrift.binary' }
const COMPACT = { 'content-type': 'application/vnd.apache.thrift.compact' }

function postSpans(spans: number): Uint8Array {
  return writeJaegerRequests(makeRequest('traces', spans))[0]
}

describe('jaeger receiver', () => {
  it('takes PostSpans over gRPC and answers with the empty message', async t => {
    const jaeger = await startJaegerReceiver(t)

    const answer = await jaeger.call(POST_SPANS, postSpans(3))

    assert.equal(answer.code, 0, answer.message)
    assert.equal(answer.body.length, 0)
    assert.equal(jaeger.spans().length, 3)
    assert.equal(jaeger.count(accepted, { receiver: 'jaeger', transport: 'grpc' }), 3)
  })

  it('takes Thrift over HTTP in both protocols and answers 202', async t => {
    const jaeger = await startJaegerReceiver(t)

    const plain = await jaeger.post(makeBatch(makeModel(2), 'binary'))
    const named = await jaeger.post(makeBatch(makeModel(2), 'binary'), {
      'content-type': 'application/vnd.apache.thrift.binary; charset=x',
    })
    const compact = await jaeger.post(makeBatch(makeModel(2), 'compact'), COMPACT)
    const packed = await jaeger.post(gzipSync(makeBatch(makeModel(2), 'binary')), {
      ...BINARY,
      'content-encoding': 'gzip',
    })

    assert.deepEqual(
      [plain, named, compact, packed].map(answer => answer.status),
      [202, 202, 202, 202],
    )
    assert.equal(plain.body.length, 0)
    const [span] = jaeger.spans()
    assert.equal(span.traceId, '0000000000000001000000000000abcd')
    assert.equal(span.resource['service.name'], 'checkout')
    assert.equal(span.name, 'step 0')
    assert.equal(jaeger.count(accepted, { transport: 'collector_http' }), 8)
  })

  it('refuses other content types, methods and paths', async t => {
    const jaeger = await startJaegerReceiver(t)
    const bytes = makeBatch(makeModel(), 'binary')
    const url = `http://127.0.0.1:${jaeger.ports.thriftHttp}`

    assert.equal((await jaeger.post(bytes, { 'content-type': 'application/json' })).status, 415)
    assert.match(
      (await jaeger.post(bytes, {})).body.toString(),
      /supported: \[application\/x-thrift/,
    )
    assert.equal((await fetch(`${url}/api/traces`)).status, 405)
    assert.equal((await fetch(`${url}/api/spans`, { method: 'POST', body: bytes })).status, 404)
    assert.equal((await jaeger.call('/jaeger.api_v2.SamplingManager/Get', bytes)).code, 12)
  })

  it('says where a body is not valid, and takes nothing of it', async t => {
    const jaeger = await startJaegerReceiver(t)
    const cut = makeBatch(makeModel(3), 'binary').subarray(0, 100)

    const http = await jaeger.post(cut)
    const grpc = await jaeger.call(POST_SPANS, postSpans(3).subarray(0, 50))

    assert.equal(http.status, 400)
    assert.match(http.body.toString(), /not valid Jaeger Thrift \(binary\): .* \(byte \d+\)/)
    assert.equal(grpc.code, 3)
    assert.match(grpc.message, /not valid Jaeger protobuf/)
    assert.equal(jaeger.next.batches.length, 0)
    for (const transport of ['collector_http', 'grpc']) {
      assert.equal(jaeger.count(turnedAway, { transport, reason: 'malformed' }), 1)
    }
  })

  it('answers busy with when to come back, and refusals for good', async t => {
    const jaeger = await startJaegerReceiver(t)
    const thrift = makeBatch(makeModel(), 'binary')
    jaeger.next.answer = () => busy(7000)
    const [httpLater, grpcLater] = [
      await jaeger.post(thrift),
      await jaeger.call(POST_SPANS, postSpans(1)),
    ]
    jaeger.next.answer = batch => refused(batch.items, 'bad_data', 'no such thing')
    const [httpNever, grpcNever] = [
      await jaeger.post(thrift),
      await jaeger.call(POST_SPANS, postSpans(1)),
    ]

    assert.deepEqual([httpLater.status, httpLater.headers.get('retry-after')], [503, '7'])
    assert.equal(grpcLater.code, 14)
    const [details] = grpcLater.metadata.get('grpc-status-details-bin')
    assert.equal(decodeStatus(Buffer.from(details))?.retryDelayMs, 7000)
    assert.equal(httpNever.status, 400)
    assert.equal(grpcNever.code, 3)
    assert.equal(jaeger.count(refusedSpans), 4)
  })

  it('answers an empty request and a batch without spans with success', async t => {
    const jaeger = await startJaegerReceiver(t)

    assert.equal((await jaeger.call(POST_SPANS, Buffer.alloc(0))).code, 0)
    assert.equal((await jaeger.post(makeBatch(makeModel(0), 'binary'))).status, 202)

    assert.equal(jaeger.next.batches.length, 0)
  })

  it('answers health checks on the gRPC port', async t => {
    const jaeger = await startJaegerReceiver(t)
    const name = Buffer.from('jaeger.api_v2.CollectorService')
    const check = (bytes: Uint8Array) => jaeger.call('/grpc.health.v1.Health/Check', bytes)

    const all = await check(Buffer.alloc(0))
    const service = await check(Buffer.concat([Buffer.of(10, name.length), name]))
    const unknown = await check(Buffer.concat([Buffer.of(10, 3), Buffer.from('x.Y')]))

    assert.deepEqual([all.code, [...all.body]], [0, [8, 1]])
    assert.deepEqual([service.code, [...service.body]], [0, [8, 1]])
    assert.equal(unknown.code, 5)
  })

  it('asks the authenticator of each server, and gives each batch its tenant', async t => {
    const auth = { auth: { authenticator: 'porter' } }
    const jaeger = await startJaegerReceiver(t, {
      protocols: { grpc: auth, thrift_http: auth },
      extensions: new Map([['porter', new HeaderPorter()]]),
      tenancy: startBook(null).book,
    })
    const thrift = makeBatch(makeModel(), 'binary')

    const known = [
      (await jaeger.call(POST_SPANS, postSpans(1), { 'x-tenant': 'a' })).code,
      (await jaeger.post(thrift, { ...BINARY, 'x-tenant': 'b' })).status,
    ]
    const unknown = [
      (await jaeger.call(POST_SPANS, postSpans(1))).code,
      (await jaeger.post(thrift)).status,
    ]

    assert.deepEqual(known, [0, 202])
    assert.deepEqual(unknown, [16, 401])
    assert.deepEqual(
      jaeger.next.batches.map(batch => batch.tenant),
      ['a', 'b'],
    )
  })

  it('says at the start that an authenticator does not run, and leaves no port open', async t => {
    const failing = startJaegerReceiver(t, {
      protocols: { grpc: { auth: { authenticator: 'nobody' } }, thrift_compact: {} },
    })

    await assert.rejects(failing, /nobody is not running/)
  })
})
