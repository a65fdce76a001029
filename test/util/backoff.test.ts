/** Waiting times between attempts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from '../../src/util/backoff.ts'

const OPTIONS = { initialMs: 100, multiplier: 2, randomization: 0.5, maxMs: 1000 }

test('grows up to the bound and starts anew after a reset', () => {
  const backoff = new Backoff(OPTIONS, () => 0.5)

  const waits = Array.from({ length: 6 }, () => backoff.nextMs())
  backoff.reset()

  assert.deepEqual(waits, [100, 200, 400, 800, 1000, 1000])
  assert.equal(backoff.nextMs(), 100)
})

test('stays within the configured spread', () => {
  for (const random of [0, 0.25, 0.999]) {
    const wait = new Backoff(OPTIONS, () => random).nextMs()
    assert.ok(wait >= 50 && wait <= 150)
  }
})

test('never waits less than the other side asked for, even beyond the bound', () => {
  const backoff = new Backoff(OPTIONS, () => 0)

  assert.deepEqual([backoff.nextMs(5000), backoff.nextMs(5000)], [5000, 5000])
  assert.equal(backoff.nextMs(), 2500)
  assert.equal(backoff.nextMs(), 500)
})
