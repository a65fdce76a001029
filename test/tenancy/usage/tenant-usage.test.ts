/** Who used what: sums, reasons, costs and the history, as operators and metrics see them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { UsageRow } from '../../../src/core/tenant-control.ts'
import { AccountingLedger } from '../../../src/telemetry/ledger.ts'
import { TenantLabels } from '../../../src/telemetry/tenant-labels.ts'
import { type Prices, pricesField } from '../../../src/tenancy/usage/prices.ts'
import { TenantUsage } from '../../../src/tenancy/usage/tenant-usage.ts'
import { FakeClock, RecordingMeter } from '../../../src/testing/fakes.ts'

const MINUTE = 60_000
const GIB = 2 ** 30

function started(options: { labels?: TenantLabels; maxCells?: number } = {}) {
  const clock = new FakeClock()
  const ledger = new AccountingLedger()
  const { labels, maxCells = 1000 } = options
  const limits = { maxAgeMs: 24 * 60 * MINUTE, maxCells }
  const usage = new TenantUsage({ ledger, clock, labels, limits })
  usage.start()
  return { clock, ledger, usage, startMs: clock.now() }
}

function only(rows: readonly UsageRow[]): UsageRow {
  assert.equal(rows.length, 1)
  return rows[0]
}

test('the report has every count of the ledger and of the book', () => {
  const { ledger, usage, clock } = started()
  usage.received('shop', 'traces', 1000)
  ledger.accepted('shop', 'traces', 10)
  ledger.unaccepted('shop', 'traces', 2, 'over_quota')
  ledger.copied('shop', 'traces', 8)
  ledger.sent('shop', 'traces', 9)
  ledger.kept('shop', 'traces', 1)
  ledger.dropped('shop', 'traces', 4, { stage: 'rules', reason: 'filtered', intentional: true })
  ledger.dropped('shop', 'traces', 1, { stage: 'otlp', reason: 'bad_data', intentional: false })
  ledger.addHolder(each => each('shop', 'traces', 2))
  usage.delivered('shop', 'traces', 'otlp', 700)
  usage.delivered('shop', 'traces', 'file', 50)
  usage.turnedAway('shop', 'too_many_requests')

  const { rows, turnedAway, currency } = usage.report({})

  const lastMs = clock.now()
  assert.deepEqual(only(rows), {
    ...{ tenant: 'shop', signal: 'traces', accepted: 8, copied: 8, sent: 9, kept: 1, held: 2 },
    dropped: [
      { stage: 'rules', reason: 'filtered', intentional: true, items: 4, lastMs },
      { stage: 'otlp', reason: 'bad_data', intentional: false, items: 1, lastMs },
    ],
    refused: [{ reason: 'over_quota', items: 2, lastMs }],
    ...{ requests: 1, bytesIn: 1000, bytesOut: 750 },
    delivered: [
      { exporter: 'otlp', bytes: 700 },
      { exporter: 'file', bytes: 50 },
    ],
    cost: 0,
  })
  assert.deepEqual(turnedAway, [
    { tenant: 'shop', reason: 'too_many_requests', requests: 1, lastMs },
  ])
  assert.equal(currency, '')
})

test('a question about a time counts whole minutes from then on, and says from when', async () => {
  const { clock, ledger, usage, startMs } = started()
  ledger.accepted('shop', 'traces', 1)
  await clock.advance(MINUTE)
  ledger.accepted('shop', 'traces', 10)
  await clock.advance(MINUTE)
  ledger.accepted('shop', 'traces', 100)
  await clock.advance(MINUTE / 2)

  const since = usage.report({ sinceMs: startMs + 1.5 * MINUTE })
  const whole = usage.report({ sinceMs: startMs - MINUTE })

  assert.equal(only(since.rows).accepted, 110)
  assert.deepEqual([since.fromMs, since.toMs], [startMs + MINUTE, startMs + 2.5 * MINUTE])
  assert.equal(only(whole.rows).accepted, 111)
  assert.equal(whole.fromMs, startMs)
})

test('reasons tell when they were last seen', async () => {
  const { clock, ledger, usage, startMs } = started()
  ledger.unaccepted('shop', 'logs', 5, 'queue_full')
  await clock.advance(MINUTE)
  ledger.accepted('shop', 'logs', 5)
  await clock.advance(10 * MINUTE)

  const { refused } = only(usage.report({}).rows)
  const late = only(usage.report({ sinceMs: startMs + MINUTE }).rows)

  assert.deepEqual(refused, [{ reason: 'queue_full', items: 5, lastMs: startMs + MINUTE }])
  assert.deepEqual(late.refused, [])
})

test('the history forgets what is older than its age, and minutes at rest cost nothing', async () => {
  const { clock, ledger, usage, startMs } = started()
  ledger.accepted('shop', 'traces', 7)
  await clock.advance(25 * 60 * MINUTE)
  ledger.accepted('shop', 'traces', 1)
  const nowMs = clock.now()

  const day = usage.report({ sinceMs: startMs + 1 })

  assert.equal(only(day.rows).accepted, 1)
  assert.equal(day.fromMs, startMs + MINUTE)
  assert.deepEqual(
    usage.minutes('shop', startMs).map(({ atMs, accepted }) => [atMs, accepted]),
    [[nowMs, 1]],
  )
})

test('a flood of tenants shortens the history and nothing else', async () => {
  const { clock, ledger, usage, startMs } = started({ maxCells: 50 })
  for (let minute = 0; minute < 10; minute++) {
    for (let tenant = 0; tenant < 20; tenant++) ledger.accepted(`t${tenant}`, 'traces', 1)
    await clock.advance(MINUTE)
  }

  const { fromMs, rows } = usage.report({ sinceMs: startMs + 1 })

  assert.equal(fromMs, startMs + 8 * MINUTE)
  assert.equal(rows.length, 20)
  assert.ok(rows.every(({ accepted }) => accepted === 2))
  assert.ok(usage.report({}).rows.every(({ accepted }) => accepted === 10))
})

test('minutes are of one tenant, all signals together', async () => {
  const { clock, ledger, usage, startMs } = started()
  ledger.accepted('shop', 'traces', 3)
  ledger.accepted('shop', 'logs', 4)
  ledger.accepted('bank', 'logs', 50)
  ledger.dropped('shop', 'logs', 1, { stage: 'rules', reason: 'filtered', intentional: true })
  ledger.dropped('shop', 'logs', 2, { stage: 'otlp', reason: 'expired', intentional: false })
  usage.received('shop', 'logs', 90)
  usage.turnedAway('shop', 'no_credentials')
  await clock.advance(MINUTE)

  const minutes = usage.minutes('shop', startMs)

  assert.deepEqual(minutes, [
    {
      ...{ atMs: startMs + MINUTE, accepted: 7, refused: 0, sent: 0, filtered: 1, lost: 2 },
      ...{ bytesIn: 90, bytesOut: 0, turnedAway: 1 },
    },
  ])
})

test('a report of one tenant has nothing of another', () => {
  const { ledger, usage } = started()
  ledger.accepted('shop', 'traces', 1)
  ledger.accepted('bank', 'traces', 1)
  ledger.addHolder(each => each('bank', 'traces', 1))
  usage.turnedAway('bank', 'expired')

  const { rows, turnedAway } = usage.report({ tenant: 'shop' })

  assert.deepEqual([only(rows).tenant, turnedAway], ['shop', []])
})

test('prices make costs: bytes in, bytes out by destination, items by signal', () => {
  const { ledger, usage } = started()
  const prices = pricesField().parse({
    currency: 'EUR',
    per_gib_in: 0.5,
    per_gib_out: 1,
    per_million_items: { traces: 3 },
    exporters: { 'otlp_http/vendor': { per_gib_out: 10 } },
  })
  usage.setPrices(prices as Prices)
  ledger.accepted('shop', 'traces', 2e6)
  usage.received('shop', 'traces', 2 * GIB)
  usage.delivered('shop', 'traces', 'otlp_http/vendor', GIB)
  usage.delivered('shop', 'traces', 'constructor', GIB)

  const { rows, currency } = usage.report({})

  assert.deepEqual([only(rows).cost, currency], [2 * 3 + 2 * 0.5 + 10 + 1, 'EUR'])
})

test('metrics name the first tenants and put all others together', () => {
  const { usage } = started({ labels: new TenantLabels(2) })
  const meter = new RecordingMeter()
  for (let tenant = 0; tenant < 5; tenant++) {
    usage.received(`t${tenant}`, 'traces', 100)
    usage.turnedAway(`t${tenant}`, 'expired')
  }

  usage.publish(meter)
  usage.publish(meter)

  const value = (key: string): number | undefined => meter.values.get(key)?.value
  assert.equal(value('millrace_tenant_received_bytes{signal=traces,tenant=t1}'), 100)
  assert.equal(value('millrace_tenant_received_bytes{signal=traces,tenant=other}'), 300)
  assert.equal(value('millrace_tenant_requests{signal=traces,tenant=other}'), 3)
  assert.equal(value('millrace_tenant_turned_away_requests{reason=expired,tenant=other}'), 3)
  assert.equal(value('millrace_tenant_received_bytes{signal=traces,tenant=t2}'), undefined)
})

test('costs are a metric where there are prices', () => {
  const { ledger, usage } = started()
  usage.setPrices(pricesField().parse({ per_million_items: { logs: 2 } }) as Prices)
  ledger.accepted('shop', 'logs', 500_000)
  const meter = new RecordingMeter()

  usage.publish(meter)

  assert.equal(meter.values.get('millrace_tenant_cost{currency=USD,tenant=shop}')?.value, 1)
})

test('reasons that nobody foresaw are counted together', () => {
  const { usage } = started()
  for (let i = 0; i < 100; i++) usage.turnedAway('shop', `reason-${i}`)

  const { turnedAway } = usage.report({})

  assert.equal(turnedAway.length, 65)
  assert.deepEqual([turnedAway[0].reason, turnedAway[0].requests], ['other', 36])
})
