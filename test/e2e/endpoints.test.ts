/** A gateway in front of two collectors of its own kind: balanced, checked by their health services, moved when one stops. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { type Backend, itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { type E2e, GrpcSender, sendUntilTaken, startCollector } from './kit.ts'

interface Member {
  readonly backend: Backend
  readonly port: number
  start(): Promise<E2e>
}

/** A collector that gives what it takes to a backend, and can be stopped and started again on its port. */
async function memberOf(t: TestContext, port: number): Promise<Member> {
  const backend = await startBackend()
  t.after(() => backend.close())
  const config = {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: {
      otlp_grpc: { endpoint: `127.0.0.1:${backend.grpcPort}`, tls: { insecure: true } },
    },
    service: { pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_grpc'] } } },
  }
  return { backend, port, start: () => startCollector(t, config) }
}

function gateway(port: number, members: readonly Member[]): object {
  return {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: {
      otlp_grpc: {
        endpoints: members.map(member => `127.0.0.1:${member.port}`),
        balancing: {
          health_check: { interval: '100ms', jitter: 0, unhealthy_threshold: 1 },
          outlier_ejection: {},
          passive_health_check: { unhealthy_for: '1s' },
          adaptive_concurrency: {},
        },
        tls: { insecure: true },
        retry_on_failure: { initial_interval: '50ms', max_interval: '200ms' },
      },
    },
    service: { pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_grpc'] } } },
  }
}

function spanIds(members: readonly Member[]): string[] {
  return members
    .flatMap(({ backend }) => backend.requests)
    .flatMap(({ message }) => itemsOf('traces', message))
    .map(({ spanId }) => (spanId as Buffer).toString('hex'))
}

test('what a gateway was given arrives while its collectors stop and start, and is shared out again', async t => {
  const [entry, ...ports] = await freePorts(3)
  const members = await Promise.all(ports.map(port => memberOf(t, port)))
  const [first, second] = members
  const running = await Promise.all(members.map(member => member.start()))
  const { finish, log } = await startCollector(t, gateway(entry, members))
  const sender = new GrpcSender(t, entry)
  let n = 0
  const send = async (count: number): Promise<void> => {
    const load: Promise<void>[] = []
    for (let i = 0; i < count; i++) {
      const { bytes } = sampleRequest('traces', n++)
      load.push(sendUntilTaken(() => sender.send('traces', bytes)))
    }
    await Promise.all(load)
  }
  const said = (event: string): boolean => log.some(line => line.event === event)

  await send(100)
  await Promise.all([send(100), running[0].finish()])
  await eventually(() => said('endpoint_unhealthy'), 5000, 'the first is seen as dead')
  await send(100)
  const again = await first.start()
  await eventually(() => said('endpoint_healthy'), 5000, 'the first is seen as alive')
  const before = first.backend.items('traces')
  await send(100)
  await finish()
  await Promise.all([again.finish(), running[1].finish()])

  assert.equal(new Set(spanIds(members)).size, n * 5)
  assert.ok(first.backend.items('traces') - before > 100, 'the first has its share again')
  assert.ok(second.backend.items('traces') > 0)
})

test('a reload from one endpoint to several and back loses nothing', async t => {
  const [entry, ...ports] = await freePorts(3)
  const members = await Promise.all(ports.map(port => memberOf(t, port)))
  const running = await Promise.all(members.map(member => member.start()))
  const two = gateway(entry, members)
  const one = structuredClone(two) as { exporters: { otlp_grpc: Record<string, unknown> } }
  delete one.exporters.otlp_grpc.endpoints
  delete one.exporters.otlp_grpc.balancing
  one.exporters.otlp_grpc.endpoint = `127.0.0.1:${members[0].port}`
  const { reload, finish } = await startCollector(t, one)
  const sender = new GrpcSender(t, entry)
  let n = 0
  for (const config of [two, one, two]) {
    const load: Promise<void>[] = []
    for (let i = 0; i < 40; i++) {
      const { bytes } = sampleRequest('traces', n++)
      load.push(sendUntilTaken(() => sender.send('traces', bytes)))
    }
    await reload(config)
    await Promise.all(load)
  }
  await finish()
  for (const member of running) await member.finish()

  const ids = spanIds(members)
  assert.equal(ids.length, n * 5)
  assert.equal(new Set(ids).size, n * 5)
})
