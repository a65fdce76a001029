import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScoreReference } from '../../../src/sampler/decide/score-reference.ts'
import { ScoreSample } from '../../../src/sampler/decide/score-sample.ts'
import { Seeded } from './traffic.ts'

const MINUTE_MS = 60_000

/** One score a second. */
function teach(to: ScoreReference, startMs: number, scores: number[], shifted = false): number {
  let now = startMs
  for (const score of scores) {
    now += 1_000
    to.advance(now, true)
    to.learn(score, shifted)
  }
  to.advance(now + 5_000, true)
  return now + 5_000
}

function even(count: number, from = 0): number[] {
  const random = new Seeded(1)
  return Array.from({ length: count }, () => from + random.next())
}

test('surprise is the rank among quiet traffic, grows beyond all that was seen, and turns back into a score', () => {
  const reference = new ScoreReference()
  assert.equal(reference.warm, false)
  teach(reference, 0, even(3_000))
  assert.equal(reference.warm, true)
  for (const share of [0.5, 0.1, 0.045]) {
    assert.ok(Math.abs(Math.exp(-reference.surprise(1 - share)) - share) < 0.02)
    assert.ok(Math.abs(reference.scoreAt(-Math.log(share)) - (1 - share)) < 0.02)
  }
  let before = 0
  for (const score of [0, 0.3, 0.9, 0.99, 0.999, 1, 1.1, 2, 50]) {
    const now = reference.surprise(score)
    assert.ok(now >= before, `${score}`)
    before = now
  }
  assert.ok(reference.surprise(50) > reference.surprise(2))
})

test('what is in shift teaches nothing, until nothing else has come for a quarter of an hour', () => {
  const reference = new ScoreReference()
  const now = teach(reference, 0, even(500))
  const bar = reference.scoreAt(2)
  const later = teach(reference, now, even(600, 10), true)
  assert.equal(reference.scoreAt(2), bar)
  teach(reference, later, even(3_000, 10), true)
  assert.ok(reference.scoreAt(2) > 10)
})

test('the memory reaches back the same time however dense traffic is', () => {
  const reference = new ScoreReference()
  const random = new Seeded(2)
  let now = 0
  for (let minute = 0; minute < 40; minute++) {
    now += MINUTE_MS
    reference.advance(now, true)
    for (let at = 0; at < 5_000; at++) reference.learn(minute < 32 ? random.next() : 5, false)
  }
  reference.advance(now + MINUTE_MS, true)
  const share = Math.exp(-reference.surprise(4))
  assert.ok(share > 0.1 && share < 0.45, `${share}`)
})

test('equal scores and scores without end leave numbers', () => {
  const reference = new ScoreReference()
  teach(reference, 0, new Array(200).fill(3))
  assert.equal(reference.surprise(2), 0)
  assert.ok(Number.isFinite(reference.surprise(1e300)))
  assert.ok(Number.isFinite(reference.surprise(Number.POSITIVE_INFINITY)))
  for (const score of [Number.NaN, Number.POSITIVE_INFINITY]) reference.learn(score, false)
  teach(reference, 300_000, [3])
  assert.ok(Number.isFinite(reference.surprise(3)))
})

test('a snapshot answers as before', () => {
  const reference = new ScoreReference()
  teach(reference, 0, even(1_000))
  const numbers = new Float64Array(5_000)
  reference.write(numbers, 3)
  const other = new ScoreReference()
  other.read(numbers, 3)
  assert.equal(other.surprise(0.9), reference.surprise(0.9))
  assert.equal(other.surprise(3), reference.surprise(3))
})

test('the sample of all traffic is even over what came', () => {
  const sample = new ScoreSample(24 * 60 * MINUTE_MS)
  for (let at = 0; at < 40_000; at++) {
    sample.advance(at * 100, at % 50 === 0)
    sample.learn(at)
  }
  sample.advance(5_000_000, true)
  for (const share of [0.1, 0.5, 0.9]) {
    assert.ok(Math.abs(sample.share(40_000 * (1 - share)) - share) < 0.03)
  }
})
