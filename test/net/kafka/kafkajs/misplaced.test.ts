/** Batches whose own offset is wrong: which one it is, what becomes of it, and that others are left alone. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { FetchedMessage } from '../../../../src/net/kafka/kafkajs/fetched-batch.ts'
import { type FetchedPart, putInPlace } from '../../../../src/net/kafka/kafkajs/misplaced.ts'

/** Batches of five records that begin at these offsets, as kafkajs hands them on. */
function part(fetchedOffset: number, bases: readonly number[], highWatermark = 40): FetchedPart {
  const messages = bases
    .flatMap(base => {
      const batchContext = { bytes: Buffer.from(`${base}`) }
      return Array.from({ length: 5 }, (_, i) => ({ offset: String(base + i), batchContext }))
    })
    .filter(({ offset }) => Number(offset) >= fetchedOffset)
  const numbers = { fetchedOffset: `${fetchedOffset}`, highWatermark: `${highWatermark}` }
  return { topic: 't', partition: 0, ...numbers, messages } as unknown as FetchedPart
}

/** Offsets of records, and damages as [from, next, bytes]. */
function show(fetched: FetchedPart): unknown[] {
  return putInPlace(fetched).map(message => {
    const { offset, damage } = message as unknown as FetchedMessage
    return damage === undefined
      ? Number(offset)
      : [damage.from, damage.nextOffset, damage.bytes.toString()]
  })
}

test('leaves what is in order as it is, gaps too', () => {
  for (const bases of [[0], [0, 5, 10], [0, 20, 35], [3]]) {
    const fetched = part(4, bases)
    assert.equal(putInPlace(fetched), fetched.messages)
  }
})

for (const wrong of [1010, 2]) {
  test(`replaces a batch that says ${wrong} between others by a damage up to the next one`, () => {
    const expected = [0, 1, 2, 3, 4, [5, 10, `${wrong}`], 10, 11, 12, 13, 14]

    assert.deepEqual(show(part(0, [0, wrong, 10])), expected)
  })
}

test('passes over a batch that is too high and was passed before', () => {
  assert.deepEqual(show(part(5, [1010, 10])), [[5, 10, '1010'], 10, 11, 12, 13, 14])
  assert.deepEqual(show(part(10, [1010, 10])), [10, 11, 12, 13, 14])
})

test('counts on the number of its records where nothing comes after it', () => {
  assert.deepEqual(show(part(0, [0, 2])).at(-1), [5, 10, '2'])
})

test('believes what is beyond the end when nothing speaks against it', () => {
  const fetched = part(0, [0, 1010])

  assert.equal(putInPlace(fetched), fetched.messages)
})

for (const [what, wrong] of [
  ['in order', (offset: number) => offset],
  ['of which every other one is wrong', (offset: number) => (offset % 2 === 0 ? 1 : offset)],
] as const) {
  test(`takes no long for very many small batches ${what}`, () => {
    const count = 60_000
    const messages = Array.from({ length: count }, (_, i) => ({
      ...{ offset: String(wrong(i + 10)), batchContext: { bytes: Buffer.alloc(0) } },
    }))
    const numbers = { fetchedOffset: '10', highWatermark: String(count + 10) }
    const fetched = { topic: 't', partition: 0, ...numbers, messages } as unknown as FetchedPart

    const before = performance.now()
    const placed = putInPlace(fetched)
    const tookMs = performance.now() - before

    assert.equal(placed.length, count)
    assert.ok(tookMs < 2000, `${tookMs} ms`)
  })
}
