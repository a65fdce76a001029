import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration } from '../../src/util/duration.ts'

const CASES: readonly (readonly [string, number | undefined])[] = [
  ['0', 0],
  ['5s', 5000],
  ['200ms', 200],
  ['1m30s', 90_000],
  ['1h', 3_600_000],
  ['1.5s', 1500],
  ['.5s', 500],
  ['-5s', -5000],
  ['+5s', 5000],
  ['1h0m0.1s', 3_600_100],
  ['100us', 0.1],
  ['100µs', 0.1],
  ['1ns', 0.000001],
  ['', undefined],
  ['5', undefined],
  ['s', undefined],
  ['5 s', undefined],
  ['5sec', undefined],
  ['1d', undefined],
  ['--5s', undefined],
  ['.s', undefined],
]

test('reads durations as Go does', () => {
  for (const [text, ms] of CASES) assert.equal(parseDuration(text), ms, text)
})

test('writes durations that it reads back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e10 }), ms => {
      assert.equal(parseDuration(formatDuration(ms)), ms)
    }),
  )
})

test('writes the usual short form', () => {
  assert.equal(formatDuration(90_000), '1m30s')
  assert.equal(formatDuration(200), '200ms')
  assert.equal(formatDuration(0), '0s')
  assert.equal(formatDuration(7_200_000), '2h')
})
