import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClassRanks } from '../../../src/sampler/decide/class-ranks.ts'

const QUARTER_MS = 900_000

test('wants the first of a class, then ever fewer, and one each quarter of an hour', () => {
  const ranks = new ClassRanks()
  const wishes = Array.from({ length: 6 }, () => ranks.see(-7, 0))
  assert.deepEqual(wishes, [1, 1, 1, 1 / 2, 1 / 3, 1 / 4])
  assert.equal(ranks.see(-7, QUARTER_MS), 1)
  assert.ok(ranks.see(-7, QUARTER_MS + 1) < 1)
})

test('a class never seen has the strongest claim', () => {
  const ranks = new ClassRanks()
  const claims = Array.from({ length: 4 }, () => {
    ranks.see(1, 0)
    return ranks.claim
  })
  assert.ok(claims[0] > claims[1] && claims[1] === claims[2] && claims[2] > claims[3])
})

test('a flood of classes makes those seen long ago room, not those in use', () => {
  const ranks = new ClassRanks()
  for (let at = 0; at < 10; at++) ranks.see(42, 0)
  for (let at = 0; at < 200_000; at++) {
    ranks.see(1_000 + at, at)
    if (at % 100 === 0) ranks.see(42, at)
  }
  assert.ok(ranks.see(42, 200_000) < 0.01)
})
