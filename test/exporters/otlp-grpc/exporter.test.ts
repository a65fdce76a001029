/** What the otlp_grpc exporter sends, and what each answer of a backend means for the data. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { Factory } from '../../../src/core/factory.ts'
import { GRPC_EXPORT_PATH, SIGNALS } from '../../../src/core/signal.ts'
import { factory as typed } from '../../../src/exporters/otlp-grpc/factory.ts'
import { decompress } from '../../../src/net/compression.ts'
import { encodeStatusDetails } from '../../../src/net/rpc-status.ts'
import { GRPC } from '../../../src/net/status.ts'
import { encodeExportResponse } from '../../../src/otlp/responses.ts'
import { startBackend } from '../../harness/backend.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { answerOk, answerStatus, startHttp2Backend } from '../../net/http2-backend.ts'
import { counts, startOtlpExporter } from '../otlp-kit.ts'

const factory = typed as Factory
const tls = { insecure: true }

test('delivers the three signals to a grpc-js server', async t => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const config = { endpoint: `127.0.0.1:${backend.grpcPort}`, tls, compression: 'gzip' }
  const kit = await startOtlpExporter(t, factory, config)

  for (const signal of SIGNALS) assert.equal(await kit.deliver(signal), 'accepted')

  for (const signal of SIGNALS) {
    assert.equal(backend.items(signal), 5)
    assert.deepEqual(backend.joined(signal), Buffer.from(sampleRequest(signal, 1).bytes))
  }
})

test('sends the method, the headers and the compression that the configuration names', async t => {
  const backend = await startHttp2Backend(t)
  const config = {
    endpoint: `http://127.0.0.1:${backend.port}`,
    headers: { 'X-Key': 's3cret', 'can you have a . here?': 'no' },
    authority: 'other.test',
    timeout: '7s',
  }
  const kit = await startOtlpExporter(t, factory, config)

  await kit.deliver('logs', 3, 20)

  const [{ headers, message, flag }] = backend.calls
  assert.equal(headers[':path'], GRPC_EXPORT_PATH.logs)
  assert.equal(headers['x-key'], 's3cret')
  assert.equal(headers[':authority'], 'other.test')
  assert.equal(headers['grpc-timeout'], '7000m')
  assert.match(String(headers['user-agent']), /^millrace\/\d/)
  assert.equal(headers['grpc-encoding'], 'gzip')
  assert.equal(flag, 1)
  assert.deepEqual(gunzipSync(message), Buffer.from(sampleRequest('logs', 3, 20).bytes))
})

for (const compression of ['none', 'zstd', 'snappy']) {
  test(`compresses with ${compression}`, async t => {
    const backend = await startHttp2Backend(t)
    const config = { endpoint: `127.0.0.1:${backend.port}`, tls, compression }
    const kit = await startOtlpExporter(t, factory, config)

    assert.equal(await kit.deliver('traces', 1, 50), 'accepted')

    const [{ headers, message, flag }] = backend.calls
    assert.equal(headers['grpc-encoding'], compression === 'none' ? undefined : compression)
    assert.equal(flag, compression === 'none' ? 0 : 1)
    const encoding = compression === 'snappy' ? 'x-snappy-framed' : compression
    const bytes = (await decompress(encoding, message, 1 << 20)) as Uint8Array
    assert.deepEqual(Buffer.from(bytes), Buffer.from(sampleRequest('traces', 1, 50).bytes))
  })
}

for (const name of [
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNAVAILABLE',
  'DATA_LOSS',
  'RESOURCE_EXHAUSTED',
] as const) {
  test(`tries again after ${name}`, async t => {
    const backend = await startHttp2Backend(t)
    backend.answer = c => (backend.calls.length < 3 ? answerStatus(c, GRPC[name]) : answerOk(c))
    const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

    assert.equal(await kit.deliver(), 'accepted')

    assert.equal(backend.calls.length, 3)
    assert.deepEqual(counts(kit), { sent: 5 })
  })
}

for (const [name, why] of [
  ['UNKNOWN', 'rejected'],
  ['INVALID_ARGUMENT', 'bad_data'],
  ['NOT_FOUND', 'rejected'],
  ['ALREADY_EXISTS', 'rejected'],
  ['PERMISSION_DENIED', 'permission_denied'],
  ['UNAUTHENTICATED', 'unauthenticated'],
  ['FAILED_PRECONDITION', 'rejected'],
  ['UNIMPLEMENTED', 'unimplemented'],
  ['INTERNAL', 'rejected'],
] as const) {
  test(`gives up at once after ${name}`, async t => {
    const backend = await startHttp2Backend(t)
    backend.answer = c => answerStatus(c, GRPC[name], { 'grpc-message': 'because' })
    const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

    assert.equal(await kit.deliver('traces', 1, 1), `refused: ${why}: ${name}: because`)

    assert.equal(backend.calls.length, 1)
  })
}

test('waits at least as long as RetryInfo says', async t => {
  const backend = await startHttp2Backend(t)
  const at: number[] = []
  backend.answer = c => {
    at.push(performance.now())
    const status = { code: GRPC.RESOURCE_EXHAUSTED, message: 'quota', retryDelayMs: 150 }
    const details = { 'grpc-status-details-bin': encodeStatusDetails(status) }
    if (at.length === 1) answerStatus(c, GRPC.RESOURCE_EXHAUSTED, details)
    else answerOk(c)
  }
  const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

  assert.equal(await kit.deliver(), 'accepted')

  assert.ok(at[1] - at[0] >= 149, `${at[1] - at[0]}`)
})

test('sends in halves what a server finds larger than its limit', async t => {
  const backend = await startHttp2Backend(t)
  const text = 'grpc: received message larger than max (1000 vs. 500)'
  backend.answer = c =>
    c.message.length > 500
      ? answerStatus(c, GRPC.RESOURCE_EXHAUSTED, { 'grpc-message': text })
      : answerOk(c)
  const config = { endpoint: `127.0.0.1:${backend.port}`, tls, compression: 'none' }
  const kit = await startOtlpExporter(t, factory, config)

  assert.equal(await kit.deliver('traces', 1, 20), 'accepted')

  assert.deepEqual(counts(kit), { sent: 20 })
})

test('counts a partial success and does not send it again, compressed answers included', async t => {
  const backend = await startHttp2Backend(t)
  const partial = { rejected: 2, message: 'two spans are bad' }
  backend.answer = c => answerOk(c, encodeExportResponse('traces', partial, 'proto'))
  const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

  assert.equal(await kit.deliver(), 'accepted')

  assert.equal(backend.calls.length, 1)
  assert.deepEqual(counts(kit), { sent: 3, rejected_by_destination: 2 })
})

test('an attempt ends at its timeout and is tried again', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = c => {
    if (backend.calls.length > 1) answerOk(c)
  }
  const config = { endpoint: `127.0.0.1:${backend.port}`, tls, timeout: '100ms' }
  const kit = await startOtlpExporter(t, factory, config)

  assert.equal(await kit.deliver(), 'accepted')

  assert.equal(backend.calls.length, 2)
})

test('a connection that breaks while a request is on its way costs nothing but a retry', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = c => {
    if (backend.calls.length === 1) backend.sockets[0].destroy()
    else answerOk(c)
  }
  const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

  assert.equal(await kit.deliver(), 'accepted')

  assert.deepEqual(counts(kit), { sent: 5 })
})

test('tells the sender to come back when nobody listens', async t => {
  const gone = await startHttp2Backend(t)
  await gone.close()
  const config = {
    endpoint: `127.0.0.1:${gone.port}`,
    tls,
    retry_on_failure: { enabled: false },
  }
  const kit = await startOtlpExporter(t, factory, config)

  assert.equal(await kit.deliver(), 'busy')
})

test('does not take an answer beyond 4 MiB, and does not send again', async t => {
  const backend = await startHttp2Backend(t)
  backend.answer = c => answerOk(c, Buffer.alloc(5 << 20))
  const kit = await startOtlpExporter(t, factory, { endpoint: `127.0.0.1:${backend.port}`, tls })

  assert.match(
    await kit.deliver(),
    /^refused: rejected: RESOURCE_EXHAUSTED: the response is larger/,
  )

  assert.equal(backend.calls.length, 1)
})
