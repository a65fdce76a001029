/** What the zipkin exporter posts, and what each answer of a server means for the data. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { Factory } from '../../../src/core/factory.ts'
import { factory as typed } from '../../../src/exporters/zipkin/factory.ts'
import { assertBalanced } from '../../../src/testing/fakes.ts'
import { eventually } from '../../harness/process.ts'
import { encode } from '../../otlp/oracle.ts'
import { decodeZipkinProto } from '../../translate/zipkin/kit.ts'
import { acceptBatch } from '../batch-of.ts'
import { counts, startOtlpExporter } from '../otlp-kit.ts'

const factory = typed as Factory

interface Received {
  readonly request: IncomingMessage
  readonly body: Buffer
}

/** Answers request number `n` (from 1) as the test says. */
async function startServer(
  t: TestContext,
  answer: (response: ServerResponse, n: number, body: Buffer) => void = accept,
): Promise<{ endpoint: string; received: Received[] }> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    received.push({ request, body })
    answer(response, received.length, body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { endpoint: `http://127.0.0.1:${port}/api/v2/spans`, received }
}

function accept(response: ServerResponse): void {
  response.writeHead(202).end()
}

function status(code: number, text = '', headers: Record<string, string> = {}) {
  return (response: ServerResponse) => void response.writeHead(code, headers).end(text)
}

const listOf = (body: Buffer): Record<string, unknown>[] => JSON.parse(body.toString())

test('posts v2 JSON to the endpoint as it is', async t => {
  const { endpoint, received } = await startServer(t)
  const kit = await startOtlpExporter(t, factory, { endpoint: `${endpoint}?tenant=a` })

  assert.equal(await kit.deliver('traces', 1, 3), 'accepted')

  const [{ request, body }] = received
  assert.equal(request.method, 'POST')
  assert.equal(request.url, '/api/v2/spans?tenant=a')
  assert.equal(request.headers['content-type'], 'application/json')
  assert.equal(request.headers['content-encoding'], undefined)
  assert.equal(request.headers['content-length'], String(body.length))
  assert.deepEqual(
    listOf(body).map(({ name, kind, localEndpoint }) => ({ name, kind, localEndpoint })),
    [0, 1, 2].map(i => ({
      name: `GET /items/${i}`,
      kind: 'SERVER',
      localEndpoint: { serviceName: 'sample-1' },
    })),
  )
  assert.deepEqual(counts(kit), { sent: 3 })
})

test('writes ids in hexadecimal and times in microseconds', async t => {
  const { endpoint, received } = await startServer(t)
  const kit = await startOtlpExporter(t, factory, { endpoint })

  await kit.deliver('traces', 7, 2)

  for (const { traceId, id, timestamp, duration } of listOf(received[0].body)) {
    assert.match(String(traceId), /^00000007[0-9a-f]{24}$/)
    assert.match(String(id), /^00000007[0-9a-f]{8}$/)
    assert.equal(timestamp, 1_700_000_000_000_000)
    assert.equal(duration, 250_000)
  }
})

test('posts protobuf when the format says so', async t => {
  const { endpoint, received } = await startServer(t)
  const kit = await startOtlpExporter(t, factory, { endpoint, format: 'proto' })

  await kit.deliver('traces', 1, 3)

  const [{ request, body }] = received
  assert.equal(request.headers['content-type'], 'application/x-protobuf')
  assert.deepEqual(
    decodeZipkinProto(body).map(span => span.name),
    ['GET /items/0', 'GET /items/1', 'GET /items/2'],
  )
})

test('compresses and sends the configured headers', async t => {
  const { endpoint, received } = await startServer(t)
  const headers = { 'X-Scope-OrgID': 'shop', 'Content-Type': 'text/plain' }
  const kit = await startOtlpExporter(t, factory, { endpoint, headers, compression: 'gzip' })

  await kit.deliver('traces', 1, 20)

  const [{ request, body }] = received
  assert.equal(request.headers['x-scope-orgid'], 'shop')
  assert.equal(request.headers['content-type'], 'application/json')
  assert.equal(request.headers['content-encoding'], 'gzip')
  assert.equal(listOf(gunzipSync(body)).length, 20)
})

test('calls a service without a name as configured', async t => {
  const { endpoint, received } = await startServer(t)
  const plain = await startOtlpExporter(t, factory, { endpoint })
  const named = await startOtlpExporter(t, factory, { endpoint, default_service_name: 'legacy' })

  for (const kit of [plain, named]) await deliver(kit, [span(1)])

  assert.deepEqual(
    received.map(({ body }) => listOf(body)[0].localEndpoint),
    [{ serviceName: 'unknown_service' }, { serviceName: 'legacy' }],
  )
})

test('takes spans without valid ids out and sends the others', async t => {
  const { endpoint, received } = await startServer(t)
  const kit = await startOtlpExporter(t, factory, { endpoint })

  const outcome = await deliver(kit, [
    span(1),
    { ...span(2), traceId: Buffer.alloc(16) },
    span(3),
    { ...span(4), spanId: Buffer.alloc(8) },
    { ...span(5), traceId: Buffer.alloc(16, 0).fill(7, 15) },
  ])

  assert.equal(outcome, 'refused')
  assert.equal(listOf(received[0].body).length, 3)
  assert.deepEqual(counts(kit), { sent: 3 })
})

test('drops spans without valid ids for that reason when they came out of a queue', async t => {
  const { endpoint, received } = await startServer(t)
  const kit = await startOtlpExporter(t, factory, { endpoint, sending_queue: { enabled: true } })

  await deliver(kit, [span(1), { ...span(2), traceId: Buffer.alloc(16) }])
  await eventually(() => kit.services.ledger.rows()[0].held === 0, 5000, 'the queue to be empty')

  assert.equal(listOf(received[0].body).length, 1)
  assert.deepEqual(counts(kit), { sent: 1, invalid_ids: 1 })
  assertBalanced(kit.services.ledger)
})

for (const format of ['json', 'proto'] as const) {
  test(`cuts a ${format} list that is over max_request_bytes between its spans`, async t => {
    const { endpoint, received } = await startServer(t)
    const config = { endpoint, format, max_request_bytes: 4096 }
    const kit = await startOtlpExporter(t, factory, config)

    assert.equal(await kit.deliver('traces', 1, 200), 'accepted')

    const names = received.flatMap(({ body }) =>
      (format === 'json' ? listOf(body) : decodeZipkinProto(body)).map(({ name }) => name),
    )
    assert.ok(received.length > 5)
    assert.ok(received.every(({ body }) => body.length <= 4096))
    assert.deepEqual(names.sort(), Array.from({ length: 200 }, (_, i) => `GET /items/${i}`).sort())
    assert.deepEqual(counts(kit), { sent: 200 })
  })
}

for (const [what, refuse] of [
  ['a server', status(413)],
  ["Zipkin's server in its own way", status(500, '413 Request Entity Too Large')],
] as const) {
  test(`halves a list that ${what} finds too large`, async t => {
    const limit = 8_000
    const { endpoint, received } = await startServer(t, (response, _n, body) =>
      body.length > limit ? refuse(response) : accept(response),
    )
    const kit = await startOtlpExporter(t, factory, { endpoint })

    assert.equal(await kit.deliver('traces', 1, 100), 'accepted')

    const taken = received.filter(({ body }) => body.length <= limit)
    assert.equal(taken.flatMap(({ body }) => listOf(body)).length, 100)
    assert.deepEqual(counts(kit), { sent: 100 })
  })
}

test('lets go of a span that is too large all alone, with that reason', async t => {
  const { endpoint, received } = await startServer(t)
  const kit = await startOtlpExporter(t, factory, { endpoint, max_request_bytes: 2000 })

  const outcome = await deliver(kit, [span(1), span(2, 'x'.repeat(5000)), span(3)])

  assert.equal(outcome, 'refused')
  assert.equal(received.flatMap(({ body }) => listOf(body)).length, 2)
  assert.equal(kit.services.meter.total('otelcol_exporter_send_failed_spans'), 1)
})

for (const code of [408, 429, 500, 502, 503, 504]) {
  test(`tries again after HTTP ${code}`, async t => {
    const { endpoint, received } = await startServer(t, (response, n) =>
      n === 1 ? status(code)(response) : accept(response),
    )
    const kit = await startOtlpExporter(t, factory, { endpoint })

    assert.equal(await kit.deliver(), 'accepted')

    assert.equal(received.length, 2)
    assert.deepEqual(counts(kit), { sent: 5 })
  })
}

for (const [code, why] of [
  [400, 'bad_data'],
  [401, 'unauthenticated'],
  [403, 'permission_denied'],
  [404, 'unimplemented'],
  [415, 'unimplemented'],
  [301, 'rejected'],
] as const) {
  test(`gives up after HTTP ${code}, and says what the server said`, async t => {
    const { endpoint } = await startServer(t, status(code, 'because\n'))
    const kit = await startOtlpExporter(t, factory, { endpoint })

    assert.equal(await kit.deliver('traces', 1, 1), `refused: ${why}: HTTP ${code}: because`)
  })
}

test('waits as long as the server asks', async t => {
  const { endpoint } = await startServer(t, status(429, '', { 'retry-after': '7' }))
  const kit = await startOtlpExporter(t, factory, {
    endpoint,
    retry_on_failure: { enabled: false },
  })

  assert.equal(await kit.deliver(), 'busy')
})

test('tries again when there is no server, and when it breaks off', async t => {
  const { endpoint, received } = await startServer(t, (response, n) => {
    if (n === 1) response.socket?.destroy()
    else accept(response)
  })
  const kit = await startOtlpExporter(t, factory, { endpoint })
  const nobody = await startOtlpExporter(t, factory, {
    endpoint: 'http://127.0.0.1:1/api/v2/spans',
    retry_on_failure: { enabled: false },
  })

  assert.equal(await kit.deliver(), 'accepted')
  assert.equal(await nobody.deliver(), 'busy')

  assert.equal(received.length, 2)
})

test('does not start without an endpoint that is a URL', () => {
  const parse = (config: object): boolean => {
    const { success, data } = factory.config.schema.safeParse(config)
    return success && factory.config.check?.(data).length === 0
  }

  assert.equal(parse({}), false)
  assert.equal(parse({ endpoint: 'localhost:9411' }), false)
  assert.equal(parse({ endpoint: 'http://localhost:9411', format: 'thrift' }), false)
  assert.equal(parse({ endpoint: 'http://localhost:9411/api/v2/spans', format: 'proto' }), true)
})

function span(n: number, text = 'x'): Record<string, unknown> {
  return {
    traceId: Buffer.alloc(16, n),
    spanId: Buffer.alloc(8, n),
    name: `span ${n}`,
    startTimeUnixNano: '1700000000000000000',
    endTimeUnixNano: '1700000000250000000',
    attributes: [{ key: 'text', value: { stringValue: text } }],
  }
}

async function deliver(
  { exporter, services }: Awaited<ReturnType<typeof startOtlpExporter>>,
  spans: readonly object[],
): Promise<string> {
  const request = { resourceSpans: [{ scopeSpans: [{ spans }] }] }
  const { batch } = acceptBatch(services, 'traces', encode('TracesRequest', request))
  const outcome = await exporter.consume(batch)
  const isTaken = outcome.kind === 'refused' && outcome.items < batch.items
  if (outcome.kind !== 'accepted' && !isTaken) batch.release()
  return outcome.kind
}
