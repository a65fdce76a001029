/** `Decided` against a plain Map: the same entries, forgotten in the same order. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Decided } from '../../../src/processors/tail-sampling/decided.ts'

const operations = fc.array(
  fc.record({
    what: fc.constantFrom('put', 'put', 'find', 'forget'),
    id: fc.integer({ min: 0, max: 40 }),
    tenant: fc.integer({ min: 0, max: 1 }),
    note: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 400 },
)

/** Ids that differ in one word only. */
function keyOf(id: number, tenant: number) {
  const words = new Uint32Array(4)
  words[id % 4] = id * 0x01000193
  return { tenant, id: words }
}

for (const isLru of [true, false]) {
  test(`holds what a map of the same size would hold, ${isLru ? 'looked up last' : 'put last'}`, () => {
    fc.assert(
      fc.property(operations, fc.integer({ min: 1, max: 20 }), (list, limit) => {
        const decided = new Decided(limit, isLru)
        const model = new Map<string, number>()
        for (const [i, { what, id, tenant, note }] of list.entries()) {
          const name = `${tenant} ${id}`
          if (what === 'forget') {
            decided.forgetOldest()
            forgetFirst(model)
          } else {
            const known = model.get(name)
            if (known !== undefined && isLru) model.delete(name)
            if (known !== undefined) model.set(name, known)
            if (what === 'put') {
              decided.put(keyOf(id, tenant), note, i)
              if (known === undefined && model.size >= limit) forgetFirst(model)
              model.set(name, note)
            }
            const entry = decided.find(keyOf(id, tenant))
            assert.equal(entry < 0 ? undefined : decided.note(entry), model.get(name))
          }
          assert.equal(decided.size, model.size)
        }
      }),
    )
  })
}

test('grows to its limit and goes round there', () => {
  const decided = new Decided(10_000, false)
  for (let i = 0; i < 50_000; i++) decided.put(keyOf(i, 0), 1, i)

  assert.equal(decided.size, 10_000)
  assert.equal(decided.find(keyOf(39_999, 0)), -1)
  for (let i = 40_000; i < 50_000; i++) {
    assert.equal(decided.seconds(decided.find(keyOf(i, 0))), i)
  }
})

test('ids that are chosen to fall together do not make it slow', () => {
  const decided = new Decided(60_000, false)
  const start = performance.now()
  for (let i = 0; i < 60_000; i++) {
    decided.put({ tenant: 0, id: Uint32Array.of(1, 2, i << 7, i) }, 1, i)
  }
  assert.ok(performance.now() - start < 3000, `${performance.now() - start} ms`)
})

test('without room it remembers nothing', () => {
  const decided = new Decided(0, true)
  decided.put(keyOf(1, 0), 1, 1)

  assert.equal(decided.find(keyOf(1, 0)), -1)
  decided.forgetOldest()
  assert.equal(decided.size, 0)
})

function forgetFirst(model: Map<string, number>): void {
  for (const key of model.keys()) {
    model.delete(key)
    return
  }
}
