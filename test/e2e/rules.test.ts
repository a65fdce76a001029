/** Rules in a running collector, fed by the JavaScript SDK: drop, reshape, two backends, mirror, reload under load, rollback. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc'
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { type Backend, itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { sampleRequest } from '../harness/samples.ts'
import { GrpcSender, sendUntilTaken, startCollector } from './kit.ts'

const RULES = `version: 1
rules:
  - name: health
    when: attributes["url.path"] == "/healthz"
    do: drop
  - name: mask
    when: attributes["card"] != nil
    do:
      - replace_pattern(attributes["card"], "\\\\d+(\\\\d{4})", "****$$1")
  - name: errors
    when: status.code == STATUS_CODE_ERROR
    do: { route: [otlp_grpc/main, otlp_http/errors] }
  - name: shadow
    when: name == "checkout"
    do: { mirror: otlp_http/errors }
`

async function start(t: TestContext, rules: string) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-e2e-rules-'))
  const path = join(folder, 'r.yaml')
  writeFileSync(path, rules)
  const [main, other] = await Promise.all([startBackend(), startBackend()])
  const [port] = await freePorts(1)
  const { collector, log, finish } = await startCollector(t, {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { rules: { files: [path], decisions: { sample_rate: 1 } } },
    exporters: {
      'otlp_grpc/main': { endpoint: `127.0.0.1:${main.grpcPort}`, tls: { insecure: true } },
      'otlp_http/errors': { endpoint: `http://127.0.0.1:${other.httpPort}` },
    },
    service: {
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['rules'], exporters: ['otlp_grpc/main'] },
      },
    },
  })
  t.after(async () => {
    await Promise.all([main.close(), other.close()])
    rmSync(folder, { recursive: true })
  })
  return { path, main, other, port, collector, log, finish }
}

function namesAt(backend: Backend): string[] {
  return backend.requests
    .flatMap(request => itemsOf('traces', request.message).map(span => String(span.name)))
    .sort()
}

test('spans of the SDK are dropped, reshaped, routed to two backends and mirrored', async t => {
  const { main, other, port, finish } = await start(t, RULES)
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}` })
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] })
  const tracer = provider.getTracer('shop')

  tracer.startSpan('GET /healthz', { attributes: { 'url.path': '/healthz' } }).end()
  tracer.startSpan('pay', { attributes: { card: '4111111111111111' } }).end()
  const failed = tracer.startSpan('charge')
  failed.setStatus({ code: SpanStatusCode.ERROR }).end()
  tracer.startSpan('checkout').end()
  await provider.shutdown()
  trace.disable()
  await finish()

  assert.deepEqual(namesAt(main), ['charge', 'checkout', 'pay'])
  assert.deepEqual(namesAt(other), ['charge', 'checkout'])
  const spans = main.requests.flatMap(request => itemsOf('traces', request.message))
  const pay = spans.find(span => span.name === 'pay') as { attributes: { value: object }[] }
  assert.deepEqual(pay.attributes[0].value, { stringValue: '****1111' })
})

test('sets change under load: nothing is lost, no request sees half of each, and a bad set stays out', async t => {
  const stamp = (set: string) =>
    `version: 1\nrules:\n  - name: one\n    do: ['set(attributes["one"], "${set}")']\n  - name: two\n    do: ['set(attributes["two"], "${set}")']\n`
  const { path, main, port, collector, finish } = await start(t, stamp('a'))
  const [control] = collector.inspector.rules()
  const sender = new GrpcSender(t, port)
  let isOver = false
  let sent = 0
  const flow = async (): Promise<void> => {
    for (; !isOver; sent++) {
      await sendUntilTaken(() => sender.send('traces', sampleRequest('traces', sent).bytes))
    }
  }

  const flowing = Promise.all([flow(), flow(), flow()])
  for (const set of ['b', 'c', 'a', 'd']) {
    writeFileSync(path, stamp(set))
    await waitFor(() => control.view().live.origin === 'file' && sawSet(main, set))
  }
  writeFileSync(path, 'version: 1\nrules: [{ name: x, do: nothing }]\n')
  await waitFor(() => control.view().refusal !== null)
  assert.equal(control.rollback(), null)
  await waitFor(() => lastSet(main) === 'a')
  isOver = true
  await flowing
  await finish()

  assert.equal(main.items('traces'), sent * 5)
  for (const request of main.requests) {
    const sets = itemsOf('traces', request.message).map(span => setsOf(span).join())
    for (const each of sets) assert.match(each, /^(.),\1$/)
  }
})

function setsOf(span: Record<string, unknown>): string[] {
  const attributes = span.attributes as { key: string; value: { stringValue: string } }[]
  return attributes
    .filter(({ key }) => key === 'one' || key === 'two')
    .map(({ value }) => value.stringValue)
}

function lastSet(backend: Backend): string | undefined {
  const last = backend.requests.at(-1)
  return last && setsOf(itemsOf('traces', last.message).at(-1)!)[0]
}

function sawSet(backend: Backend, set: string): boolean {
  return lastSet(backend) === set
}

async function waitFor(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !isSo(); i++) await new Promise(resolve => setTimeout(resolve, 20))
  assert.ok(isSo(), new Error('it did not happen in time'))
}
