/** What the otlp_http exporter sends, and what each answer of a backend means for the data. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { Factory } from '../../../src/core/factory.ts'
import { HTTP_EXPORT_PATH, SIGNALS } from '../../../src/core/signal.ts'
import { factory as typed } from '../../../src/exporters/otlp-http/factory.ts'
import { decompress } from '../../../src/net/compression.ts'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { encodeExportResponse } from '../../../src/otlp/responses.ts'
import { startBackend } from '../../harness/backend.ts'
import { sampleRequest } from '../../harness/samples.ts'
import { counts, startOtlpExporter } from '../otlp-kit.ts'

const factory = typed as Factory
const PROTO = { 'content-type': 'application/x-protobuf' }

interface Received {
  readonly request: IncomingMessage
  readonly body: Buffer
}

/** Answers request number `n` (from 1) as the test says. */
async function startServer(
  t: TestContext,
  answer: (response: ServerResponse, n: number, request: IncomingMessage) => void,
): Promise<{ endpoint: string; received: Received[]; connections: () => number }> {
  const received: Received[] = []
  let connections = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    received.push({ request, body: Buffer.concat(chunks) })
    answer(response, received.length, request)
  })
  server.on('connection', () => connections++)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { endpoint: `http://127.0.0.1:${port}`, received, connections: () => connections }
}

const ok = (response: ServerResponse): void => void response.writeHead(200, PROTO).end()

test('delivers the three signals to their paths', async t => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const kit = await startOtlpExporter(t, factory, {
    endpoint: `http://127.0.0.1:${backend.httpPort}`,
  })

  for (const signal of SIGNALS) assert.equal(await kit.deliver(signal), 'accepted')

  for (const signal of SIGNALS) {
    assert.deepEqual(backend.joined(signal), Buffer.from(sampleRequest(signal, 1).bytes))
  }
})

test('appends the path to the common endpoint and takes an endpoint of a signal as it is', async t => {
  const server = await startServer(t, ok)
  const kit = await startOtlpExporter(t, factory, {
    endpoint: `${server.endpoint}/base/`,
    logs_endpoint: `${server.endpoint}/my/logs?key=1`,
  })

  await kit.deliver('traces')
  await kit.deliver('logs')

  assert.deepEqual(
    server.received.map(({ request }) => request.url),
    ['/base/v1/traces', '/my/logs?key=1'],
  )
})

test('sends length, type, encoding and the configured headers over a kept connection', async t => {
  const server = await startServer(t, ok)
  const headers = { Authorization: 'Bearer s3cret', 'bad name': 'x', 'Content-Length': '1' }
  const kit = await startOtlpExporter(t, factory, { endpoint: server.endpoint, headers })

  for (let i = 0; i < 3; i++) await kit.deliver('traces', i, 20)

  const [{ request, body }] = server.received
  assert.equal(request.method, 'POST')
  assert.equal(request.headers['content-type'], 'application/x-protobuf')
  assert.equal(request.headers['content-encoding'], 'gzip')
  assert.equal(request.headers['content-length'], String(body.length))
  assert.equal(request.headers['transfer-encoding'], undefined)
  assert.equal(request.headers.authorization, 'Bearer s3cret')
  assert.match(request.headers['user-agent']!, /^millrace\/\d/)
  assert.deepEqual(gunzipSync(body), Buffer.from(sampleRequest('traces', 0, 20).bytes))
  assert.equal(server.connections(), 1)
})

test('opens a connection for every request with disable_keep_alives', async t => {
  const server = await startServer(t, ok)
  const config = { endpoint: server.endpoint, disable_keep_alives: true }
  const kit = await startOtlpExporter(t, factory, config)

  for (let i = 0; i < 3; i++) assert.equal(await kit.deliver(), 'accepted')

  assert.equal(server.connections(), 3)
})

for (const compression of ['none', 'zstd', 'deflate', 'zlib', 'snappy', 'x-snappy-framed', 'lz4']) {
  test(`compresses with ${compression}`, async t => {
    const server = await startServer(t, ok)
    const kit = await startOtlpExporter(t, factory, { endpoint: server.endpoint, compression })

    assert.equal(await kit.deliver('traces', 1, 50), 'accepted')

    const [{ request, body }] = server.received
    const encoding = request.headers['content-encoding'] ?? 'none'
    assert.equal(encoding, compression)
    const bytes = (await decompress(encoding, body, 1 << 20)) as Uint8Array
    assert.deepEqual(Buffer.from(bytes), Buffer.from(sampleRequest('traces', 1, 50).bytes))
  })
}

test('sends JSON that reads back as the same request', async t => {
  const server = await startServer(t, ok)
  const config = { endpoint: server.endpoint, encoding: 'json', compression: 'none' }
  const kit = await startOtlpExporter(t, factory, config)

  for (const signal of SIGNALS) await kit.deliver(signal)

  for (const [i, signal] of SIGNALS.entries()) {
    const { request, body } = server.received[i]
    assert.equal(request.url, HTTP_EXPORT_PATH[signal])
    assert.equal(request.headers['content-type'], 'application/json')
    const bytes = decodeJson(signal, body) as Uint8Array
    assert.equal(bytes.length, sampleRequest(signal, 1).bytes.length)
  }
})

for (const status of [429, 502, 503, 504]) {
  test(`tries again after ${status}`, async t => {
    const server = await startServer(t, (response, n) => {
      if (n < 3) response.writeHead(status).end('later')
      else ok(response)
    })
    const kit = await startOtlpExporter(t, factory, { endpoint: server.endpoint })

    assert.equal(await kit.deliver(), 'accepted')

    assert.equal(server.received.length, 3)
    assert.deepEqual(counts(kit), { sent: 5 })
  })
}

for (const [status, why] of [
  [400, 'bad_data'],
  [401, 'unauthenticated'],
  [402, 'rejected'],
  [403, 'permission_denied'],
  [404, 'unimplemented'],
  [405, 'unimplemented'],
  [414, 'rejected'],
  [431, 'rejected'],
  [500, 'rejected'],
  [501, 'rejected'],
  [302, 'rejected'],
] as const) {
  test(`gives up at once after ${status}`, async t => {
    const server = await startServer(t, response => {
      response.writeHead(status, { location: '/elsewhere' }).end('because')
    })
    const kit = await startOtlpExporter(t, factory, { endpoint: server.endpoint })

    assert.equal(await kit.deliver('traces', 1, 1), `refused: ${why}: HTTP ${status}: because`)

    assert.equal(server.received.length, 1)
  })
}

test('sends in halves what a server answers with 413', async t => {
  const server = await startServer(t, (response, _n, request) => {
    const isLarge = Number(request.headers['content-length']) > 500
    response.writeHead(isLarge ? 413 : 200, PROTO).end()
  })
  const kit = await startOtlpExporter(t, factory, {
    endpoint: server.endpoint,
    compression: 'none',
  })

  assert.equal(await kit.deliver('traces', 1, 20), 'accepted')

  assert.deepEqual(counts(kit), { sent: 20 })
})

for (const [what, header, least] of [
  ['seconds', '1', 990],
  ['a date that is past', 'Mon, 09 Feb 2015 15:04:05 GMT', 0],
  ['nonsense', 'Malformed', 0],
] as const) {
  test(`obeys Retry-After as ${what}`, async t => {
    const at: number[] = []
    const server = await startServer(t, (response, n) => {
      at.push(performance.now())
      if (n === 1) response.writeHead(429, { 'retry-after': header }).end()
      else ok(response)
    })
    const kit = await startOtlpExporter(t, factory, { endpoint: server.endpoint })

    assert.equal(await kit.deliver(), 'accepted')

    assert.ok(at[1] - at[0] >= least, `${at[1] - at[0]}`)
    assert.ok(at[1] - at[0] < least + 1000)
  })
}

for (const format of ['proto', 'json'] as const) {
  test(`counts a partial success in ${format} and does not send it again`, async t => {
    const type = format === 'json' ? 'application/json; charset=utf-8' : 'application/x-protobuf'
    const body = encodeExportResponse('traces', { rejected: 2, message: 'bad' }, format)
    const server = await startServer(t, response => {
      response.writeHead(200, { 'content-type': type }).end(body)
    })
    const kit = await startOtlpExporter(t, factory, { endpoint: server.endpoint, encoding: format })

    assert.equal(await kit.deliver(), 'accepted')

    assert.equal(server.received.length, 1)
    assert.deepEqual(counts(kit), { sent: 3, rejected_by_destination: 2 })
  })
}

test('a success whose body is nonsense or far too long is still a success', async t => {
  const server = await startServer(t, (response, n) => {
    response.writeHead(200, PROTO)
    response.end(n === 1 ? Buffer.from('not protobuf') : Buffer.alloc(5 << 20))
  })
  const kit = await startOtlpExporter(t, factory, { endpoint: server.endpoint })

  assert.equal(await kit.deliver(), 'accepted')
  assert.equal(await kit.deliver(), 'accepted')

  assert.equal(server.received.length, 2)
})

test('reads at most 64 KiB of an error page', async t => {
  const server = await startServer(t, response => {
    response.writeHead(400, { 'content-type': 'text/html' }).write('x'.repeat(1 << 20))
  })
  const kit = await startOtlpExporter(t, factory, { endpoint: server.endpoint })

  const answer = await kit.deliver()

  assert.match(answer, /^refused: bad_data: HTTP 400/)
  assert.ok(answer.length < 400)
})

test('an attempt ends at its timeout and is tried again', async t => {
  const server = await startServer(t, (response, n) => {
    if (n > 1) ok(response)
  })
  const config = { endpoint: server.endpoint, timeout: '100ms' }
  const kit = await startOtlpExporter(t, factory, config)

  assert.equal(await kit.deliver(), 'accepted')

  assert.equal(server.received.length, 2)
})

test('a connection that is closed without an answer costs nothing but a retry', async t => {
  let connections = 0
  const server = createTcpServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => {
      if (++connections < 3) socket.resetAndDestroy()
      else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kit = await startOtlpExporter(t, factory, { endpoint })

  assert.equal(await kit.deliver(), 'accepted')

  assert.equal(connections, 3)
  assert.deepEqual(counts(kit), { sent: 5 })
})

test('a kept connection that the server has closed meanwhile is replaced without a retry', async t => {
  const server = await startServer(t, response => {
    ok(response)
    response.socket!.destroySoon()
  })
  const retry_on_failure = { enabled: false }
  const kit = await startOtlpExporter(t, factory, { endpoint: server.endpoint, retry_on_failure })

  for (let i = 0; i < 5; i++) assert.equal(await kit.deliver(), 'accepted')
})

test('tells the sender to come back when nobody listens', async t => {
  const retry_on_failure = { enabled: false }
  const kit = await startOtlpExporter(t, factory, {
    endpoint: 'http://127.0.0.1:1',
    retry_on_failure,
  })

  assert.equal(await kit.deliver(), 'busy')
})

test('an early answer while the request is still being written is heard', async t => {
  const server = createTcpServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad\r\ncontent-length: 2\r\n\r\nno'))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = { endpoint, compression: 'none' }
  const kit = await startOtlpExporter(t, factory, config)

  assert.match(await kit.deliver('traces', 1, 300), /^refused: bad_data/)
})

test('needs an endpoint for every signal that it carries', async t => {
  const config = { traces_endpoint: 'http://127.0.0.1:1/t' }

  await assert.rejects(
    startOtlpExporter(t, factory, config),
    /neither endpoint nor metrics_endpoint/,
  )
})

test('a configuration without any endpoint is wrong', () => {
  const config = factory.config.schema.parse({})

  assert.match(factory.config.check!(config)[0].message, /at least one endpoint/)
})
