/** Who sends, shown the way that SDKs and the Go collector show it: API keys, basic auth, bearer tokens, on both sides. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { LedgerRowView } from '../../src/core/component.ts'
import { SIGNALS } from '../../src/core/signal.ts'
import { postProtobuf } from '../e2e/kit.ts'
import { logged, temporaryFolder } from '../faults/kit.ts'
import { tenantsWithKeys } from '../faults/tenants.ts'
import { startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually, type Running, startMillrace, startProcess } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { GO_EXTENSIONS, goCollector, pythonWithSdk } from './peers.ts'

const JS_SCRIPT = fileURLToPath(new URL('js_sdk_client.mjs', import.meta.url))
const PYTHON_SCRIPT = fileURLToPath(new URL('python_sdk_client.py', import.meta.url))
const SPANS = 600
const TENANT = 'shop'
const PASSWORD = 'correct horse'
const REQUESTS = 20

/** A gateway that asks who is there, in front of a backend. */
async function startGateway(t: TestContext) {
  const backend = await startBackend()
  t.after(() => backend.close())
  const [grpcPort, httpPort] = await freePorts(2)
  const { config, keys } = tenantsWithKeys(temporaryFolder(t), { [TENANT]: {} })
  const sha = createHash('sha1').update(PASSWORD).digest('base64')
  const { identity, ...limits } = config as { identity: object }
  const basic = { htpasswd: { inline: `ann:{SHA}${sha}` }, users: { ann: TENANT } }
  const auth = { authenticator: 'tenants' }
  const pipeline = { receivers: ['otlp'], exporters: ['otlp_grpc'] }
  const yaml = JSON.stringify({
    extensions: { tenants: { ...limits, identity: { ...identity, basic } } },
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: `127.0.0.1:${grpcPort}`, auth },
          http: { endpoint: `127.0.0.1:${httpPort}`, auth },
        },
      },
    },
    exporters: {
      otlp_grpc: { endpoint: `127.0.0.1:${backend.grpcPort}`, tls: { insecure: true } },
    },
    service: {
      extensions: ['tenants'],
      telemetry: { metrics: { level: 'none' } },
      pipelines: Object.fromEntries(SIGNALS.map(signal => [signal, pipeline])),
    },
  })
  const gateway = await startMillrace(yaml, grpcPort)
  t.after(() => gateway.stop())
  return { backend, gateway, grpcPort, httpPort, key: keys.get(TENANT)! }
}

async function assertOnlyTenant(gateway: Running): Promise<void> {
  assert.equal(await gateway.stop(), 0, gateway.output())
  const rows = logged(gateway.output(), 'ledger') as unknown as LedgerRowView[]
  assert.ok(rows.length > 0)
  for (const row of rows) {
    assert.equal(row.tenant, TENANT)
    assert.ok(row.balanced)
  }
}

const basicValue = `Basic ${Buffer.from(`ann:${PASSWORD}`).toString('base64')}`

for (const protocol of ['grpc', 'http/protobuf'] as const) {
  for (const way of ['an API key', 'user and password'] as const) {
    test(`knows the JavaScript SDK by ${way} over ${protocol}`, async t => {
      const { backend, gateway, grpcPort, httpPort, key } = await startGateway(t)
      const value = way === 'an API key' ? `Bearer ${key}` : basicValue
      const env = {
        ...process.env,
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_LOGS_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${protocol === 'grpc' ? grpcPort : httpPort}`,
        OTEL_EXPORTER_OTLP_HEADERS: `authorization=${encodeURIComponent(value)}`,
      }

      await promisify(execFile)(process.execPath, [JS_SCRIPT, String(SPANS)], { env })

      await eventually(() => backend.items('traces') === SPANS, 10_000, 'spans at the backend')
      await assertOnlyTenant(gateway)
    })
  }

  test(`knows the Python SDK by an API key over ${protocol}`, async t => {
    const { backend, gateway, grpcPort, httpPort, key } = await startGateway(t)
    const name = protocol === 'grpc' ? 'grpc' : 'http'
    const endpoint = `http://127.0.0.1:${name === 'grpc' ? grpcPort : httpPort}`
    const env = { ...process.env, OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${key}` }
    const args = [PYTHON_SCRIPT, name, endpoint, 'none', String(SPANS)]

    await promisify(execFile)(pythonWithSdk(), args, { env })

    await eventually(() => backend.items('traces') === SPANS, 10_000, 'spans at the backend')
    await assertOnlyTenant(gateway)
  })
}

/** A collector that asks who is there, shows who it is, and keeps its queue on disk. Both products read the same text. */
interface Hop {
  readonly listen: number
  readonly next: number
  readonly directory: string
  readonly asks: boolean
  readonly by: 'bearertokenauth' | 'basicauth'
}

function hop({ listen, next, directory, asks, by }: Hop): string {
  mkdirSync(directory, { recursive: true })
  const sha = createHash('sha1').update(PASSWORD).digest('base64')
  const authenticators = {
    bearertokenauth: { bearertokenauth: { scheme: 'Bearer', token: 'a-token-of-some-length' } },
    basicauth: {
      'basicauth/server': { htpasswd: { inline: `ann:{SHA}${sha}` } },
      'basicauth/client': { client_auth: { username: 'ann', password: PASSWORD } },
    },
  }[by]
  const [server, client] = by === 'basicauth' ? ['basicauth/server', 'basicauth/client'] : [by, by]
  const extensions = {
    ...authenticators,
    headers_setter: {
      headers: [{ action: 'upsert', key: 'x-scope-orgid', value: TENANT }],
      additional_auth: client,
    },
    file_storage: { directory, create_directory: true },
  }
  const auth = asks ? { auth: { authenticator: server } } : {}
  const pipeline = { receivers: ['otlp'], exporters: ['otlp_http'] }
  return JSON.stringify({
    extensions,
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${listen}`, ...auth } } } },
    exporters: {
      otlp_http: {
        endpoint: `http://127.0.0.1:${next}`,
        auth: { authenticator: 'headers_setter' },
        sending_queue: { storage: 'file_storage' },
      },
    },
    service: {
      extensions: Object.keys(extensions),
      telemetry: { metrics: { level: 'none' } },
      pipelines: Object.fromEntries(SIGNALS.map(signal => [signal, pipeline])),
    },
  })
}

for (const by of ['bearertokenauth', 'basicauth'] as const) {
  test(`stands between Go collectors that show and ask for ${by}, all queues on disk`, async t => {
    const binary = goCollector(GO_EXTENSIONS)
    const backend = await startBackend()
    t.after(() => backend.close())
    const [entry, middle, exit] = await freePorts(3)
    const folder = temporaryFolder(t)
    const at = (name: string): string => join(folder, name)
    const configs = {
      last: hop({ listen: exit, next: backend.httpPort, directory: at('last'), asks: true, by }),
      middle: hop({ listen: middle, next: exit, directory: at('middle'), asks: true, by }),
      first: hop({ listen: entry, next: middle, directory: at('first'), asks: false, by }),
    }
    const last = await startProcess(binary, ['--config', `yaml:${configs.last}`], exit)
    t.after(() => last.stop())
    const millrace = await startMillrace(configs.middle, middle)
    t.after(() => millrace.stop())
    const first = await startProcess(binary, ['--config', `yaml:${configs.first}`], entry)
    t.after(() => first.stop())

    for (const signal of SIGNALS) {
      for (let n = 0; n < REQUESTS; n++) {
        const { bytes } = sampleRequest(signal, n)
        assert.equal((await postProtobuf(entry, signal, bytes)).code, 200)
      }
    }
    const stranger = await postProtobuf(middle, 'traces', sampleRequest('traces', 1).bytes)

    assert.equal(stranger.code, 401)
    for (const signal of SIGNALS) {
      const all = (): boolean => backend.items(signal) >= REQUESTS * 5
      await eventually(all, 15_000, `${signal} at the backend:\n${millrace.output()}`)
      assert.equal(backend.items(signal), REQUESTS * 5)
    }
    for (const { headers } of backend.requests) assert.equal(headers['x-scope-orgid'], TENANT)
    assert.equal(await millrace.stop(), 0, millrace.output())
    assert.doesNotMatch(millrace.output(), /"balanced":false/)
  })
}
