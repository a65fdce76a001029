/** Every file of `pipelines/`: is accepted, begins with its comment, and carries all signals from a client to where it says. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { SIGNALS } from '../../src/core/signal.ts'
import { itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, MAIN, ROOT, type Running, startProcess } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { makeCertificates } from './certificates.ts'

const FOLDER = join(ROOT, 'pipelines')
const FILES = (await readdir(FOLDER)).filter(name => name.endsWith('.yaml'))
const run = promisify(execFile)
const HEALTHY = { 'content-type': 'application/x-protobuf' }

interface Started {
  readonly grpc: number
  readonly http: number
  readonly backend: Awaited<ReturnType<typeof startBackend>>
  readonly running: Running
  readonly dir: string
}

/** Starts the file on free ports; its exporters are pointed to a backend by the environment that the file names. */
async function start(t: TestContext, file: string, env: NodeJS.ProcessEnv = {}): Promise<Started> {
  const [grpc, http, health, metrics, zpages] = await freePorts(5)
  const backend = await startBackend()
  const dir = await mkdtemp(join(tmpdir(), 'millrace-pipelines-'))
  const yaml = await readFile(join(FOLDER, file), 'utf8')
  const sets = {
    'receivers.otlp.protocols.grpc.endpoint': `127.0.0.1:${grpc}`,
    'receivers.otlp.protocols.http.endpoint': `127.0.0.1:${http}`,
    'service.telemetry.metrics.address': `127.0.0.1:${metrics}`,
    ...(yaml.includes('health_check:')
      ? { 'extensions.health_check.endpoint': `127.0.0.1:${health}` }
      : {}),
    ...(yaml.includes('zpages:') ? { 'extensions.zpages.endpoint': `127.0.0.1:${zpages}` } : {}),
  }
  const args = Object.entries(sets).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  const toBackend = {
    MILLRACE_BACKEND: `127.0.0.1:${backend.grpcPort}`,
    MILLRACE_BACKEND_INSECURE: 'true',
    OLD_BACKEND: `127.0.0.1:${backend.grpcPort}`,
    NEW_BACKEND: `http://127.0.0.1:${backend.httpPort}`,
    MILLRACE_ERRORS: `http://127.0.0.1:${backend.httpPort}`,
    DEMO_BACKEND_GRPC: `127.0.0.1:${backend.grpcPort}`,
    DEMO_BACKEND_HTTP: `127.0.0.1:${backend.httpPort}`,
    DEMO_FILE: join(dir, 'demo.json'),
    TRACE_FILE: join(dir, 'traces.json'),
    MILLRACE_RULES: join(ROOT, 'rules'),
    MILLRACE_STATE: join(dir, 'state'),
    MILLRACE_FAILURES: `127.0.0.1:${backend.grpcPort}`,
    SHOP_BACKEND: `127.0.0.1:${backend.httpPort}`,
    MILLRACE_PAGER: `http://127.0.0.1:${backend.httpPort}`,
  }
  const command = [MAIN, '--config', join(FOLDER, file), ...args]
  const all = { ...process.env, ...toBackend, ...env }
  const running = await startProcess(process.execPath, command, http, all)
  t.after(async () => {
    await running.stop()
    await backend.close()
    await rm(dir, { recursive: true, force: true })
  })
  return { grpc, http, backend, running, dir }
}

async function send(http: number): Promise<void> {
  for (const signal of SIGNALS) {
    const body = sampleRequest(signal, 1).bytes as Uint8Array<ArrayBuffer>
    const url = `http://127.0.0.1:${http}/v1/${signal}`
    const answer = await fetch(url, { method: 'POST', headers: HEALTHY, body })
    assert.equal(answer.status, 200, await answer.text())
  }
}

for (const file of FILES) {
  test(`${file} says for whom it is, what comes in and what goes out`, async () => {
    const text = await readFile(join(FOLDER, file), 'utf8')

    const comment = text.split('\n').filter(line => line.startsWith('# '))
    assert.match(comment[0], /^# For whom: /)
    assert.ok(comment.some(line => line.startsWith('# In:')))
    assert.ok(comment.some(line => line.startsWith('# Out:')))
  })
}

for (const [file, copies] of [
  ['gateway.yaml', 1],
  ['demo.yaml', 1],
  ['fan-out.yaml', 2],
] as const) {
  test(`${file} delivers all signals to its backends`, async t => {
    const { http, backend, running } = await start(t, file)

    await send(http)
    const arrived = () => SIGNALS.every(signal => backend.items(signal) >= 5 * copies)
    await eventually(arrived, 10_000, `arrives at the backend\n${running.output()}`)

    assert.equal(await running.stop(), 0, running.output())
    for (const signal of SIGNALS) assert.equal(backend.items(signal), 5 * copies)
  })
}

test('rules.yaml delivers everything to the backend, and failures to a second place as well', async t => {
  const failures = await startBackend()
  t.after(() => failures.close())
  const { http, backend, running } = await start(t, 'rules.yaml', {
    MILLRACE_FAILURES: `127.0.0.1:${failures.grpcPort}`,
  })

  await send(http)
  const arrived = () => SIGNALS.every(signal => backend.items(signal) >= 5)
  await eventually(arrived, 10_000, `arrives at the backend\n${running.output()}`)
  assert.equal(await running.stop(), 0, running.output())

  for (const signal of SIGNALS) assert.equal(backend.items(signal), 5)
  const failed = backend.requests
    .filter(({ signal }) => signal === 'traces')
    .flatMap(({ message }) => itemsOf('traces', message))
    .filter(span => (span.status as { code?: number } | null)?.code === 2)
  assert.ok(failed.length > 0)
  assert.equal(failures.items('traces'), failed.length)
  assert.equal(failures.items('metrics'), 0)
})

test('agent.yaml sends with zstd to gateway.yaml, which delivers all signals', async t => {
  const gateway = await start(t, 'gateway.yaml')
  const env = { MILLRACE_GATEWAY: `127.0.0.1:${gateway.grpc}` }
  const agent = await start(t, 'agent.yaml', env)

  await send(agent.http)
  assert.equal(await agent.running.stop(), 0, agent.running.output())
  assert.equal(await gateway.running.stop(), 0, gateway.running.output())

  for (const signal of SIGNALS) assert.equal(gateway.backend.items(signal), 5)
})

test('multi-tenant-gateway.yaml delivers for those who have a key, within the limits of their tenant', async t => {
  const tenants = await mkdtemp(join(tmpdir(), 'millrace-tenants-'))
  t.after(() => rm(tenants, { recursive: true, force: true }))
  await cp(join(FOLDER, 'tenants'), tenants, { recursive: true })
  const file = join(tenants, 'keys.json')
  const make = ['tenants', 'key', 'create', '--file', file, '--json', '--tenant']
  const keyOf = async (tenant: string): Promise<string> => {
    const made = await run(process.execPath, [MAIN, ...make, tenant])
    return JSON.parse(made.stdout).key as string
  }
  const [test, unknown] = [await keyOf('shop-test'), await keyOf('bank')]
  const { http, backend, running } = await start(t, 'multi-tenant-gateway.yaml', {
    MILLRACE_TENANTS: tenants,
  })
  const post = async (key: string, items: number): Promise<Response> => {
    const body = sampleRequest('traces', 1, items).bytes as Uint8Array<ArrayBuffer>
    const headers = { ...HEALTHY, ...(key !== '' && { authorization: `Bearer ${key}` }) }
    return fetch(`http://127.0.0.1:${http}/v1/traces`, { method: 'POST', headers, body })
  }

  const answers = [await post('', 5), await post(unknown, 5), await post(test, 2000)]
  const over = await post(test, 5)
  const arrived = () => backend.items('traces') >= 2000
  await eventually(arrived, 10_000, `arrives at the backend\n${running.output()}`)
  assert.equal(await running.stop(), 0, running.output())

  assert.deepEqual(
    answers.map(({ status }) => status),
    [401, 403, 200],
  )
  assert.equal(over.status, 429)
  assert.ok(Number(over.headers.get('retry-after')) >= 1)
  assert.match(running.output(), /"tenant":"shop-test","signal":"traces","accepted":2000/)
})

test('demo.yaml and fan-out.yaml write their files', async t => {
  for (const [file, written] of [
    ['demo.yaml', 'demo.json'],
    ['fan-out.yaml', 'traces.json'],
  ]) {
    const { http, running, dir } = await start(t, file)
    await send(http)
    assert.equal(await running.stop(), 0, running.output())

    const [line] = (await readFile(join(dir, written), 'utf8')).split('\n')
    assert.ok(Object.keys(JSON.parse(line))[0].startsWith('resource'))
  }
})

test('debug.yaml shows every item on standard output', async t => {
  const { http, running } = await start(t, 'debug.yaml')

  await send(http)
  const shown = () => /Span #4[\s\S]*NumberDataPoints #4[\s\S]*LogRecord #4/.test(running.output())
  await eventually(shown, 5000, 'all items are shown')
})

test('count-and-route.yaml sends failed spans another way, and counts beside it', async t => {
  const { http, backend, running } = await start(t, 'count-and-route.yaml')

  await send(http)
  assert.equal(await running.stop(), 0, running.output())

  const spans = (transport: string) =>
    backend.requests
      .filter(request => request.signal === 'traces' && request.transport === transport)
      .flatMap(({ signal, message }) => itemsOf(signal, message).map(({ name }) => name))
  assert.deepEqual(spans('http'), ['GET /items/3'])
  assert.deepEqual(
    spans('grpc'),
    [0, 1, 2, 4].map(i => `GET /items/${i}`),
  )
  assert.equal(backend.items('logs'), 5)
  // Spans, failed spans and log records; none of these is a warning.
  assert.equal(backend.items('metrics'), 5 + 3)
})

for (const [file, env, state] of [
  ['tail.yaml', { TAIL_PERCENTAGE: '0' }, ''],
  ['head-and-tail.yaml', { HEAD_PERCENTAGE: '100' }, 'ot=th:0'],
] as const) {
  test(`${file} keeps the trace with an error as a whole, and drops the other`, async t => {
    const { http, backend, running } = await start(t, file, env)

    await send(http)
    // Its trace id says little randomness, and the fourth span would be the one with the error.
    const body = sampleRequest('traces', 2, 3).bytes as Uint8Array<ArrayBuffer>
    const url = `http://127.0.0.1:${http}/v1/traces`
    await fetch(url, { method: 'POST', headers: HEALTHY, body })
    assert.equal(await running.stop(), 0, running.output())

    const spans = backend.requests
      .filter(({ signal }) => signal === 'traces')
      .flatMap(({ message }) => itemsOf('traces', message))
    assert.deepEqual(
      spans.map(({ name }) => name),
      [0, 1, 2, 3, 4].map(i => `GET /items/${i}`),
    )
    for (const span of spans) assert.equal(span.traceState ?? '', state)
    assert.equal(backend.items('logs'), 5)
    assert.equal(backend.items('metrics'), 5)
  })
}

test('mtls-gateway.yaml lets in only clients with a certificate', async t => {
  const certificates = await makeCertificates(t)
  if (certificates === undefined) return t.skip('openssl is not installed')
  const { http, running } = await start(t, 'mtls-gateway.yaml', {
    MILLRACE_CERTS: certificates.directory,
  })

  const body = Buffer.from(sampleRequest('traces', 1).bytes)
  assert.equal(await certificates.post(http, body, true), 200, running.output())
  await assert.rejects(certificates.post(http, body, false))
  return undefined
})

test('every file of the folder is exercised, here or where its recipe is', () => {
  // test/examples/{recipes,balanced}.test.ts, and with a real Kafka test/integration/kafka-tier.test.ts.
  const byRecipes = [
    'balanced',
    'failover',
    'jaeger-agent',
    'kafka-reader',
    'kafka-writer',
    'record',
    'red-metrics',
    'replay',
    'tail-front',
  ]
  const exercised = [
    ...byRecipes,
    'adaptive',
    'agent',
    'count-and-route',
    'debug',
    'demo',
    'durable-agent',
    'fan-out',
    'gateway',
    'head-and-tail',
    'mtls-gateway',
    'multi-tenant-gateway',
    'rules',
    'shop',
    'tail',
  ]
  assert.deepEqual(FILES.sort(), exercised.map(name => `${name}.yaml`).sort())
})

test('adaptive.yaml samples traces by its ratio, writes thresholds, and remembers what it learned', async t => {
  const { http, backend, running, dir } = await start(t, 'adaptive.yaml', { MILLRACE_RATIO: '1' })

  await send(http)
  assert.equal(await running.stop(), 0, running.output())

  for (const signal of SIGNALS) assert.equal(backend.items(signal), 5)
  const states = backend.requests
    .filter(({ signal }) => signal === 'traces')
    .flatMap(({ message }) => itemsOf('traces', message).map(({ traceState }) => traceState))
  assert.deepEqual(new Set(states), new Set(['ot=th:0']))
  assert.deepEqual(await readdir(join(dir, 'state')), ['adaptive_sampler.state'])
})

test('shop.yaml keeps the first trace of its kind, and says what it stands for', async t => {
  const { http, backend, running } = await start(t, 'shop.yaml')

  const body = sampleRequest('traces', 1).bytes as Uint8Array<ArrayBuffer>
  const url = `http://127.0.0.1:${http}/v1/traces`
  const answer = await fetch(url, { method: 'POST', headers: HEALTHY, body })
  assert.equal(answer.status, 200)
  assert.equal(await running.stop(), 0, running.output())

  const spans = backend.requests.flatMap(({ message }) => itemsOf('traces', message))
  assert.equal(spans.length, 5)
  for (const { traceState } of spans) assert.match(String(traceState), /^ot=th:[0-9a-f]+$/)
})
