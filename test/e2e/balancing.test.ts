/** A tier of gateways in Kubernetes, seen from the agent in front of it: members join and leave while traces go through. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { makeTraces, range } from '../exporters/loadbalancing/kit.ts'
import { slice, startApiServer } from '../exporters/loadbalancing/resolvers/fake-api-server.ts'
import { type Backend, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { postProtobuf, startCollector } from './kit.ts'

const TRACES = 60
const WITHIN_MS = 20_000

test('sends each trace to one member as the endpoints of the service say, and loses nothing when they change', async t => {
  const backends = await Promise.all([startBackend(), startBackend(), startBackend()])
  t.after(() => Promise.all(backends.map(backend => backend.close())))
  const api = await startApiServer(t)
  const members = (...which: readonly number[]) =>
    slice('gateways', ...which.map(i => `127.0.0.1:${backends[i].grpcPort}`))
  api.slices = [members(0, 1)]
  const [port] = await freePorts(1)
  const { finish, log } = await startCollector(t, {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: {
      loadbalancing: {
        protocol: { otlp: { tls: { insecure: true }, timeout: '2s' } },
        resolver: {
          k8s: { service: 'gateways.tracing', api_server: { endpoint: api.url } },
        },
      },
    },
    service: { pipelines: { traces: { receivers: ['otlp'], exporters: ['loadbalancing'] } } },
  })
  const changes = () => log.filter(({ event }) => event === 'backends_changed').length
  const send = async (first: number): Promise<void> => {
    // Two spans of each trace, in requests of their own.
    for (let i = 0; i < 2; i++) {
      const bytes = makeTraces(range(TRACES, first), 'shop')
      assert.equal((await postProtobuf(port, 'traces', bytes)).code, 200)
    }
  }

  await api.watched()
  await send(0)
  api.emit('MODIFIED', members(0, 1, 2))
  await eventually(() => changes() === 2, WITHIN_MS, 'the third member is known')
  await send(100)
  // The second one is killed, and leaves the service after that.
  const [first, second, third] = backends
  await eventually(() => total(backends) === 4 * TRACES, WITHIN_MS, 'all has arrived')
  const seen = second.items('traces')
  await second.close()
  await send(200)
  api.emit('MODIFIED', members(0, 2))
  const rest = 6 * TRACES - seen
  await eventually(() => total([first, third]) === rest, WITHIN_MS, 'the rest has arrived')
  await finish()

  assert.ok(seen > 0)
  for (const backend of backends) assert.ok(backend.items('traces') > 0)
  const whole = wholeTraces(backends)
  assert.equal(whole.size, 3 * TRACES)
  for (const [trace, owners] of whole) assert.equal(owners.size, 1, trace)
})

function total(backends: readonly Backend[]): number {
  return backends.reduce((sum, backend) => sum + backend.items('traces'), 0)
}

/** By trace id, the numbers of the backends that have spans of it. */
function wholeTraces(backends: readonly Backend[]): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>()
  backends.forEach(({ requests }, i) => {
    for (const { message } of requests) {
      // biome-ignore lint/suspicious/noExplicitAny: as protobufjs decodes it
      for (const { scopeSpans } of (message as any).resourceSpans) {
        for (const { spans } of scopeSpans) {
          for (const { traceId } of spans) {
            const trace = traceId.toString('hex')
            found.set(trace, (found.get(trace) ?? new Set()).add(i))
          }
        }
      }
    }
  })
  return found
}
