/** Every kind of misbehaviour beside a tenant that behaves; the exact figures are those of `npm run bench:neighbours`. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { NOISES } from '../harness/noise.ts'
import { assertExact } from './kit.ts'
import { noisyNeighbour } from './noisy-neighbour.ts'

/** Above the bar: machines that run tests do other things too. */
const MOST_WORSE = 5
const LEAST_NOTICED_MS = 50
const LEAST_RATE = 0.9

test('a tenant that behaves is served beside any that does not', async t => {
  const report = await noisyNeighbour(t, { kinds: NOISES, rounds: 1, sliceMs: 2500 })

  t.diagnostic(JSON.stringify(report.rows))
  for (const { kind, alone, beside } of report.rows) {
    assert.equal(beside.failedSpans, 0, kind)
    assert.ok(beside.spansPerSecond >= LEAST_RATE * alone.spansPerSecond, kind)
    const most = Math.max(LEAST_NOTICED_MS, MOST_WORSE * alone.p99Ms)
    assert.ok(beside.p99Ms <= most, `${kind}: ${beside.p99Ms} ms beside ${alone.p99Ms} ms`)
  }
  assert.equal(report.accepted, report.arrived)
  assertExact(report.stopped)
})
