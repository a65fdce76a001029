/** The `health_check` extension: statuses, bodies and paths as upstream has them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Inspector } from '../../../src/core/component.ts'
import { config as spec } from '../../../src/extensions/health-check/config.ts'
import { HealthCheckExtension } from '../../../src/extensions/health-check/extension.ts'
import { makeCertificates } from '../../examples/certificates.ts'
import { startExtension } from '../extension-host.ts'

function startHealth(t: TestContext, settings: object, inspector: Partial<Inspector> = {}) {
  return startExtension(t, spec, context => new HealthCheckExtension(context), settings, inspector)
}

test('answers 200 with the time since the start while all components run', async t => {
  const startedAtMs = 1_700_000_000_000
  const { services, url } = await startHealth(t, {}, { startedAtMs })
  await services.clock.advance(90_000)

  const answer = await fetch(url)

  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.deepEqual(await answer.json(), {
    status: 'Server available',
    upSince: '2023-11-14T22:13:20.000Z',
    uptime: '1m30s',
  })
})

test('answers 503 when components are starting or stopping', async t => {
  let isReady = false
  const { url } = await startHealth(t, {}, { ready: () => isReady })

  const before = await fetch(url)
  isReady = true
  const after = await fetch(url)

  assert.equal(before.status, 503)
  assert.deepEqual(await before.json(), {
    status: 'Server not available',
    upSince: '0001-01-01T00:00:00Z',
    uptime: '',
  })
  assert.equal(after.status, 200)
})

test('stays healthy when a component reports an error that may pass', async t => {
  const component = {
    kind: 'exporter',
    id: 'otlp',
    status: 'recoverable_error',
    detail: '',
  } as const
  const { url } = await startHealth(t, {}, { components: () => [component] })

  assert.equal((await fetch(url)).status, 200)
})

test('answers every path below one that ends with a slash, and only the path otherwise', async t => {
  const root = await startHealth(t, {})
  const named = await startHealth(t, { path: '/health/status' })

  const statusOf = async (url: string) => (await fetch(url)).status

  assert.equal(await statusOf(`${root.url}/any/thing`), 200)
  assert.equal(await statusOf(`${named.url}/health/status?verbose`), 200)
  assert.equal(await statusOf(`${named.url}/health`), 404)
})

test('answers the configured bodies', async t => {
  let isReady = true
  const response_body = { healthy: 'I am well', unhealthy: 'I am not' }
  const { url } = await startHealth(t, { response_body }, { ready: () => isReady })

  const well = await (await fetch(url)).text()
  isReady = false
  const unwell = await (await fetch(url)).text()

  assert.deepEqual([well, unwell], ['I am well', 'I am not'])
})

test('speaks HTTPS with a certificate', async t => {
  const certificates = await makeCertificates(t)
  if (certificates === undefined) return t.skip('there is no openssl')
  const file = (name: string) => join(certificates.directory, name)
  const tls = { cert_file: file('cert.pem'), key_file: file('key.pem') }
  const { extension } = await startHealth(t, { tls })

  const ca = await readFile(file('ca.pem'))
  const sent = request({ host: '127.0.0.1', port: extension.port, ca, agent: false }).end()
  const [response] = await once(sent, 'response')
  response.resume()

  assert.equal(response.statusCode, 200)
})

test('refuses a path without a leading slash and a threshold of 0', () => {
  const bad = [{ path: 'health' }, { check_collector_pipeline: { exporter_failure_threshold: 0 } }]

  for (const settings of bad) assert.equal(spec.schema.safeParse(settings).success, false)
  assert.equal(spec.schema.parse(null).endpoint, 'localhost:13133')
})
