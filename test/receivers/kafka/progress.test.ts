/** The prefix of a partition that is done: it moves over what is finished in any order, and never over what is not. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Progress } from '../../../src/receivers/kafka/progress.ts'

test('moves on to the first record that is not done, in whatever order they end', () => {
  const progress = new Progress()
  progress.begin(4)
  for (const offset of [4, 5, 8]) progress.issue(offset)

  progress.finish(5)
  const whileFirstIsOpen = progress.next
  progress.finish(4)
  const afterTwo = progress.next
  progress.finish(8)

  assert.deepEqual([whileFirstIsOpen, afterTwo, progress.next], [4, 6, 9])
})

test('knows what was done beyond the prefix when it is fetched again', () => {
  const progress = new Progress()
  progress.begin(0)
  for (const offset of [0, 1, 2]) progress.issue(offset)
  progress.finish(2)

  progress.begin(0)

  assert.deepEqual(
    [0, 1, 2].map(offset => progress.isDone(offset)),
    [false, false, true],
  )
  for (const offset of [0, 1, 2]) progress.issue(offset)
  progress.finish(0)
  progress.finish(1)
  assert.equal(progress.next, 3)
})

test('does not wait for records that are there no more', () => {
  const progress = new Progress()
  progress.begin(0)
  progress.issue(0)

  progress.begin(10)
  progress.issue(10)
  progress.finish(10)

  assert.equal(progress.next, 11)
})

test('never passes a record that is not done, and is at the end when all are', () => {
  const offsets = fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(offsets, fc.infiniteStream(fc.nat()), (all, choices) => {
      const ascending = [...all].sort((a, b) => a - b)
      const progress = new Progress()
      progress.begin(ascending[0])
      for (const offset of ascending) progress.issue(offset)
      const open = [...ascending]
      while (open.length > 0) {
        const [choice] = [...choices.take(1)]
        const [offset] = open.splice(choice % open.length, 1)
        progress.finish(offset)
        if (open.length > 0 && progress.next > open[0]) return false
      }
      return progress.next === ascending[ascending.length - 1] + 1
    }),
  )
})
