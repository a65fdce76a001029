/** Fetched parts with a batch that cannot be read: what is handed over first, and that its place is not forgotten. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { DamageAhead } from '../../../../src/net/kafka/kafkajs/damage-ahead.ts'
import type { FetchedPart } from '../../../../src/net/kafka/kafkajs/misplaced.ts'

const DAMAGE = { from: 10, nextOffset: 20, message: 'not its place', bytes: Buffer.from('b') }

function part(fetchedOffset: number, offsets: readonly number[], damageAt = -1): FetchedPart {
  const messages = offsets.map(offset => ({ offset: String(offset) }) as object)
  if (damageAt >= 0) messages.splice(damageAt, 0, { offset: '9007199254740991', damage: DAMAGE })
  const place = { topic: 't', partition: 0, highWatermark: '40' }
  return { ...place, fetchedOffset: String(fetchedOffset), messages } as unknown as FetchedPart
}

test('hands the records before a damaged batch over, and then that one, whatever the next fetch shows', () => {
  const ahead = new DamageAhead()

  const first = ahead.portion(part(0, [8, 9, 30], 2))
  const second = ahead.portion(part(10, [10, 11, 20]))
  const third = ahead.portion(part(20, [20, 21]))

  assert.deepEqual(
    first.messages.map(({ offset }) => offset),
    ['8', '9'],
  )
  assert.equal(first.damage, null)
  const { message, bytes } = DAMAGE
  assert.deepEqual(second.damage, { message, bytes, offset: 10, nextOffset: 20 })
  assert.equal(second.messages.at(-1)!.offset, '19')
  assert.equal(third.damage, null)
  assert.equal(third.messages.length, 2)
})

test('looks anew where records before the damage are fetched again, or partitions were shared out', () => {
  for (const forget of [false, true]) {
    const ahead = new DamageAhead()
    ahead.portion(part(0, [8, 9], 2))
    if (forget) ahead.clear()

    const { damage, messages } = ahead.portion(part(forget ? 10 : 9, [10, 11]))

    assert.equal(damage, null)
    assert.equal(messages.length, 2)
  }
})
