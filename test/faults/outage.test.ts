/** A dead destination costs nothing but time, and when it is back every tenant gets its part. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { assertExact } from './kit.ts'
import { outage } from './outage.ts'

const DEAD_MS = 60_000
const MOST_UNFAIR = 0.1

test('loses nothing while the destination is dead for a minute, and drains by weight', async t => {
  const report = await outage(t, { deadMs: DEAD_MS, spansPerSecond: 2000, storage: {} })

  const { stopped, ...figures } = report
  t.diagnostic(JSON.stringify(figures))
  assert.equal(report.missing, 0)
  assert.equal(report.refused, 0)
  assert.ok(report.unfairness <= MOST_UNFAIR, JSON.stringify(report.shares))
  assertExact(stopped)
})
