/** Nothing that was acknowledged is missing after kills at random moments, and what comes twice is little. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { crashRounds } from './crash-rounds.ts'
import { assertExact } from './kit.ts'

const ROUNDS = 50

test(`loses nothing in ${ROUNDS} kills under load with fsync always`, async t => {
  const report = await crashRounds(t, { rounds: ROUNDS, seed: 1 })

  const { stopped, ...figures } = report
  t.diagnostic(JSON.stringify(figures))
  assert.equal(report.missing, 0, JSON.stringify(stopped.rows))
  assert.equal(report.unwanted, 0)
  assert.equal(report.withinOneLife, 0)
  assert.equal(report.killsBeyondBound, 0, JSON.stringify(figures))
  assertExact(stopped)
})
