/** Room in a queue: who waits for it gets it in order, each once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Capacity } from '../../../src/exporters/sending/capacity.ts'
import { FakeClock, settle } from '../../../src/testing/fakes.ts'

async function waitFor(capacity: Capacity, amounts: readonly number[]): Promise<string[]> {
  const told: string[] = []
  amounts.forEach((amount, i) => {
    void capacity.take(amount).then(isTaken => told.push(`${i} ${isTaken}`))
  })
  await settle()
  return told
}

test('room that comes free at once serves all who wait and fit, each once and in order', async () => {
  const capacity = new Capacity(10, new FakeClock())
  capacity.tryTake(10)
  const told = await waitFor(capacity, [2, 3, 4, 5])

  capacity.give(10)
  await settle()

  assert.deepEqual(told, ['0 true', '1 true', '2 true'])
  assert.equal(capacity.used, 9)
  capacity.give(9)
  await settle()
  assert.deepEqual(told.slice(3), ['3 true'])
  assert.equal(capacity.used, 5)
})

test('who waits comes before who asks later, and is told when nobody gets room any more', async () => {
  const capacity = new Capacity(10, new FakeClock())
  capacity.tryTake(8)
  const told = await waitFor(capacity, [5, 1])

  assert.equal(capacity.tryTake(1), false)
  capacity.close()
  await settle()

  assert.deepEqual(told, ['0 false', '1 false'])
  assert.equal(await capacity.take(1), false)
})
