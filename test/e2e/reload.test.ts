/** Reload while clients send: nothing that was accepted gets lost, whatever changes and whether or not it can. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type Backend, itemsOf, startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { GrpcSender, sendUntilTaken, startCollector } from './kit.ts'

interface Wanted {
  readonly port: number
  readonly exporters: Readonly<Record<string, object>>
  readonly batch?: object
}

function configOf({ port, exporters, batch = { timeout: '20ms' } }: Wanted): object {
  return {
    receivers: { otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { batch },
    exporters,
    service: {
      pipelines: {
        traces: {
          receivers: ['otlp'],
          processors: ['batch'],
          exporters: Object.keys(exporters),
        },
      },
    },
  }
}

function to(backend: Backend, more: object = {}): object {
  return { endpoint: `127.0.0.1:${backend.grpcPort}`, tls: { insecure: true }, ...more }
}

/** Sends request after request until told to end; says how many were taken. */
function keepSending(t: TestContext, port: number, from = 0) {
  const sender = new GrpcSender(t, port)
  let isOn = true
  let taken = 0
  const running = (async () => {
    for (let n = from; isOn; n++) {
      await sendUntilTaken(() => sender.send('traces', sampleRequest('traces', n).bytes))
      taken++
    }
  })()
  const progress = async (): Promise<void> => {
    const before = taken
    await eventually(() => taken >= before + 5, 5000, 'requests are taken')
  }
  const end = async (): Promise<number> => {
    isOn = false
    await running
    return taken
  }
  return { progress, end }
}

/** Distinct spans that arrived in all: an answer that was cut off makes a client send again. */
function distinct(...backends: readonly Backend[]): Set<string> {
  const ids = backends
    .flatMap(backend => backend.requests)
    .flatMap(request => itemsOf('traces', request.message))
    .map(span => `${String(span.traceId)}/${String(span.spanId)}`)
  return new Set(ids)
}

async function twoBackends(t: TestContext): Promise<[Backend, Backend, number, number]> {
  const backends = await Promise.all([startBackend(), startBackend()])
  for (const backend of backends) t.after(() => backend.close())
  const [first, second] = await freePorts(2)
  return [...backends, first, second]
}

test('exchanges exporter and batch under load without losing an item', async t => {
  const [before, after, port] = await twoBackends(t)
  const { reload, finish } = await startCollector(
    t,
    configOf({ port, exporters: { otlp_grpc: to(before) } }),
  )
  const load = keepSending(t, port)
  await load.progress()

  const summary = await reload(
    configOf({ port, exporters: { otlp_grpc: to(after) }, batch: { timeout: '30ms' } }),
  )
  await load.progress()
  const taken = await load.end()
  await finish()

  assert.deepEqual(summary, {
    kept: ['receiver/otlp'],
    started: ['exporter/otlp_grpc', 'processor/traces/batch'],
    stopped: ['exporter/otlp_grpc', 'processor/traces/batch'],
  })
  assert.ok(before.items('traces') > 0 && after.items('traces') > 0)
  assert.equal(before.items('traces') + after.items('traces'), taken * 5)
})

test('exchanges an exporter with a queue on disk: its successor goes on with what is there', async t => {
  const [dead, after, port] = await twoBackends(t)
  await dead.close()
  const directory = mkdtempSync(join(tmpdir(), 'millrace-reload-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const queue = { sending_queue: { storage: 'file_storage' } }
  const wanted = (backend: Backend) => {
    const config = configOf({ port, exporters: { otlp_grpc: to(backend, queue) } })
    const { service, ...rest } = config as { service: object }
    const extensions = { file_storage: { directory } }
    return { ...rest, extensions, service: { ...service, extensions: ['file_storage'] } }
  }
  const { reload, finish, collector } = await startCollector(t, wanted(dead))
  const load = keepSending(t, port)
  const isStored = () => collector.inspector.queues()[0].view()[0]?.onDisk?.entries ?? 0
  await eventually(() => isStored() > 3, 5000, 'something is on disk')

  await reload(wanted(after))
  await load.progress()
  const taken = await load.end()
  await eventually(() => after.items('traces') >= taken * 5, 5000, 'all arrives')
  const report = await finish()

  const [row] = collector.ledger.rows()
  assert.ok(row.kept > 0)
  assert.deepEqual(row.dropped, [])
  assert.equal(row.accepted, taken * 5 + row.kept)
  assert.equal(report.kept, 0)
  assert.equal(report.balanced, true)
})

test('removes one of two exporters under load: what it held arrives', async t => {
  const [stays, goes, port] = await twoBackends(t)
  const exporters = { 'otlp_grpc/stays': to(stays), 'otlp_grpc/goes': to(goes) }
  const { reload, finish, collector } = await startCollector(t, configOf({ port, exporters }))
  const load = keepSending(t, port)
  await load.progress()

  await reload(configOf({ port, exporters: { 'otlp_grpc/stays': to(stays) } }))
  const arrivedAtReload = goes.items('traces')
  await load.progress()
  const taken = await load.end()
  await finish()

  assert.equal(stays.items('traces'), taken * 5)
  assert.equal(goes.items('traces'), arrivedAtReload)
  const [row] = collector.ledger.rows()
  assert.deepEqual(row.dropped, [])
  assert.equal(row.sent, stays.items('traces') + goes.items('traces'))
})

test('moves a receiver to another port: clients of the old one are sent away, not cut off', async t => {
  const [backend, , first, second] = await twoBackends(t)
  const exporters = { otlp_grpc: to(backend) }
  const { reload, finish } = await startCollector(t, configOf({ port: first, exporters }))
  const old = new GrpcSender(t, first)
  for (let n = 0; n < 10; n++) await old.send('traces', sampleRequest('traces', n).bytes)

  await reload(configOf({ port: second, exporters }))
  const load = keepSending(t, second, 10)
  await load.progress()
  const refused = await old.send('traces', sampleRequest('traces', 0).bytes)
  const taken = await load.end()
  await finish()

  assert.equal(refused.code, 14)
  assert.equal(distinct(backend).size, (10 + taken) * 5)
})

test('serves another signal without closing its listener, and no longer when it goes', async t => {
  const [backend, , port, httpPort] = await twoBackends(t)
  const config = (...signals: string[]) => ({
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: `127.0.0.1:${port}` },
          http: { endpoint: `127.0.0.1:${httpPort}` },
        },
      },
    },
    exporters: { otlp_grpc: to(backend) },
    service: {
      pipelines: Object.fromEntries(
        signals.map(signal => [signal, { receivers: ['otlp'], exporters: ['otlp_grpc'] }]),
      ),
    },
  })
  const { reload, finish } = await startCollector(t, config('traces'))
  const sender = new GrpcSender(t, port)
  const logs = () => sender.send('logs', sampleRequest('logs', 1).bytes)
  const path = `http://127.0.0.1:${httpPort}/v1/logs`
  const overHttp = () =>
    fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: sampleRequest('logs', 2).bytes,
    })

  const before = [(await logs()).code, (await overHttp()).status]
  const added = await reload(config('traces', 'logs'))
  const meanwhile = [(await logs()).code, (await overHttp()).status]
  const removed = await reload(config('traces'))
  const after = [(await logs()).code, (await overHttp()).status]
  await finish()

  assert.deepEqual(
    [before, meanwhile, after],
    [
      [12, 404],
      [0, 200],
      [12, 404],
    ],
  )
  for (const { kept } of [added, removed] as { kept: string[] }[]) {
    assert.deepEqual(kept, ['receiver/otlp'])
  }
  assert.ok(backend.items('logs') > 0)
})

test('changes a receiver that keeps its port under load', async t => {
  const [backend, , port] = await twoBackends(t)
  const exporters = { otlp_grpc: to(backend) }
  const config = configOf({ port, exporters })
  const { reload, finish } = await startCollector(t, config)
  const load = keepSending(t, port)
  await load.progress()

  const changed = structuredClone(config) as {
    receivers: { otlp: { protocols: { grpc: object } } }
  }
  Object.assign(changed.receivers.otlp.protocols.grpc, { max_recv_msg_size_mib: 8 })
  await reload(changed)
  await load.progress()
  const taken = await load.end()
  await finish()

  assert.ok(distinct(backend).size >= taken * 5)
})

test('goes on with the old configuration when the new one cannot start or is not valid', async t => {
  const [backend, , port] = await twoBackends(t)
  const exporters = { otlp_grpc: to(backend) }
  const config = configOf({ port, exporters })
  const { reload, finish, collector } = await startCollector(t, config)
  const load = keepSending(t, port)
  await load.progress()

  const occupied = configOf({ port: backend.grpcPort, exporters })
  await assert.rejects(reload(occupied), /receiver otlp: .*EADDRINUSE/)
  await load.progress()
  const broken = to(backend, { tls: { insecure: false, ca_file: '/does/not/exist' } })
  await assert.rejects(reload(configOf({ port, exporters: { otlp_grpc: broken } })), /ENOENT/)
  await load.progress()
  const misspelled = to(backend, { endpont: 'x' })
  await assert.rejects(reload(configOf({ port, exporters: { otlp_grpc: misspelled } })))
  await load.progress()
  const taken = await load.end()
  await finish()

  assert.equal(distinct(backend).size, taken * 5)
  assert.ok(collector.inspector.components().every(({ status }) => status !== 'recoverable_error'))
})

test('runs reloads one after another', async t => {
  const [first, second, port] = await twoBackends(t)
  const { reload, finish } = await startCollector(
    t,
    configOf({ port, exporters: { otlp_grpc: to(first) } }),
  )
  const load = keepSending(t, port)

  await Promise.all(
    [second, first, second].map(backend =>
      reload(configOf({ port, exporters: { otlp_grpc: to(backend) } })),
    ),
  )
  await load.progress()
  const taken = await load.end()
  await finish()

  assert.equal(first.items('traces') + second.items('traces'), taken * 5)
})

test('moves self-metrics to another address, and back when the rest cannot start', async t => {
  const [backend, , port] = await twoBackends(t)
  const [first, second] = await freePorts(2)
  const exporters = { otlp_grpc: to(backend) }
  const withMetrics = (metricsPort: number, receiverPort = port): object => {
    const config = configOf({ port: receiverPort, exporters }) as { service: object }
    const metrics = { address: `127.0.0.1:${metricsPort}` }
    return { ...config, service: { ...config.service, telemetry: { metrics } } }
  }
  const scrape = async (metricsPort: number): Promise<string> =>
    (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  const { reload } = await startCollector(t, withMetrics(first))
  await new GrpcSender(t, port).send('traces', sampleRequest('traces', 1).bytes)

  await reload(withMetrics(second))
  await assert.rejects(scrape(first))
  assert.match(await scrape(second), /^millrace_ledger_items\{.*stage="accepted".*\} 5$/m)

  await assert.rejects(reload(withMetrics(first, backend.grpcPort)))
  assert.match(await scrape(second), /^millrace_config_reloads_total\{result="failure".*\} 1$/m)
})
