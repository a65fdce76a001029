/** One tenant at the door: each of its limits, and what happens when limits change. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { TenantAccount, TurnedAway } from '../../../src/core/tenancy.ts'
import type { TenantBook } from '../../../src/tenancy/book/tenant-book.ts'
import { startBook } from '../kit.ts'

const ADDRESS = '192.0.2.1'

function accountOf(book: TenantBook, tenant = 'a'): TenantAccount {
  const account = book.account(tenant)
  assert.equal(account.kind, 'account')
  return account as TenantAccount
}

function reasonOf(away: TurnedAway | null): string {
  return away?.reason ?? 'in'
}

test('charges items once they are known and turns the next request away by its head until they are paid', async () => {
  const { book, clock } = startBook({ tenants: { a: { items_per_second: 100 } } })
  const account = accountOf(book)

  assert.equal(account.enter('traces', ADDRESS), null)
  assert.equal(account.charge(300, 1), null)
  account.leave()
  const away = account.enter('traces', ADDRESS)!
  await clock.advance(away.retryAfterMs)

  assert.equal(away.code, 'quota')
  assert.equal(away.reason, 'rate_items')
  assert.equal(away.retryAfterMs, 2001)
  assert.match(away.message, /100 items a second/)
  assert.equal(account.enter('traces', ADDRESS), null)
})

test('of requests that came in at one time only those are charged that still may', () => {
  const { book } = startBook({ tenants: { a: { bytes_per_second: 1000 } } })
  const account = accountOf(book)
  account.enter('traces', ADDRESS)
  account.enter('traces', ADDRESS)

  assert.equal(account.charge(1, 5000), null)
  assert.equal(reasonOf(account.charge(1, 5000)), 'rate_bytes')
})

test('counts requests at one time, and connections', () => {
  const { book } = startBook({ tenants: { a: { concurrent_requests: 2, connections: 1 } } })
  const account = accountOf(book)

  assert.equal(account.enter('traces', ADDRESS), null)
  assert.equal(account.enter('logs', ADDRESS), null)
  assert.equal(reasonOf(account.enter('logs', ADDRESS)), 'concurrent_requests')
  account.leave()
  assert.equal(account.enter('logs', ADDRESS), null)
  assert.equal(account.connected(), null)
  assert.equal(reasonOf(account.connected()), 'connections')
  account.disconnected()
  assert.equal(account.connected(), null)
})

test('holds a tenant to its share of memory, and lets in alone what is larger', () => {
  const { book } = startBook({ tenants: { a: { memory: 1000 } } })
  const account = accountOf(book)

  assert.ok(account.tryHold(5000))
  assert.ok(!account.tryHold(1))
  assert.equal(reasonOf(account.enter('traces', ADDRESS)), 'memory')
  account.unhold(5000)
  assert.ok(account.tryHold(600))
  assert.ok(!account.tryHold(600))
  assert.equal(account.outOfMemory().code, 'quota')
})

test('the volume of a day ends at midnight, UTC, and what was not taken does not count', async () => {
  const { book, clock } = startBook({ tenants: { a: { daily: { items: 10, bytes: '1KiB' } } } })
  const account = accountOf(book)
  const midnight = Math.ceil(clock.now() / 86_400_000) * 86_400_000

  account.charge(10, 5)
  const away = account.enter('traces', ADDRESS)!
  account.refund(10, 5)
  account.charge(1, 1024)
  const other = account.enter('traces', ADDRESS)!
  await clock.advance(midnight - clock.now())

  assert.equal(away.reason, 'daily_items')
  assert.equal(away.retryAfterMs, 600_000, 'nobody stays away for longer')
  assert.equal(other.reason, 'daily_bytes')
  assert.equal(account.enter('traces', ADDRESS), null)
})

test('what is turned away for the day is not charged to the rate either', () => {
  const { book } = startBook({ tenants: { a: { items_per_second: 10, daily: { items: 5 } } } })
  const account = book.account('a') as TenantAccount
  assert.equal(account.charge(5, 1), null)

  assert.equal(account.charge(5, 1)?.reason, 'daily_items')

  const rate = book.view()[0].limits.find(({ name }) => name === 'items_per_second')
  assert.equal(rate?.used, 5)
})

test('a clock that was far ahead and is set right shuts nobody out for longer than a day', async () => {
  const { book, clock } = startBook({ tenants: { a: { daily: { items: 10 } } } })
  const day = Math.floor(clock.now() / 86_400_000)
  book.restoreVolumes([{ tenant: 'a', day: day + 3650, items: 10, bytes: 0 }])
  const account = book.account('a') as TenantAccount

  const today = account.enter('traces', '')
  await clock.advance((day + 1) * 86_400_000 - clock.now())

  assert.equal(today?.reason, 'daily_items', 'what was used stays used')
  assert.equal(account.enter('traces', ''), null)
})

test('what was kept over a restart does not take back what has come since', () => {
  const { book, clock } = startBook({ tenants: { a: { daily: { items: 10 } } } })
  const account = book.account('a') as TenantAccount
  account.charge(8, 100)

  const day = Math.floor(clock.now() / 86_400_000)
  book.restoreVolumes([{ tenant: 'a', day, items: 3, bytes: 200 }])

  assert.deepEqual(book.volumes(), [{ tenant: 'a', day, items: 8, bytes: 200 }])
})

test('a clock that is set back gives no second day', async () => {
  const { book, clock } = startBook({ tenants: { a: { daily: { items: 10 } } } })
  book.restoreVolumes([
    { tenant: 'a', day: Math.floor(clock.now() / 86_400_000) + 1, items: 10, bytes: 0 },
  ])

  assert.equal(reasonOf(accountOf(book).enter('traces', ADDRESS)), 'daily_items')
})

test('asks for signals and addresses first, for which waiting does not help', () => {
  const { book } = startBook({
    tenants: {
      a: { signals: ['logs'], addresses: { allow: ['192.0.2.0/24'], deny: ['192.0.2.7'] } },
    },
  })
  const account = accountOf(book)

  assert.equal(reasonOf(account.enter('traces', ADDRESS)), 'signal_not_allowed')
  assert.equal(reasonOf(account.enter('logs', '198.51.100.1')), 'address_denied')
  assert.equal(reasonOf(account.enter('logs', '192.0.2.7')), 'address_denied')
  assert.equal(reasonOf(account.enter('logs', 'fd00::1')), 'address_denied')
  assert.equal(account.enter('logs', ADDRESS), null)
  assert.equal(account.enter('logs', ''), null, 'a unix socket is on this machine')
})

test('new limits hold for an account that is there, and what it used stays used', async () => {
  const { book, clock, use } = startBook({ tenants: { a: { items_per_second: 10 } } })
  const account = accountOf(book)
  account.charge(1000, 1)

  use({ tenants: { a: { items_per_second: 20, concurrent_requests: 1 } } })
  const same = accountOf(book)

  assert.equal(same, account)
  assert.equal(reasonOf(account.enter('traces', ADDRESS)), 'rate_items')
  await clock.advance(60_000)
  assert.equal(account.enter('traces', ADDRESS), null)
  assert.equal(reasonOf(account.enter('traces', ADDRESS)), 'concurrent_requests')
})
