/** The book of tenants: shares, accounts that make room, policies that come and go. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { EQUAL_SHARE, type TenantAccount } from '../../../src/core/tenancy.ts'
import { policyOf, startBook } from '../kit.ts'

test('has no door and equal shares while there is no policy', () => {
  const { book } = startBook(null)

  assert.equal(book.door, null)
  assert.equal(book.shareOf('a'), EQUAL_SHARE)
  assert.deepEqual(book.view(), [])
})

test('tells shares, and counts its versions when they may have changed', () => {
  const { book, use } = startBook({
    tenants: { a: { weight: 3, disk: '1GiB', sampling: { spans_per_second: 7 } } },
  })
  const before = book.version
  const { weight, diskBytes, sampling } = book.shareOf('a')

  use({ tenants: { a: { weight: 5 } } })

  assert.deepEqual([weight, diskBytes, sampling?.spansPerSecond], [3, 2 ** 30, 7])
  assert.ok(book.version > before)
  assert.equal(book.shareOf('a').weight, 5)
  assert.equal(book.shareOf('a').sampling, null)
})

test('keeps a policy while a successor of its owner is expected, so that a reload leaves no gap', () => {
  const { book } = startBook(null)
  const [before, after] = [{}, {}]
  book.install(before, policyOf({ unknown: 'refuse' }))
  book.expect(after)

  book.leave(before)
  assert.equal(book.account('a').kind, 'turned_away')
  assert.ok(book.install(after, policyOf({ tenants: { a: {} } })))

  assert.equal(book.account('a').kind, 'account')
})

test('a policy without a successor ends with its owner, and so does that of one who never came', () => {
  const { book } = startBook(null)
  const [before, after] = [{}, {}]
  book.install(before, policyOf({}))
  book.expect(after)
  book.leave(before)
  assert.ok(book.door !== null)

  book.leave(after)

  assert.equal(book.door, null)
})

test('takes the policy of one owner at a time', () => {
  const { book } = startBook(null)
  const [one, other] = [{}, {}]

  assert.ok(book.install(one, policyOf({})))
  assert.ok(!book.install(other, policyOf({})))
  book.leave(one)
  assert.ok(book.install(other, policyOf({})))
})

test('remembers a bounded number of tenants: quiet ones make room, those with something open do not', () => {
  const { book } = startBook({ max_tenants: 3 })
  const [a, b] = ['a', 'b'].map(tenant => book.account(tenant) as TenantAccount)
  a.enter('traces', '')
  b.connected()
  book.account('c')

  assert.equal(book.account('d').kind, 'account', 'in the place of c')
  assert.equal(book.account('a'), a)
  assert.equal(book.account('b'), b)
  ;(book.account('d') as TenantAccount).tryHold(1)
  const away = book.account('e')
  assert.ok(away.kind === 'turned_away' && away.code === 'busy')
  assert.equal(away.reason, 'too_many_tenants')
  b.disconnected()
  assert.equal(book.account('e').kind, 'account')
})

test('who owes something is not forgotten', () => {
  const { book } = startBook({ max_tenants: 1, defaults: { items_per_second: 1 } })
  ;(book.account('a') as TenantAccount).charge(100, 1)

  assert.equal(book.account('b').kind, 'turned_away')
})

test('a thousand idle tenants cost less than 4 KiB each', () => {
  const { book } = startBook({
    defaults: { items_per_second: 5, bytes_per_second: '1MiB', daily: { items: 5 } },
  })
  const measure = (): number => {
    ;(globalThis as { gc?: () => void }).gc?.()
    return process.memoryUsage().heapUsed
  }
  const before = measure()

  for (let i = 0; i < 1000; i++) book.account(`tenant-${i}`)

  assert.ok((measure() - before) / 1000 < 4096)
})

test('shows every tenant that was seen or is named, with its limits and where they stand', async () => {
  const { book, clock } = startBook({
    tenants: { a: { items_per_second: 100, connections: 4 }, 'b-*': { weight: 2 } },
  })
  const seen = book.account('b-1') as TenantAccount
  seen.enter('traces', '')
  await clock.advance(1000)
  ;(book.account('a') as TenantAccount).charge(50, 1)

  const [first, second, ...rest] = book.view()

  assert.equal(rest.length, 0)
  assert.deepEqual(first.limits, [
    { name: 'items_per_second', limit: 100, used: 50 },
    { name: 'connections', limit: 4, used: 0 },
  ])
  assert.deepEqual([second.tenant, second.weight, second.requests], ['b-1', 2, 1])
  assert.equal(first.lastSeenMs, clock.now())
})
