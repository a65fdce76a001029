/** `adaptive_sampler` as a process: what a real SDK sends and what leaves, `kill -9` and what comes back. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Backend, itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, type Running, startMillrace } from '../harness/process.ts'
import { shopTrace, traceId } from '../processors/adaptive-sampler/kit.ts'
import { request } from '../sampler/assembly/spans.ts'
import { GrpcSender } from './kit.ts'

const SDK_CLIENT = fileURLToPath(new URL('../integration/js_sdk_client.mjs', import.meta.url))

interface Place {
  readonly port: number
  readonly backend: Backend
  readonly directory: string
}

async function place(t: TestContext): Promise<Place> {
  const backend = await startBackend()
  const directory = await mkdtemp(join(tmpdir(), 'millrace-sampler-'))
  const [port] = await freePorts(1)
  t.after(async () => {
    await backend.close()
    await rm(directory, { recursive: true, force: true })
  })
  return { port, backend, directory }
}

async function run(
  t: TestContext,
  { port, backend }: Place,
  sampler: object,
  more: readonly string[] = [],
): Promise<Running> {
  const config = {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { adaptive_sampler: sampler },
    exporters: {
      otlp_grpc: { endpoint: `127.0.0.1:${backend.grpcPort}`, tls: { insecure: true } },
    },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        traces: {
          receivers: ['otlp'],
          processors: ['adaptive_sampler'],
          exporters: ['otlp_grpc'],
        },
      },
    },
  }
  const running = await startMillrace(JSON.stringify(config), port, more)
  t.after(() => running.stop(1000))
  return running
}

function spansAt(backend: Backend): Record<string, unknown>[] {
  return backend.requests.flatMap(({ signal, message }) => itemsOf(signal, message))
}

function hexId(span: Record<string, unknown>): string {
  return Buffer.from(span.traceId as Uint8Array).toString('hex')
}

test('of what a real SDK sends, whole traces leave, each span with a threshold that it meets', async t => {
  const at = await place(t)
  const millrace = await run(t, at, { decision_wait: '300ms', budget: { ratio: 0.5 } })
  const env = {
    ...process.env,
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${at.port}`,
  }

  const { stdout } = await promisify(execFile)(process.execPath, [SDK_CLIENT, '1200'], { env })
  const code = await millrace.stop()

  assert.equal(code, 0, millrace.output())
  const sent = (JSON.parse(stdout) as { spans: number }).spans
  const kept = spansAt(at.backend)
  assert.ok(kept.length > sent * 0.3 && kept.length < sent * 0.7, `${kept.length} of ${sent}`)
  const byTrace = new Map<string, number>()
  for (const span of kept) {
    const [, digits] = /(?:^|,)ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?:[;,]|$)/.exec(
      String(span.traceState),
    )!
    const randomness = BigInt(`0x${hexId(span).slice(18)}`)
    assert.ok(randomness >= BigInt(`0x${digits.padEnd(14, '0')}`))
    byTrace.set(hexId(span), (byTrace.get(hexId(span)) ?? 0) + 1)
  }
  assert.deepEqual(new Set(byTrace.values()), new Set([2]))
  assert.match(millrace.output(), /"balanced":true/)
})

test('after kill -9 undecided traces are decided, and what was learned is there', async t => {
  const at = await place(t)
  const sampler = {
    decision_wait: '2s',
    always_keep: ['true'],
    storage: { directory: at.directory, undecided: true, interval: '100ms' },
  }
  const first = await run(t, at, sampler)
  const sender = new GrpcSender(t, at.port)
  for (let n = 0; n < 50; n++) {
    const { code } = await sender.send('traces', request(shopTrace(n)))
    assert.equal(code, 0)
  }
  const isWritten = async () => (await readdir(at.directory)).includes('adaptive_sampler.state')
  for (let i = 0; i < 200 && !(await isWritten()); i++) {
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  assert.equal(at.backend.items('traces'), 0)
  const ended = new Promise(resolve => first.child.once('exit', resolve))
  first.child.kill('SIGKILL')
  await ended

  const second = await run(t, at, sampler)

  await eventually(() => at.backend.items('traces') >= 150, 20_000, 'all spans at the backend')
  assert.equal(await second.stop(), 0, second.output())
  assert.equal(at.backend.items('traces'), 150)
  const ids = new Set(spansAt(at.backend).map(hexId))
  for (let n = 0; n < 50; n++) assert.ok(ids.has(traceId(n)))
  assert.match(second.output(), /"spans":150,"event":"sampler_journal_read"/)
  assert.match(second.output(), /observer, .*"event":"sampler_state_read"/)
})
