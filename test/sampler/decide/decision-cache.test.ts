import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  CACHE_DROPPED,
  CACHE_KEPT,
  CACHE_UNKNOWN,
  DecisionCache,
} from '../../../src/sampler/decide/decision-cache.ts'
import { REASON_RARE } from '../../../src/sampler/decide/options.ts'

const word = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer())

function keep(cache: DecisionCache, d: number): void {
  cache.keep(0, 0, 0, d, 0, d, 2, 0, 0.5, REASON_RARE, 3)
}

test('answers for a kept trace all that was decided, by tenant', () => {
  const cache = new DecisionCache({ kept: 4, dropped: 64 })
  cache.keep(-1, 2, 3, 4, 5, 6, 7, 1, 0.25, REASON_RARE, 9.5)
  assert.equal(cache.find(0xffffffff, 2, 3, 4, 5), CACHE_KEPT)
  const { thresholdHigh, thresholdLow, erase, probability, reason, score } = cache
  assert.deepEqual(
    { thresholdHigh, thresholdLow, erase, probability, reason, score },
    { thresholdHigh: 6, thresholdLow: 7, erase: 1, probability: 0.25, reason: 3, score: 9.5 },
  )
  assert.equal(cache.find(-1, 2, 3, 4, 6), CACHE_UNKNOWN)
})

test('the kept trace not asked for longest makes room', () => {
  const cache = new DecisionCache({ kept: 3, dropped: 0 })
  for (const id of [1, 2, 3]) keep(cache, id)
  assert.equal(cache.find(0, 0, 0, 1, 0), CACHE_KEPT)
  keep(cache, 4)
  assert.deepEqual(
    [1, 2, 3, 4].map(id => cache.find(0, 0, 0, id, 0)),
    [CACHE_KEPT, CACHE_UNKNOWN, CACHE_KEPT, CACHE_KEPT],
  )
})

test('remembers kept traces as a map with an order would', () => {
  const step = fc.tuple(fc.boolean(), word, word, fc.integer({ min: 0, max: 1 }))
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 1, max: 9 }),
      (steps, size) => {
        const cache = new DecisionCache({ kept: size, dropped: 0 })
        const model = new Map<string, number>()
        steps.forEach(([adds, a, d, tenant], at) => {
          const key = `${a} ${d} ${tenant}`
          const known = model.get(key)
          assert.equal(
            cache.find(a, 0, 7, d, tenant),
            known === undefined ? CACHE_UNKNOWN : CACHE_KEPT,
          )
          if (known !== undefined) assert.equal(cache.score, known)
          if (known === undefined && !adds) return
          const score = adds ? at : known!
          model.delete(key)
          model.set(key, score)
          if (adds) cache.keep(a, 0, 7, d, tenant, 0, 0, 0, 1, REASON_RARE, score)
          if (model.size > size) model.delete(model.keys().next().value!)
        })
      },
    ),
  )
})

test('never forgets a dropped trace until a whole table of others came after it', () => {
  const capacity = 4_096
  const cache = new DecisionCache({ kept: 1, dropped: capacity })
  const sure = Math.floor(capacity * 0.9)
  for (let id = 0; id < 5 * capacity; id++) {
    cache.drop(id, 1, 2, ~id, 0)
    const back = id - (id % sure)
    for (const known of [id, Math.max(back, id - sure)]) {
      assert.equal(cache.find(known, 1, 2, ~known, 0), CACHE_DROPPED)
    }
  }
  assert.equal(cache.find(0, 1, 2, ~0, 0), CACHE_UNKNOWN)
})

test('mistakes few traces for a dropped one when full', () => {
  const capacity = 65_536
  const cache = new DecisionCache({ kept: 1, dropped: capacity })
  for (let id = 0; id < 2 * capacity; id++) cache.drop(id, 1, 2, 3, 0)
  const asked = 100_000
  let wrong = 0
  for (let id = 0; id < asked; id++) if (cache.find(id, 9, 9, 9, 0) !== CACHE_UNKNOWN) wrong++
  assert.ok(wrong / asked < 5e-4, `${wrong} of ${asked}`)
})

test('a table that holds nothing remembers no dropped trace', () => {
  const cache = new DecisionCache({ kept: 1, dropped: 0 })
  cache.drop(1, 2, 3, 4, 0)
  assert.equal(cache.find(1, 2, 3, 4, 0), CACHE_UNKNOWN)
})
