/** Questions about tenants at the admin API: what they take, and what they say to a question that is none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AdminSubject, answerAdmin } from '../../src/pipeline/admin-api.ts'
import { AccountingLedger } from '../../src/telemetry/ledger.ts'
import { TenantUsage } from '../../src/tenancy/usage/tenant-usage.ts'
import { FakeClock, fakeHost } from '../../src/testing/fakes.ts'

function started(more: Partial<AdminSubject> = {}) {
  const [clock, ledger] = [new FakeClock(), new AccountingLedger()]
  const usage = new TenantUsage({ ledger, clock })
  usage.start()
  const subject: AdminSubject = { ...fakeHost().inspector, usage: () => usage, ...more }
  const get = (path: string, query: Record<string, string> = {}) =>
    answerAdmin(subject, {
      ...{ method: 'GET', path, body: undefined },
      query: new URLSearchParams(query),
    })
  return { clock, ledger, get }
}

test('history is of one tenant, minute by minute', async () => {
  const { clock, ledger, get } = started()
  ledger.accepted('shop', 'traces', 3)
  ledger.accepted('bank', 'traces', 50)
  await clock.advance(61_000)
  ledger.accepted('shop', 'logs', 4)

  const { status, body } = await get('/api/v1/tenants/history', { tenant: 'shop' })

  assert.equal(status, 200)
  const { minutes } = body as { minutes: readonly { accepted: number }[] }
  assert.deepEqual(
    minutes.map(({ accepted }) => accepted),
    [3, 4],
  )
})

test('why names faults of components and of the tenant itself, and none of another tenant', async () => {
  const details = [
    'tenant shop: HTTP 503',
    'tenant shop.eu: HTTP 400',
    'HTTP 502',
    'tenant of none',
  ]
  const { get } = started({
    components: () =>
      details.map((detail, i) => ({
        ...{ id: `otlp/${i}`, kind: 'exporter', type: 'otlp' },
        ...{ status: 'recoverable_error', detail },
      })),
  } as Partial<AdminSubject>)

  const { body } = await get('/api/v1/why', { tenant: 'shop' })

  const { faults } = body as { faults: readonly { detail: string }[] }
  assert.deepEqual(
    faults.map(({ detail }) => detail),
    ['tenant shop: HTTP 503', 'HTTP 502', 'tenant of none'],
  )
})

test('a question that names no tenant is none, where one is needed', async () => {
  const { get } = started()

  for (const path of ['/api/v1/tenants/history', '/api/v1/why']) {
    const { status, body } = await get(path)
    assert.deepEqual([status, body], [400, { error: 'tenant is missing' }])
  }
})

test('a time that is no number is refused', async () => {
  const { get } = started()

  for (const path of ['/api/v1/tenants/usage', '/api/v1/tenants/history', '/api/v1/why']) {
    const { status } = await get(path, { tenant: 'shop', since: '1h' })
    assert.equal(status, 400, path)
  }
})
