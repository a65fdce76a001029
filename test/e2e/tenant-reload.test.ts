/** Tenants in a running collector: configured, changed and taken out by reloads, while its listeners stay. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import type { ReloadSummary } from '../../src/pipeline/reload.ts'
import { makeRequest } from '../../src/testing/builders.ts'
import { freePorts } from '../harness/ports.ts'
import { startCollector } from './kit.ts'

interface Wanted {
  readonly tenants: object | null
  readonly auth?: boolean
}

function configOf(port: number, { tenants, auth = false }: Wanted): object {
  const http = {
    endpoint: `127.0.0.1:${port}`,
    ...(auth && { auth: { authenticator: 'tenants' } }),
  }
  return {
    receivers: { otlp: { protocols: { http } } },
    exporters: { nop: null },
    ...(tenants !== null && { extensions: { tenants } }),
    service: {
      extensions: tenants === null ? [] : ['tenants'],
      pipelines: { traces: { receivers: ['otlp'], exporters: ['nop'] } },
    },
  }
}

const PROXY = { header: { name: 'x-tenant', trusted_proxies: ['127.0.0.1'] } }

/** On a connection of its own: a receiver that is replaced ends those that it has. */
function post(port: number, tenant: string, items = 1): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-protobuf', 'x-tenant': tenant }
    const where = { host: '127.0.0.1', port, path: '/v1/traces', method: 'POST', agent: false }
    const sent = request({ ...where, headers }, answer => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode ?? 0))
    })
    sent.on('error', reject)
    sent.end(makeRequest('traces', items))
  })
}

test('limits come, change and go by reloads; who used up a quota has used it up after one too', async t => {
  const [port] = await freePorts(1)
  const unknown = 'refuse'
  const slow = { identity: PROXY, unknown, tenants: { a: { items_per_second: 0.001 }, b: {} } }
  const changed = { ...slow, tenants: { a: { items_per_second: 0.002 } } }
  const e2e = await startCollector(t, configOf(port, { tenants: slow, auth: true }))

  assert.equal(await post(port, 'a', 100), 200)
  assert.equal(await post(port, 'a'), 429)
  assert.equal(await post(port, 'b', 100), 200)
  const summary = await e2e.reload(configOf(port, { tenants: changed, auth: true }))
  const reloaded = summary as ReloadSummary

  assert.deepEqual(reloaded.stopped, ['extension/tenants'])
  assert.ok(reloaded.kept.includes('receiver/otlp'))
  assert.equal(await post(port, 'a'), 429)
  assert.equal(await post(port, 'b'), 403)
  await e2e.reload(configOf(port, { tenants: null }))
  assert.equal(await post(port, 'b'), 200)
  const { balanced, rows } = await e2e.finish()
  assert.ok(balanced)
  assert.deepEqual(
    rows.map(({ tenant, sent }) => [tenant, sent]),
    [
      ['a', 100],
      ['b', 100],
      ['default', 1],
    ],
  )
})

test('a receiver that stays gets a gate when tenants are configured beside it', async t => {
  const [port] = await freePorts(1)
  const e2e = await startCollector(t, configOf(port, { tenants: null }))
  assert.equal(await post(port, 'a'), 200)

  const tenants = { tenants: { default: { signals: ['logs'] } } }
  await e2e.reload(configOf(port, { tenants }))

  assert.equal(await post(port, 'a'), 403)
})

test('a configuration of tenants that does not start changes nothing', async t => {
  const [port] = await freePorts(1)
  const section = { identity: PROXY, tenants: { a: {} }, unknown: 'refuse' }
  const e2e = await startCollector(t, configOf(port, { tenants: section, auth: true }))

  const faulty = { ...section, files: ['/nowhere/tenants.yaml'] }
  await assert.rejects(
    e2e.reload(configOf(port, { tenants: faulty, auth: true })),
    /there is no such file/,
  )

  assert.equal(await post(port, 'a'), 200)
  assert.equal(await post(port, 'b'), 403)
})
