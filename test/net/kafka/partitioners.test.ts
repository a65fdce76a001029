/** Partitions by the hashes of other clients, and without keys. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OutgoingRecord } from '../../../src/net/kafka/client.ts'
import {
  createPartitioner,
  murmur2,
  murmur2Partition,
  saramaPartition,
} from '../../../src/net/kafka/partitioners.ts'

const NO_LOAD = (): number => 0

function record(key: string | null, topic = 't'): OutgoingRecord {
  const bytes = key === null ? null : Buffer.from(key)
  return { topic, key: bytes, value: [], valueBytes: 0, headers: [] }
}

/** From Kafka's own tests (UtilsTest.testMurmur2). */
for (const [text, hash] of [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
] as const) {
  test(`murmur2 of ${text} is that of Java clients`, () => {
    assert.equal(murmur2(Buffer.from(text)), hash)
    assert.equal(murmur2Partition(Buffer.from(text), 1000), (hash & 0x7fffffff) % 1000)
  })
}

test('the Go collector puts a key where FNV-1a as a signed number says', () => {
  // fnv32a('foobar') = 0xbf9cf968, which is -1080231576.
  assert.equal(saramaPartition(Buffer.from('foobar'), 10), 6)
  assert.equal(saramaPartition(Buffer.from(''), 7), 0x7ee3623b % 7)
})

test('equal keys go to one partition, whatever comes in between', () => {
  const partitioner = createPartitioner('sarama_compat')

  const first = partitioner.choose(record('k'), 8, NO_LOAD)
  partitioner.onNewBatch('t')

  assert.equal(partitioner.choose(record('k'), 8, NO_LOAD), first)
})

test('records without key stay in a partition until its batch is closed', () => {
  const numbers = [0.1, 0.9, 0.5]
  const partitioner = createPartitioner('murmur2', () => numbers.shift()!)

  const before = [1, 2, 3].map(() => partitioner.choose(record(null), 10, NO_LOAD))
  partitioner.onNewBatch('t')
  const after = partitioner.choose(record(null), 10, NO_LOAD)

  assert.deepEqual(before, [1, 1, 1])
  assert.equal(after, 9)
})

test('round_robin takes the partitions of each topic in turn', () => {
  const partitioner = createPartitioner('round_robin')
  const choose = (topic: string): number => partitioner.choose(record('k', topic), 3, NO_LOAD)

  assert.deepEqual(['a', 'a', 'b', 'a', 'a'].map(choose), [0, 1, 0, 2, 0])
})

test('least_backup takes the partition with the least waiting', () => {
  const partitioner = createPartitioner('least_backup', () => 0)
  const load = [5, 3, 9, 4]

  assert.equal(
    partitioner.choose(record(null), 4, partition => load[partition]),
    1,
  )
})
