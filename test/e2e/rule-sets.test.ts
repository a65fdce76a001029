/** Rules in a running collector: splits, mirrors that fail, swapped links, sets that are brought back by hand or by the guard. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { context, type Span, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc'
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { type Backend, itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, MAIN, startMillrace } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { GrpcSender, sendUntilTaken, startCollector } from './kit.ts'

const WITHIN_MS = 20_000

function rulesOf(...lines: readonly string[]): string {
  return `version: 1\nrules:\n${lines.map(line => `  - ${line}\n`).join('')}`
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-e2e-sets-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

interface Wanted {
  /** Of the rule file. */
  readonly path: string
  readonly settings?: object
  /** Where `otlp_http/other` sends instead of to a backend. */
  readonly otherPort?: number
}

async function configure(t: TestContext, { path, settings, otherPort }: Wanted) {
  const [main, other] = await Promise.all([startBackend(), startBackend()])
  t.after(() => Promise.all([main.close(), other.close()]))
  const [port] = await freePorts(1)
  const config = {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { rules: { files: [path], ...settings } },
    exporters: {
      'otlp_grpc/main': { endpoint: `127.0.0.1:${main.grpcPort}`, tls: { insecure: true } },
      'otlp_http/other': {
        endpoint: `http://127.0.0.1:${otherPort ?? other.httpPort}`,
        retry_on_failure: { enabled: false },
      },
    },
    service: {
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['rules'], exporters: ['otlp_grpc/main'] },
      },
    },
  }
  return { main, other, port, config }
}

async function start(t: TestContext, wanted: Wanted) {
  const { config, ...rest } = await configure(t, wanted)
  const { collector, finish } = await startCollector(t, config)
  const [control] = collector.inspector.rules()
  return { ...rest, collector, control, finish }
}

/** Traces of one root and its children, as the SDK makes and sends them. */
async function sendTraces(port: number, traces: number, children: number): Promise<void> {
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}` })
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] })
  const tracer = provider.getTracer('shop')
  for (let i = 0; i < traces; i++) {
    const root: Span = tracer.startSpan('root')
    const inside = trace.setSpan(context.active(), root)
    for (let j = 0; j < children; j++) tracer.startSpan('child', {}, inside).end()
    root.end()
    // The processor's queue is bounded.
    if (i % 100 === 99) await provider.forceFlush()
  }
  await provider.shutdown()
}

function spansAt(backend: Backend): Record<string, unknown>[] {
  return backend.requests.flatMap(request => itemsOf('traces', request.message))
}

function traceIdsAt(backend: Backend): Set<string> {
  return new Set(spansAt(backend).map(span => Buffer.from(span.traceId as Buffer).toString('hex')))
}

/** Sends without a pause until `isSo`; how many spans were taken. */
async function sendUntil(t: TestContext, port: number, isSo: () => boolean): Promise<number> {
  const sender = new GrpcSender(t, port)
  let taken = 0
  const end = Date.now() + WITHIN_MS
  while (!isSo()) {
    assert.ok(Date.now() < end, `it did not happen within ${WITHIN_MS} ms`)
    await sendUntilTaken(() => sender.send('traces', sampleRequest('traces', taken).bytes))
    taken += 5
  }
  return taken
}

test('a split sends each trace of the SDK whole to one place, by its weights', async t => {
  const path = join(temporaryFolder(t), 'r.yaml')
  const split = '{ otlp_grpc/main: 80, otlp_http/other: 20 }'
  writeFileSync(path, rulesOf(`{ name: s, do: { route: { split: ${split}, by: trace_id } } }`))
  const { main, other, port, finish } = await start(t, { path })

  await sendTraces(port, 1000, 2)
  await finish()

  const [left, right] = [traceIdsAt(main), traceIdsAt(other)]
  assert.equal(main.items('traces') + other.items('traces'), 3000)
  assert.equal(left.size + right.size, 1000)
  assert.equal([...left].filter(id => right.has(id)).length, 0)
  assert.equal(main.items('traces'), left.size * 3)
  // Five standard deviations of 1,000 draws at 0.2.
  assert.ok(Math.abs(right.size - 200) < 64, new Error(`${right.size} of 1000`))
})

test('a mirror takes whole traces by its share, and the original is not touched', async t => {
  const path = join(temporaryFolder(t), 'r.yaml')
  writeFileSync(path, rulesOf('{ name: m, do: { mirror: otlp_http/other, percent: 30 } }'))
  const { main, other, port, finish } = await start(t, { path })

  await sendTraces(port, 1000, 1)
  await finish()

  assert.equal(main.items('traces'), 2000)
  assert.equal(other.items('traces'), traceIdsAt(other).size * 2)
  assert.ok(Math.abs(traceIdsAt(other).size - 300) < 73, new Error(`${traceIdsAt(other).size}`))
})

test('a mirror that nobody answers costs the original nothing', async t => {
  const path = join(temporaryFolder(t), 'r.yaml')
  writeFileSync(path, rulesOf('{ name: m, do: { mirror: otlp_http/other } }'))
  const [closed] = await freePorts(1)
  const { main, port, finish } = await start(t, { path, otherPort: closed })

  await sendTraces(port, 100, 1)
  const report = await finish()

  assert.equal(main.items('traces'), 200)
  const dropped = report.rows.flatMap(row => row.dropped ?? [])
  assert.equal(
    dropped.reduce((sum, drop) => sum + (drop.intentional ? 0 : drop.items), 0),
    200,
  )
})

test('a set comes in through a swapped link, as Kubernetes mounts it, while clients send', async t => {
  const folder = temporaryFolder(t)
  const mount = (version: string, value: string): void => {
    mkdirSync(join(folder, version))
    const text = rulesOf(`{ name: stamp, do: ['set(attributes["set"], "${value}")'] }`)
    writeFileSync(join(folder, version, 'r.yaml'), text)
    symlinkSync(version, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  }
  mount('..v1', 'first')
  symlinkSync('..data/r.yaml', join(folder, 'r.yaml'))
  const { main, port, control, finish } = await start(t, { path: join(folder, 'r.yaml') })
  const { hash } = control.view().live

  const before = await sendUntil(t, port, () => main.items('traces') >= 50)
  mount('..v2', 'second')
  const during = await sendUntil(t, port, () => control.view().live.hash !== hash)
  const after = await sendUntil(t, port, () => setsAt(main).includes('second'))
  await finish()

  assert.equal(main.items('traces'), before + during + after)
  assert.deepEqual([...new Set(setsAt(main))], ['first', 'second'])
  assert.equal(control.view().live.origin, 'file')
})

/** Values of `set`, in the order in which spans arrived. */
function setsAt(backend: Backend): string[] {
  return spansAt(backend).map(span => {
    const attributes = span.attributes as { key: string; value: { stringValue: string } }[]
    return attributes.find(({ key }) => key === 'set')?.value.stringValue ?? 'none'
  })
}

test('the guard brings the old set back when a new one drops too much', async t => {
  const path = join(temporaryFolder(t), 'r.yaml')
  writeFileSync(path, rulesOf('{ name: none, when: name == "nobody", do: drop }'))
  const settings = { guard: { window: '60s', min_items: 20, max_drop_ratio: 0.5 } }
  const { main, port, control, finish } = await start(t, { path, settings })
  const { hash } = control.view().live
  const viewed = (): string | undefined => control.view().refusal?.origin

  const before = await sendUntil(t, port, () => main.items('traces') >= 20)
  writeFileSync(path, rulesOf('{ name: all, do: drop }'))
  const during = await sendUntil(t, port, () => viewed() === 'guard')
  const seen = main.items('traces')
  const after = await sendUntil(t, port, () => main.items('traces') >= seen + 20)
  const report = await finish()

  const { live, refusal, rules } = control.view()
  assert.equal(live.hash, hash)
  assert.equal(live.origin, 'guard')
  assert.match(refusal!.problems[0], /drops 100% of the items, more than 50%/)
  assert.deepEqual(
    rules.map(rule => rule.name),
    ['none'],
  )
  const dropped = report.rows
    .flatMap(row => row.dropped ?? [])
    .filter(drop => drop.intentional && drop.reason === 'all')
    .reduce((sum, drop) => sum + drop.items, 0)
  assert.ok(dropped >= 20)
  assert.equal(main.items('traces') + dropped, before + during + after)
})

test('an operator sees a refused set, brings the one before back, and asks why, over the admin socket', async t => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'r.yaml')
  const socket = join(folder, 'admin.sock')
  writeFileSync(path, rulesOf('{ name: first, when: name == "nobody", do: drop }'))
  const settings = { decisions: { sample_rate: 1 } }
  const { main, port, config } = await configure(t, { path, settings })
  const service = { ...config.service, telemetry: { metrics: { level: 'none' } } }
  const yaml = JSON.stringify({ ...config, service })
  const running = await startMillrace(yaml, port, ['--admin-socket', socket])
  t.after(() => running.stop(1000))
  const ask = async (...args: readonly string[]): Promise<string> => {
    const command = [MAIN, 'rules', ...args, '--socket', socket]
    return (await promisify(execFile)(process.execPath, command)).stdout
  }
  const status = async (): Promise<string> => ask('status')

  writeFileSync(path, rulesOf('{ name: second, do: drop }'))
  await eventually(async () => /^ {2}second /m.test(await status()), WITHIN_MS, 'the second set')
  await sendTraces(port, 1, 1)
  writeFileSync(path, rulesOf('{ name: third, do: nothing }'))
  await eventually(async () => /refused at .*\(file\)/.test(await status()), WITHIN_MS, 'a refusal')
  const refused = await status()
  const answer = await ask('rollback')
  await sendTraces(port, 1, 1)
  const back = await status()

  assert.match(refused, /^ {2}second +2 +2 /m)
  assert.match(answer, /^rules \(traces\): live is [0-9a-f]{16}$/m)
  assert.match(back, /by rollback/)
  assert.match(back, /^ {2}first +0 +0 /m)
  const [id] = traceIdsAt(main)
  assert.match(await ask('why', id), /nothing is noted/)
  assert.equal(await running.stop(), 0, running.output())
  assert.equal(main.items('traces'), 2)
  assert.doesNotMatch(running.output(), /"balanced":false/)
})
