/** `millrace tenants list | usage` against a running collector. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TenantView } from '../../src/core/tenant-control.ts'
import { openAdmin } from './tenants-kit.ts'

const MIB = 2 ** 20
const SHOP: TenantView = {
  ...{ tenant: 'shop', policy: 'tenants.d/shop.yaml:3', weight: 4, diskBytes: 0 },
  ...{ connections: 2, requests: 1, lastSeenMs: Date.now() - 5000 },
  limits: [
    { name: 'items_per_second', limit: 1000, used: 12.25 },
    { name: 'memory_bytes', limit: 64 * MIB, used: MIB },
  ],
}

test('list shows limits, where they stand and how much of each is taken', async t => {
  const { ask, json } = await openAdmin(t, { tenants: () => [{ view: () => [SHOP] }] })

  const { code, stdout } = await ask('tenants', 'list')
  const { tenants } = await json('tenants', 'list')

  assert.equal(code, 0)
  assert.match(
    stdout,
    /^tenant +weight +connections +requests +seen +limits from +taken of limits\n/,
  )
  assert.match(
    stdout,
    /shop +4 +2 +1 +\d+s ago +tenants\.d\/shop\.yaml:3 +items_per_second 12\.3 of 1000, memory_bytes 1\.0 MiB of 64\.0 MiB\n/,
  )
  assert.deepEqual(tenants, [SHOP])
})

test('list says when nobody keeps limits', async t => {
  const { ask } = await openAdmin(t)

  const { stdout } = await ask('tenants', 'list')

  assert.equal(stdout, 'no limits of tenants are kept here\n')
})

async function openUsed(t: Parameters<typeof openAdmin>[0]) {
  const asked = await openAdmin(t)
  const { ledger, usage } = asked
  usage.received('shop', 'traces', 2 * MIB)
  ledger.accepted('shop', 'traces', 100)
  ledger.unaccepted('shop', 'traces', 10, 'rate_items')
  ledger.sent('shop', 'traces', 60)
  ledger.dropped('shop', 'traces', 20, { stage: 'rules', reason: 'health', intentional: true })
  ledger.dropped('shop', 'traces', 3, { stage: 'otlp', reason: 'bad, "data"', intentional: false })
  ledger.addHolder(each => each('shop', 'traces', 7))
  usage.delivered('shop', 'traces', 'otlp', MIB)
  usage.turnedAway('bank', 'expired')
  return asked
}

test('usage is a table with what became of items', async t => {
  const { ask } = await openUsed(t)

  const { code, stdout } = await ask('tenants', 'usage', '--reasons')

  assert.equal(code, 0)
  const [time, header, row, ...rest] = stdout.trimEnd().split('\n')
  assert.match(time, /^2023-11-14T22:13:20\.000Z to 2023-/)
  assert.match(header, /^tenant +signal +accepted +refused +sent +filtered +lost +held +in +out$/)
  assert.match(row, /^shop +traces +90 +10 +60 +20 +3 +7 +2\.0 MiB +1\.0 MiB$/)
  assert.deepEqual(rest, [
    'shop traces: 10 refused: rate_items',
    'shop traces: 20 filtered at rules: health',
    'shop traces: 3 lost at otlp: bad, "data"',
    'shop traces: 1.0 MiB to otlp',
    'bank: 1 request turned away: expired',
  ])
})

test('usage has costs where there are prices', async t => {
  const { ask, usage } = await openUsed(t)
  usage.setPrices({
    ...{ currency: 'EUR', per_gib_in: 1024, per_gib_out: 0, exporters: {} },
    per_million_items: { traces: 0, metrics: 0, logs: 0 },
  })

  const { stdout } = await ask('tenants', 'usage')

  assert.match(stdout, / out +EUR\n/)
  assert.match(stdout, / 2\.00\n/)
})

test('usage as CSV is one line a tenant and signal, quoted where it must be', async t => {
  const { ask } = await openUsed(t)

  const { stdout } = await ask('tenants', 'usage', '--csv')

  const [header, row, end] = stdout.split('\r\n')
  assert.equal(header.split(',').length, 17)
  assert.match(header, /^from,to,tenant,signal,accepted,copied,refused,sent,/)
  assert.match(row, /,shop,traces,90,0,10,60,20,3,7,1,2097152,1048576,0,,/)
  assert.ok(row.endsWith(',"refused:rate_items=10;rules:health=20;otlp:bad, ""data""=3"'))
  assert.equal(end, '')
})

test('usage of a time and of one tenant', async t => {
  const { ask, json, clock, ledger } = await openUsed(t)
  await clock.advance(Date.now() - clock.now() + 10 * 60_000)
  ledger.accepted('shop', 'traces', 5)
  ledger.accepted('bank', 'traces', 5)

  const report = await json('tenants', 'usage', '--tenant', 'shop', '--since', '5m')
  const wrong = await ask('tenants', 'usage', '--since', 'yesterday')

  assert.equal(report.sinceStart, false)
  assert.deepEqual(
    report.rows.map((row: { tenant: string; accepted: number }) => [row.tenant, row.accepted]),
    [['shop', 5]],
  )
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /MILLRACE_CLI_BAD_TIME: .* --since yesterday/)
})
