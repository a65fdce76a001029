/** `handOn`: who owns what, and what is booked, for every answer of the next stage. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Part } from '../../src/core/batch.ts'
import { handOn } from '../../src/core/hand-on.ts'
import { ACCEPTED, busy, type Outcome, refused } from '../../src/core/outcome.ts'
import { makeBatch } from '../../src/testing/builders.ts'
import { CollectingConsumer } from '../../src/testing/fakes.ts'

/** A batch of 10 of which 6 are left, and a part that was made anew. */
function start(answer: Outcome | Promise<Outcome>) {
  const freed = { given: 0, made: 0 }
  const batch = makeBatch(10, { onFree: () => freed.given++ })
  const made = makeBatch(4, { onFree: () => freed.made++ }).parts[0]
  const kept: Part = { ...batch.parts[0], items: 6 }
  const next = new CollectingConsumer()
  next.answer = () => answer
  let settled = 0
  const outcome = handOn(batch, [kept, made], next, () => settled++)
  return { batch, next, freed, outcome, settled: () => settled }
}

test('passes both parts on when they are taken', () => {
  const { next, freed, outcome, settled } = start(ACCEPTED)

  assert.equal(outcome, ACCEPTED)
  assert.equal(settled(), 1)
  assert.equal(next.items, 10)
  next.releaseAll()
  assert.deepEqual(freed, { given: 1, made: 1 })
})

test('gives the batch back when the next stage is busy, and books nothing', () => {
  const { batch, freed, outcome, settled } = start(busy(5))

  assert.deepEqual(outcome, busy(5))
  assert.equal(settled(), 0)
  assert.deepEqual(freed, { given: 0, made: 1 })
  batch.release()
  assert.equal(freed.given, 1)
})

test('a refusal of all that was left is one of the whole batch', async () => {
  const { batch, freed, outcome, settled } = start(Promise.resolve(refused(10, 'too_large', 'no')))

  assert.deepEqual(await outcome, refused(10, 'too_large', 'no'))
  assert.equal(settled(), 0)
  batch.release()
  assert.deepEqual(freed, { given: 1, made: 1 })
})

test('a refusal of some items leaves the others with the next stage', () => {
  const { freed, outcome, settled } = start(refused(3, 'bad_data', 'three'))

  assert.deepEqual(outcome, refused(3, 'bad_data', 'three'))
  assert.equal(settled(), 1)
  // The next stage took the batch and holds what is in it.
  assert.deepEqual(freed, { given: 0, made: 0 })
})

test('asks nobody when nothing is left', () => {
  const next = new CollectingConsumer()
  let freed = 0
  const batch = makeBatch(3, { onFree: () => freed++ })
  let settled = 0

  const outcome = handOn(batch, [{ ...batch.parts[0], items: 0 }], next, () => settled++)

  assert.equal(outcome, ACCEPTED)
  assert.deepEqual([next.batches.length, freed, settled], [0, 1, 1])
})
