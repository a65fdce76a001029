/** The ledger beyond its identity: accounts stay, changes are seen, and a flood of tenant names has an end. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { AccountingLedger, OTHER_TENANTS } from '../../src/telemetry/ledger.ts'

const DROP = { stage: 'otlp_grpc', reason: 'expired', intentional: false }

test('tenants beyond the bound share accounts, and the identity holds for these too', () => {
  const ledger = new AccountingLedger(2)
  ledger.addHolder(each => {
    each('c', 'traces', 1)
    each('d', 'traces', 2)
  })
  for (const tenant of ['a', 'b', 'c', 'd', 'e']) {
    ledger.accepted(tenant, 'traces', 10)
    ledger.sent(tenant, 'traces', tenant === 'c' ? 8 : tenant === 'd' ? 7 : 9)
    ledger.dropped(tenant, 'traces', 1, DROP)
  }

  const rows = ledger.rows()

  assert.deepEqual(
    rows.map(({ tenant, accepted, sent, held }) => ({ tenant, accepted, sent, held })),
    [
      { tenant: 'a', accepted: 10, sent: 9, held: 0 },
      { tenant: 'b', accepted: 10, sent: 9, held: 0 },
      { tenant: OTHER_TENANTS, accepted: 30, sent: 24, held: 3 },
    ],
  )
  assert.ok(rows.every(row => row.balanced))
})

test('a tenant that had its own account keeps it when others flood the book', () => {
  const ledger = new AccountingLedger(2)
  ledger.accepted('first', 'traces', 1)
  for (let i = 0; i < 100; i++) ledger.accepted(`flood-${i}`, 'logs', 1)

  ledger.accepted('first', 'logs', 5)

  const own = ledger.rows().filter(row => row.tenant === 'first')
  assert.deepEqual(
    own.map(({ signal, accepted }) => [signal, accepted]),
    [
      ['traces', 1],
      ['logs', 5],
    ],
  )
  assert.equal(ledger.accounts().length, 4)
})

test('every booking changes the account, also one that leaves the sums as they were', () => {
  const ledger = new AccountingLedger()
  ledger.accepted('a', 'traces', 3)
  const [account] = ledger.accounts()
  const before = account.changes

  ledger.accepted('a', 'traces', 5)
  ledger.unaccepted('a', 'traces', 5, 'queue_full')

  assert.equal(account.accepted, 3)
  assert.ok(account.changes > before)
  assert.deepEqual(ledger.refusals(), [
    { tenant: 'a', signal: 'traces', reason: 'queue_full', items: 5 },
  ])
})
