import assert from 'node:assert/strict'
import test from 'node:test'
import { ACCEPTED, type Outcome } from '../../../src/core/outcome.ts'
import { TurnLimit } from '../../../src/processors/adaptive-sampler/turn-limit.ts'
import { FakeClock, settle } from '../../../src/testing/fakes.ts'

/** Work that takes so long, noted in order. */
function works(count: number, ms: number) {
  let nowMs = 0
  class Hand extends FakeClock {
    override monotonic(): number {
      return nowMs
    }
  }
  const limit = new TurnLimit(new Hand())
  const done: number[] = []
  const answers = Array.from({ length: count }, (_, n) =>
    limit.run((): Outcome => {
      nowMs += ms
      done.push(n)
      return ACCEPTED
    }),
  )
  return { limit, done, answers }
}

test('work that fits into a turn is done and answered at once', () => {
  const { done, answers } = works(5, 1)

  assert.equal(done.length, 5)
  assert.ok(answers.every(answer => answer === ACCEPTED))
})

test('what comes when a turn is over is done in later ones, in order, a few each', async () => {
  const { done, answers } = works(10, 2)
  assert.deepEqual(done, [0, 1, 2])

  const perTurn: number[] = []
  while (done.length < 10) {
    const before = done.length
    await settle()
    perTurn.push(done.length - before)
  }

  assert.ok(
    perTurn.every(each => each <= 3),
    `${perTurn} in the turns that followed`,
  )
  assert.deepEqual(
    done,
    Array.from({ length: 10 }, (_, n) => n),
  )
  assert.ok((await Promise.all(answers)).every(answer => answer === ACCEPTED))
})

test('work that is longer than a turn gets one of its own', async () => {
  const { done, answers } = works(3, 50)
  assert.deepEqual(done, [0])

  await Promise.all(answers)

  assert.deepEqual(done, [0, 1, 2])
})

test('work that throws in a later turn is the failure of who asked, and others go on', async () => {
  const { limit, answers } = works(4, 2)
  const failed = limit.run(() => {
    throw new Error('no')
  }) as Promise<Outcome>
  const after = limit.run(() => ACCEPTED)

  await assert.rejects(failed, /no/)
  assert.equal(await after, ACCEPTED)
  assert.equal(await answers[3], ACCEPTED)
})
