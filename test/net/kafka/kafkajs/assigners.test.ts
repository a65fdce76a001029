/** How partitions are shared out among members of a group. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  assignRange,
  assignRoundRobin,
  type Member,
} from '../../../../src/net/kafka/kafkajs/assigners.ts'

const A: Member = { id: 'a', topics: ['t', 'u'] }
const B: Member = { id: 'b', topics: ['t', 'u'] }
const ONLY_T: Member = { id: 'c', topics: ['t'] }

test('range gives neighbours of each topic, the first member one more', () => {
  const shares = assignRange(
    [B, A],
    new Map([
      ['t', 3],
      ['u', 2],
    ]),
  )

  assert.deepEqual(Object.fromEntries(shares), {
    a: { t: [0, 1], u: [0] },
    b: { t: [2], u: [1] },
  })
})

test('roundrobin goes on over the topics', () => {
  const shares = assignRoundRobin(
    [B, A],
    new Map([
      ['t', 3],
      ['u', 2],
    ]),
  )

  assert.deepEqual(Object.fromEntries(shares), {
    a: { t: [0, 2], u: [1] },
    b: { t: [1], u: [0] },
  })
})

test('nobody gets a topic that it does not read', () => {
  for (const assign of [assignRange, assignRoundRobin]) {
    const shares = assign(
      [A, ONLY_T],
      new Map([
        ['t', 2],
        ['u', 4],
      ]),
    )

    assert.deepEqual(shares.get('c')?.u, undefined)
    assert.deepEqual(shares.get('a')?.u, [0, 1, 2, 3])
  }
})

test('each partition that somebody reads belongs to exactly one member', () => {
  const topics = ['t', 'u', 'v']
  const member = fc.record({ topics: fc.subarray(topics) })
  const counts = fc.array(fc.nat({ max: 9 }), { minLength: 3, maxLength: 3 })
  fc.assert(
    fc.property(fc.array(member, { minLength: 1, maxLength: 6 }), counts, (members, sizes) => {
      const all = members.map((each, i) => ({ id: `m${i}`, ...each }))
      const partitions = new Map(topics.map((topic, i) => [topic, sizes[i]]))
      for (const assign of [assignRange, assignRoundRobin]) {
        const shares = assign(all, partitions)
        for (const [topic, count] of partitions) {
          const given = [...shares.values()].flatMap(share => share[topic] ?? [])
          const isRead = all.some(each => each.topics.includes(topic))
          const expected = isRead ? Array.from({ length: count }, (_, i) => i) : []
          assert.deepEqual(
            given.sort((a, b) => a - b),
            expected,
          )
        }
      }
    }),
  )
})
