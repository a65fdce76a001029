/** Topics, messages and offsets between kafkajs and the receiver. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  advance,
  byTopic,
  extentOf,
  readRecord,
  selectTopics,
} from '../../../../src/net/kafka/kafkajs/messages.ts'

const EXISTING = ['otlp_spans', 'otlp_logs', 'shop-a', 'shop-b', 'shop-secret']

test('takes topics by name and by pattern, as far as they exist', () => {
  const select = (topics: string[], excludeTopics: string[] = []): readonly string[] =>
    selectTopics(EXISTING, { topics, excludeTopics })

  assert.deepEqual(select(['otlp_spans', 'missing']), ['otlp_spans'])
  assert.deepEqual(select(['^shop-']), ['shop-a', 'shop-b', 'shop-secret'])
  assert.deepEqual(select(['^shop-', 'otlp_logs'], ['secret$']), ['otlp_logs', 'shop-a', 'shop-b'])
  // A name that was given is wanted, whatever is excluded from patterns.
  assert.deepEqual(select(['shop-secret'], ['secret$']), ['shop-secret'])
})

function message(offset: string) {
  const timestamp = '1700000000123'
  return { offset, timestamp, key: null, value: Buffer.from('v'), attributes: 0, headers: {} }
}

test('a damaged batch is stepped over, by as much as can be believed of it', () => {
  const extent = (from: number, nextOffset: number): unknown => {
    const damage = { from, nextOffset, message: 'the checksum is wrong', bytes: Buffer.alloc(0) }
    const { offset, nextOffset: next } = extentOf(damage, 50, 100)
    return [offset, next]
  }

  assert.deepEqual(extent(60, 70), [60, 70])
  // Asked for in the middle of it.
  assert.deepEqual(extent(40, 70), [50, 70])
  // What it says lies before what was asked for, or behind the end of the partition.
  assert.deepEqual(extent(40, 45), [50, 51])
  assert.deepEqual(extent(60, 10_000_000), [60, 100])
  assert.deepEqual(extent(2 ** 60, 2 ** 60 + 1), [50, 100])
  assert.deepEqual(extent(-(2 ** 60), 1 - 2 ** 60), [50, 51])
})

test('a repeated header is one for each value', () => {
  const headers = { a: Buffer.from('1'), b: [Buffer.from('2'), '3'], c: undefined }

  const record = readRecord({ ...message('7'), headers })

  assert.deepEqual(
    record.headers.map(({ key, value }) => [key, value === null ? null : `${value}`]),
    [
      ['a', '1'],
      ['b', '2'],
      ['b', '3'],
      ['c', null],
    ],
  )
  assert.deepEqual([record.offset, record.timestampMs, record.key], [7, 1_700_000_000_123, null])
})

for (const [words, next, expected] of [
  ['nothing', 10, []],
  ['the first', 11, ['10']],
  ['all', 13, ['12']],
] as const) {
  test(`goes on behind ${words} when that was taken`, () => {
    const resolved: string[] = []
    const messages = ['10', '11', '12'].map(message)

    advance(next, messages, offset => resolved.push(offset))

    assert.deepEqual(resolved, expected)
  })
}

test('partitions are grouped by topic', () => {
  const partitions = [
    { topic: 'a', partition: 1 },
    { topic: 'b', partition: 0 },
    { topic: 'a', partition: 2 },
  ]

  assert.deepEqual(byTopic(partitions), [
    { topic: 'a', partitions: [1, 2] },
    { topic: 'b', partitions: [0] },
  ])
})
