/** Clients of Jaeger and Zipkin, as programs have them that never moved to OpenTelemetry: each span arrives once, with its ids. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, startMillrace } from '../harness/process.ts'
import { flatten } from '../translate/zipkin/kit.ts'
import { fetched, lacking, run } from './peer-cache.ts'

/** What Jaeger's client for Node.js sends at once; see there. */
const SPANS = 80

interface Sent {
  readonly traceId: string
  readonly spanId: string
  readonly name: string
}

/** Folder of Node.js modules with the clients that people have. */
function nodeClients(): string {
  return fetched({
    peer: 'tracing_clients',
    path: 'tracing-clients/node_modules',
    needs: 'npm with its registry',
    make: target => {
      const home = `${target}-home`
      mkdirSync(home)
      writeFileSync(join(home, 'package.json'), '{"private":true}\n')
      const names = ['jaeger-client@3.19.0', 'zipkin@0.22.0', 'zipkin-transport-http@0.22.0']
      const flags = ['--no-audit', '--no-fund', '--ignore-scripts']
      run('npm', ['install', ...flags, ...names], { cwd: home })
      run('mv', [join(home, 'node_modules'), target])
    },
  })
}

/** A Python that has Jaeger's client. */
function pythonWithJaeger(): string {
  const home = fetched({
    peer: 'jaeger_python',
    path: 'jaeger-python',
    needs: 'python3 with venv and PyPI',
    make: target => {
      run('python3', ['-m', 'venv', target])
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
      run(join(target, 'bin', 'python'), [...pip, 'jaeger-client==4.8.0', 'six'])
    },
  })
  return join(home, 'bin', 'python')
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** `port` of the receiver under test, and the program that sends there. */
interface Way {
  readonly title: string
  readonly receiver: (port: number) => object
  readonly peer: () => string
  readonly command: (peer: string, port: number) => readonly [string, readonly string[]]
}

const jaeger = (protocol: string) => (port: number) => ({
  jaeger: { protocols: { [protocol]: { endpoint: `127.0.0.1:${port}` } } },
})
const zipkin = (port: number) => ({ zipkin: { endpoint: `127.0.0.1:${port}` } })
const byNode = (way: string) => (_peer: string, port: number) =>
  [process.execPath, [script('tracing_clients.cjs'), way, String(port), String(SPANS)]] as const

const WAYS: readonly Way[] = [
  {
    title: "Jaeger's client for Node.js over UDP",
    receiver: jaeger('thrift_binary'),
    peer: nodeClients,
    command: byNode('jaeger-udp'),
  },
  {
    title: "Jaeger's client for Node.js over HTTP",
    receiver: jaeger('thrift_http'),
    peer: nodeClients,
    command: byNode('jaeger-http'),
  },
  {
    title: "Jaeger's client for Python over UDP",
    receiver: jaeger('thrift_compact'),
    peer: pythonWithJaeger,
    command: (python, port) => [
      python,
      [script('jaeger_python_client.py'), String(port), String(SPANS)],
    ],
  },
  {
    title: "Zipkin's client for JavaScript in v1 JSON",
    receiver: zipkin,
    peer: nodeClients,
    command: byNode('zipkin-v1'),
  },
  {
    title: "Zipkin's client for JavaScript in v2 JSON",
    receiver: zipkin,
    peer: nodeClients,
    command: byNode('zipkin-v2'),
  },
]

for (const { title, receiver, peer, command } of WAYS) {
  test(`takes every span that ${title} sends`, { skip: lacking(peer) }, async t => {
    const backend = await startBackend()
    t.after(() => backend.close())
    const [port, health] = await freePorts(2)
    const receivers = receiver(port)
    const config = {
      receivers,
      exporters: {
        otlp_grpc: { endpoint: `127.0.0.1:${backend.grpcPort}`, tls: { insecure: true } },
      },
      extensions: { health_check: { endpoint: `127.0.0.1:${health}` } },
      service: {
        extensions: ['health_check'],
        telemetry: { metrics: { level: 'none' } },
        pipelines: { traces: { receivers: Object.keys(receivers), exporters: ['otlp_grpc'] } },
      },
    }
    const millrace = await startMillrace(JSON.stringify(config), health)
    t.after(() => millrace.stop())
    await eventually(() => millrace.output().includes('"started"'), 20_000, 'it has started')

    const [program, args] = command(peer(), port)
    const env = { ...process.env, NODE_PATH: peer() }
    const { stdout } = await promisify(execFile)(program, args, { env, timeout: 60_000 })

    const sent = JSON.parse(stdout) as Sent[]
    assert.equal(sent.length, SPANS)
    const arrived = () => flatten(backend.joined('traces'))
    await eventually(() => arrived().length >= SPANS, 20_000, 'all spans at the backend')
    const key = ({ traceId, spanId, name }: Sent) =>
      `${traceId.padStart(32, '0')} ${spanId.padStart(16, '0')} ${name}`
    assert.deepEqual(arrived().map(key).sort(), sent.map(key).sort())
    assert.equal(await millrace.stop(), 0, millrace.output())
    assert.match(millrace.output(), /"balanced":true/)
  })
}
