/** The check of the book at run time: what is a fault, and what is only on its way. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { LedgerCheck } from '../../src/pipeline/ledger-check.ts'
import { fakeServices } from '../../src/testing/fakes.ts'

function checked() {
  const { ledger, clock, meter, log } = fakeServices()
  const errors: unknown[] = []
  const transit = { items: 0 }
  const check = new LedgerCheck({
    ...{ transit, clock, meter, rows: () => ledger.rows() },
    log: { ...log, error: (_, fields) => void errors.push(fields?.missing) },
  })
  check.start()
  const imbalance = (): number => meter.total('millrace_ledger_imbalance')
  return { ledger, clock, transit, errors, imbalance }
}

test('says what is missing when it is missing at two looks in a row', async () => {
  const { ledger, clock, errors, imbalance } = checked()
  ledger.accepted('default', 'logs', 7)
  ledger.sent('default', 'logs', 4)

  await clock.advance(10_000)
  assert.deepEqual(errors, [])
  await clock.advance(10_000)

  assert.deepEqual(errors, [3])
  assert.equal(imbalance(), 3)
})

test('is content when the missing items turn up in between', async () => {
  const { ledger, clock, errors, imbalance } = checked()
  ledger.accepted('default', 'logs', 7)

  await clock.advance(10_000)
  ledger.sent('default', 'logs', 7)
  await clock.advance(20_000)

  assert.deepEqual(errors, [])
  assert.equal(imbalance(), 0)
})

test('does not judge while items are on their way to a stage that answers later', async () => {
  const { ledger, clock, transit, errors } = checked()
  ledger.accepted('default', 'logs', 7)
  transit.items = 7

  await clock.advance(60_000)

  assert.deepEqual(errors, [])
})
