/** Two Go collectors as endpoints of one exporter: one is killed under load and comes back, and nothing is missing by id. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Client, credentials } from '@grpc/grpc-js'
import { GRPC_EXPORT_PATH } from '../../src/core/signal.ts'
import { type Backend, itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, type Running, startMillrace, startProcess } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { goCollector } from './peers.ts'

const IN_FLIGHT = 16

/**
 * Without a queue the collector answers only when its own backend has the data, so that killing it loses nothing that it
 * has promised.
 */
function member(listen: number, backend: Backend): string {
  return JSON.stringify({
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${listen}` } } } },
    exporters: {
      otlp_grpc: {
        endpoint: `127.0.0.1:${backend.grpcPort}`,
        tls: { insecure: true },
        sending_queue: { enabled: false },
      },
    },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_grpc'] } },
    },
  })
}

function gateway(listen: number, metrics: number, members: readonly number[], balancing: object) {
  const reader = { pull: { exporter: { prometheus: { host: '127.0.0.1', port: metrics } } } }
  return JSON.stringify({
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${listen}` } } } },
    exporters: {
      otlp_grpc: {
        endpoints: members.map(port => `127.0.0.1:${port}`),
        balancing,
        tls: { insecure: true },
        retry_on_failure: { initial_interval: '50ms', max_interval: '500ms' },
      },
    },
    service: {
      telemetry: { metrics: { readers: [reader] } },
      pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_grpc'] } },
    },
  })
}

function spanIds(backends: readonly Backend[]): Set<string> {
  const spans = backends
    .flatMap(({ requests }) => requests)
    .flatMap(({ message }) => itemsOf('traces', message))
  return new Set(spans.map(({ spanId }) => (spanId as Buffer).toString('hex')))
}

/** Sends without pause until `stop`; what is not taken is sent again. */
class Load {
  readonly #client: Client
  readonly #workers: Promise<void>[]
  #isOver = false
  sent = 0

  constructor(t: TestContext, port: number) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
    t.after(() => this.#client.close())
    this.#workers = Array.from({ length: IN_FLIGHT }, () => this.#work())
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#workers)
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      const bytes = Buffer.from(sampleRequest('traces', this.sent++).bytes)
      while (!(await this.#send(bytes))) await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  #send(bytes: Buffer): Promise<boolean> {
    const same = (buffer: Buffer): Buffer => buffer
    const path = GRPC_EXPORT_PATH.traces
    return new Promise(resolve => {
      this.#client.makeUnaryRequest(path, same, same, bytes, error => resolve(error === null))
    })
  }
}

async function series(port: number, name: string, member: number): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const line = text
    .split('\n')
    .find(each => each.startsWith(`${name}{`) && each.includes(`endpoint="127.0.0.1:${member}"`))
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1))
}

for (const [what, balancing] of [
  ['breakers alone', { circuit_breaker: { open_interval: '500ms' } }],
  [
    'health checks, ejection, adaptive concurrency and least_requests',
    {
      strategy: 'least_requests',
      health_check: { interval: '200ms', unhealthy_threshold: 2 },
      outlier_ejection: { interval: '500ms', base_ejection_time: '1s' },
      adaptive_concurrency: {},
    },
  ],
] as const) {
  test(`a Go collector that is killed and started again costs nothing, with ${what}`, async t => {
    const binary = goCollector()
    const [entry, metrics, ...members] = await freePorts(4)
    const backends = await Promise.all(members.map(() => startBackend()))
    for (const backend of backends) t.after(() => backend.close())
    const start = async (i: number): Promise<Running> => {
      const config = `yaml:${member(members[i], backends[i])}`
      const running = await startProcess(binary, ['--config', config], members[i])
      t.after(() => running.stop())
      return running
    }
    const [first] = await Promise.all([start(0), start(1)])
    const millrace = await startMillrace(gateway(entry, metrics, members, balancing), entry)
    t.after(() => millrace.stop())
    const load = new Load(t, entry)
    const both = (): boolean => backends.every(({ requests }) => requests.length > 100)
    await eventually(both, 20_000, 'both have their share')

    first.child.kill('SIGKILL')
    const breaker = 'millrace_endpoint_breaker_state'
    const isLeftOut = async (): Promise<boolean> =>
      (await series(metrics, breaker, members[0])) === 2 ||
      (await series(metrics, 'millrace_endpoint_healthy', members[0])) === 0
    await eventually(isLeftOut, 20_000, 'the first is left out')
    const [before, during] = backends.map(({ requests }) => requests.length)
    await eventually(() => backends[1].requests.length > during + 100, 20_000, 'the second goes on')
    await start(0)
    await eventually(() => backends[0].requests.length > before + 100, 20_000, 'the first is back')
    await load.stop()
    const code = await millrace.stop()

    assert.equal(code, 0, millrace.output())
    assert.match(millrace.output(), /"balanced":true/)
    assert.equal(spanIds(backends).size, load.sent * 5)
  })
}
