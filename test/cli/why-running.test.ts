/** `millrace tenants usage` and `millrace why` against a collector that runs in this process, with tenants behind a proxy. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { HTTP_EXPORT_PATH, type Signal } from '../../src/core/signal.ts'
import type { UsageReport, UsageRow } from '../../src/core/tenant-control.ts'
import { AdminSocket } from '../../src/pipeline/admin-socket.ts'
import { startCollector } from '../e2e/kit.ts'
import { startBackend } from '../harness/backend.ts'
import { freePorts } from '../harness/ports.ts'
import { eventually } from '../harness/process.ts'
import { sampleRequest } from '../harness/samples.ts'
import { runMillrace } from './command-line.ts'

const RULES = `version: 1
rules:
  - name: no-logs-of-shop
    on: log
    tenants: [shop]
    do: drop
`
const ITEMS = 5

async function start(t: TestContext, backend: string) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-why-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const rules = join(folder, 'r.yaml')
  writeFileSync(rules, RULES)
  const [port] = await freePorts(1)
  const http = { endpoint: `127.0.0.1:${port}`, auth: { authenticator: 'tenants' } }
  const toBackend = { receivers: ['otlp'], exporters: ['otlp_grpc'] }
  const { collector, finish } = await startCollector(t, {
    extensions: {
      tenants: {
        identity: { header: { trusted_proxies: ['127.0.0.1/32'] } },
        tenants: { bank: { items_per_second: { rate: 0.01, burst: 1 } } },
        prices: { per_million_items: { traces: 1_000_000 } },
      },
    },
    receivers: { otlp: { protocols: { http } } },
    processors: { rules: { files: [rules] } },
    exporters: {
      otlp_grpc: {
        ...{ endpoint: backend, tls: { insecure: true } },
        retry_on_failure: { initial_interval: '1m', max_interval: '1m' },
      },
    },
    service: {
      extensions: ['tenants'],
      pipelines: { traces: toBackend, logs: { ...toBackend, processors: ['rules'] } },
    },
  })
  const path = join(folder, 'admin.sock')
  const socket = await AdminSocket.open(path, collector.inspector)
  t.after(() => socket.close())
  return {
    ...{ collector, finish },
    ask: async (...args: string[]) => (await runMillrace([...args, '--socket', path])).stdout,
    send: (tenant: string, signal: Signal, body: Uint8Array = sampleRequest(signal, 1).bytes) =>
      fetch(`http://127.0.0.1:${port}${HTTP_EXPORT_PATH[signal]}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-protobuf',
          ...(tenant === '' ? {} : { 'x-scope-orgid': tenant }),
        },
        body: body as Uint8Array<ArrayBuffer>,
      }).then(async answer => ({ status: answer.status, text: await answer.text() })),
  }
}

test('each tenant is told its own: sent, filtered, refused, bytes and costs', async t => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const { ask, send, finish } = await start(t, `127.0.0.1:${backend.grpcPort}`)

  const answers = [
    await send('shop', 'traces'),
    await send('shop', 'logs'),
    await send('bank', 'traces'),
    await send('bank', 'traces'),
    await send('', 'traces'),
    await send('shop', 'traces', Buffer.from('no request at all')),
  ]
  await eventually(() => backend.items('traces') === 2 * ITEMS, 5000, 'traces arrive')
  const report: UsageReport = JSON.parse(await ask('tenants', 'usage', '--json'))

  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 429, 401, 400],
  )
  const row = (tenant: string, signal: Signal): UsageRow =>
    report.rows.find(each => each.tenant === tenant && each.signal === signal)!
  const shop = row('shop', 'traces')
  assert.deepEqual([shop.accepted, shop.sent, shop.requests, shop.cost], [ITEMS, ITEMS, 1, ITEMS])
  assert.ok(shop.bytesIn > 0)
  assert.equal(shop.bytesOut, shop.bytesIn)
  const { reason, items, intentional } = row('shop', 'logs').dropped[0]
  assert.deepEqual([reason, items, intentional], ['no-logs-of-shop', ITEMS, true])
  assert.equal(row('bank', 'traces').accepted, ITEMS)
  const away = report.turnedAway.map(({ tenant, reason, requests }) => [tenant, reason, requests])
  assert.deepEqual(away, [
    ['(unknown)', 'no_credentials', 1],
    ['bank', 'rate_items', 1],
    ['shop', 'bad_data', 1],
  ])
  assert.match(await ask('tenants', 'list'), /bank .* items_per_second \S+ of 0\.0/)
  assert.match(await ask('why', '--tenant', 'shop'), /5 log records let go .* no-logs-of-shop/)
  assert.match(await ask('why', '--tenant', 'bank'), /1 request turned away .* more items a second/)
  assert.equal((await finish()).balanced, true)
})

test('what waits for a dead destination is told with the reason', async t => {
  const [nobody] = await freePorts(1)
  const { ask, send, collector } = await start(t, `127.0.0.1:${nobody}`)
  await send('shop', 'traces')
  const waits = async () => /5 spans wait for otlp_grpc/.test(await ask('why', '--tenant', 'shop'))
  await eventually(waits, 5000, 'it waits')

  const told = await ask('why', '--tenant', 'shop')
  const other = await ask('why', '--tenant', 'bank')

  assert.match(
    told,
    /1 request failed and will be tried again; the destination said: .*ECONNREFUSED/,
  )
  assert.match(told, /5 spans accepted; 0 sent, 0 let go on purpose, 0 lost, 5 held now/)
  assert.doesNotMatch(other, /wait for/)
  // Nothing else keeps the process alive while what waits is given up.
  const alive = setInterval(() => {}, 1000)
  await collector.stop(10)
  clearInterval(alive)
})
