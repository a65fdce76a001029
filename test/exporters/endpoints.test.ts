/** Exporters with several endpoints, each a server of other people's parts: shares, deaths, returns, names, certificates. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Factory } from '../../src/core/factory.ts'
import { factory as jaeger } from '../../src/exporters/jaeger/factory.ts'
import { factory as grpc } from '../../src/exporters/otlp-grpc/factory.ts'
import { factory as http } from '../../src/exporters/otlp-http/factory.ts'
import { factory as zipkin } from '../../src/exporters/zipkin/factory.ts'
import { GRPC } from '../../src/net/status.ts'
import { assertBalanced } from '../../src/testing/fakes.ts'
import { makeCertificates } from '../examples/certificates.ts'
import { type Backend, itemsOf, startBackend } from '../harness/backend.ts'
import { eventually } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { answerOk, answerStatus, startHttp2Backend } from '../net/http2-backend.ts'
import { decodeJaeger } from '../translate/jaeger/oracle.ts'
import { acceptBatch } from './batch-of.ts'
import { type OtlpKit, startOtlpExporter } from './otlp-kit.ts'

const tls = { insecure: true }
const CHECKED = { health_check: { interval: '100ms', jitter: 0, unhealthy_threshold: 2 } }

interface Kind {
  readonly factory: Factory
  endpointOf(backend: Backend): string
}

const kinds: Record<string, Kind> = {
  otlp_grpc: { factory: grpc as Factory, endpointOf: ({ grpcPort }) => `127.0.0.1:${grpcPort}` },
  otlp_http: {
    factory: http as Factory,
    endpointOf: ({ httpPort }) => `http://127.0.0.1:${httpPort}`,
  },
}

async function startBackends(t: TestContext, n: number): Promise<Backend[]> {
  const backends = await Promise.all(Array.from({ length: n }, () => startBackend()))
  for (const backend of backends) t.after(() => backend.close())
  return backends
}

function spanIds(backends: readonly Backend[]): Set<string> {
  const spans = backends.flatMap(({ requests }) =>
    requests.flatMap(({ message }) => itemsOf('traces', message)),
  )
  return new Set(spans.map(({ spanId }) => (spanId as Buffer).toString('hex')))
}

function metric(kit: OtlpKit, name: string, endpoint: string): number | undefined {
  const key = `millrace_endpoint_${name}{endpoint=${endpoint},exporter=`
  for (const [series, read] of kit.services.meter.reads) if (series.startsWith(key)) return read()
  return undefined
}

for (const [id, { factory, endpointOf }] of Object.entries(kinds)) {
  test(`${id} gives each endpoint its share`, async t => {
    const backends = await startBackends(t, 3)
    const endpoints = backends.map(endpointOf)
    const kit = await startOtlpExporter(t, factory, { endpoints, tls })

    for (let n = 0; n < 30; n++) assert.equal(await kit.deliver('traces', n), 'accepted')

    assert.deepEqual(
      backends.map(({ requests }) => requests.length),
      [10, 10, 10],
    )
  })

  test(`${id} loses nothing when endpoints die, and uses one that is back`, async t => {
    const backends = await startBackends(t, 3)
    const endpoints = backends.map(endpointOf)
    const config = { endpoints, balancing: CHECKED, tls, circuit_breaker: { enabled: false } }
    const kit = await startOtlpExporter(t, factory, config)
    const [first, second, third] = backends
    const load: Promise<string>[] = []
    const feed = (from: number, to: number): void => {
      for (let n = from; n < to; n++) load.push(kit.deliver('traces', n))
    }

    feed(0, 100)
    await first.close()
    feed(100, 200)
    await second.close()
    feed(200, 300)
    await Promise.all(load.splice(0))
    await eventually(() => metric(kit, 'healthy', endpoints[0]) === 0, 5000, 'seen as dead')
    feed(300, 400)
    await Promise.all(load.splice(0))
    const revived = await startBackend({ grpc: first.grpcPort, http: first.httpPort })
    t.after(() => revived.close())
    await eventually(() => metric(kit, 'healthy', endpoints[0]) === 1, 5000, 'seen as alive')
    let n = 400
    await eventually(
      async () => {
        await kit.deliver('traces', n++)
        return revived.requests.length > 0
      },
      10_000,
      'used again',
    )

    assert.equal(spanIds([first, second, third, revived]).size, n * 5)
    assertBalanced(kit.services.ledger)
    assert.equal(kit.services.ledger.rows()[0].sent, n * 5)
  })

  test(`${id} makes every address of a name an endpoint of its own`, async t => {
    const [backend] = await startBackends(t, 1)
    const endpoint = endpointOf(backend).replace('127.0.0.1', 'localhost')
    const config = { endpoints: [endpoint], balancing: { resolve: null }, tls }
    const kit = await startOtlpExporter(t, factory, config)

    assert.equal(await kit.deliver(), 'accepted')

    assert.equal(metric(kit, 'in_flight', `${endpoint} (127.0.0.1)`), 0)
    assert.equal(metric(kit, 'in_flight', endpoint), undefined)
  })

  test(`${id} checks certificates by the name, also where it connects to an address`, async t => {
    const certificates = await makeCertificates(t)
    if (certificates === undefined) {
      t.skip('no openssl here')
      return
    }
    const file = (name: string) => join(certificates.directory, name)
    const identity = {
      cert: await readFile(file('cert.pem')),
      key: await readFile(file('key.pem')),
    }
    const { port, names } = await startTls(t, id, identity)
    const scheme = id === 'otlp_http' ? 'https://' : ''
    const kit = await startOtlpExporter(t, factory, {
      endpoints: [`${scheme}localhost:${port}`],
      balancing: {
        resolve: null,
        health_check: { protocol: id === 'otlp_http' ? 'http' : 'grpc' },
      },
      tls: { ca_file: file('ca.pem') },
    })

    assert.equal(await kit.deliver(), 'accepted')

    await eventually(() => names.length >= 2, 5000, 'the check and the request')
    assert.deepEqual([...new Set(names)], ['localhost'])
    const label = `${scheme}localhost:${port} (127.0.0.1)`
    assert.equal(metric(kit, 'healthy', label), 1)
  })
}

/** Takes everything over TLS; `names` are those that clients asked for in the handshake. */
async function startTls(
  t: TestContext,
  id: string,
  identity: { cert: Buffer; key: Buffer },
): Promise<{ port: number; names: string[] }> {
  const names: string[] = []
  const server =
    id === 'otlp_http'
      ? createHttpsServer(identity, (request, response) => {
          request.resume()
          request.on('end', () => response.end())
        })
      : createSecureServer(identity).on('stream', stream => {
          stream.on('error', () => {})
          stream.resume()
          // Of a health check: SERVING. Of an export: an unknown field, which is nothing.
          stream.on('end', () => answerOk({ stream }, Buffer.from([0x08, 1])))
        })
  server.on('secureConnection', socket => names.push(socket.servername || 'none'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, names }
}

test('otlp_http checks a path on another port of the same host', async t => {
  const backends = await startBackends(t, 1)
  let status = 503
  const health = createHttpServer((request, response) =>
    response.writeHead(request.url === '/ready' ? status : 404).end(),
  )
  await new Promise<void>(resolve => health.listen(0, '127.0.0.1', resolve))
  t.after(() => health.close())
  const { port } = health.address() as AddressInfo
  const check = { ...CHECKED.health_check, protocol: 'http', path: '/ready', port }
  const endpoint = kinds.otlp_http.endpointOf(backends[0])
  const kit = await startOtlpExporter(t, http as Factory, {
    endpoints: [endpoint],
    balancing: { health_check: check },
  })

  await eventually(() => metric(kit, 'healthy', endpoint) === 0, 5000, 'seen as not ready')
  status = 200
  await eventually(() => metric(kit, 'healthy', endpoint) === 1, 5000, 'seen as ready')
})

test('zipkin: what one endpoint has taken of a request is not sent to another', async t => {
  const taken: string[] = []
  const startServer = async (answer: (n: number) => number): Promise<string> => {
    let n = 0
    const server = createHttpServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const status = answer(++n)
      if (status === 202) {
        const spans = JSON.parse(Buffer.concat(chunks).toString()) as { id: string }[]
        taken.push(...spans.map(({ id }) => id))
      }
      response.writeHead(status).end()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v2/spans`
  }
  const endpoints = [
    await startServer(n => (n <= 2 ? 202 : 503)),
    await startServer(n => (n <= 2 ? 202 : 503)),
    await startServer(() => 202),
  ]
  const kit = await startOtlpExporter(t, zipkin as Factory, { endpoints, max_request_bytes: 3000 })

  assert.equal(await kit.deliver('traces', 1, 100), 'accepted')

  assert.equal(taken.length, 100)
  assert.equal(new Set(taken).size, 100)
})

test('jaeger: what one endpoint has taken of a request is not sent to another', async t => {
  const taken: string[] = []
  const endpoints: string[] = []
  for (const most of [2, 2, Number.POSITIVE_INFINITY]) {
    const backend = await startHttp2Backend(t)
    let n = 0
    backend.answer = call => {
      if (++n > most) {
        answerStatus(call, GRPC.UNAVAILABLE)
        return
      }
      const { batch } = decodeJaeger('PostSpansRequest', call.message)
      for (const span of batch.spans) taken.push(span.span_id.toString('hex'))
      answerOk(call)
    }
    endpoints.push(`127.0.0.1:${backend.port}`)
  }
  const config = { endpoints, tls, max_request_bytes: 3000 }
  const kit = await startOtlpExporter(t, jaeger as Factory, config)

  const { batch } = acceptBatch(kit.services, 'traces', sampleRequest('traces', 1, 100).bytes)
  const outcome = await kit.exporter.consume(batch)

  assert.equal(outcome.kind, 'accepted')
  assert.equal(taken.length, 100)
  assert.equal(new Set(taken).size, 100)
})
