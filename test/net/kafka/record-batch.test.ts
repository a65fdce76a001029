/** Record batches as kafkajs reads them, which was written by somebody else. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c } from '../../../src/net/codecs/crc32c.ts'
import type { OutgoingRecord } from '../../../src/net/kafka/client.ts'
import {
  BATCH_HEADER_BYTES,
  encodeBatchHeader,
  encodeRecords,
  recordBytes,
} from '../../../src/net/kafka/record-batch.ts'

const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder')
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder')

interface DecodedRecord {
  readonly key: Buffer | null
  readonly value: Buffer
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>
  readonly timestamp: string
}

interface DecodedBatch {
  readonly records: readonly DecodedRecord[]
  readonly producerId: string
  readonly producerEpoch: number
  readonly firstSequence: number
  readonly lastOffsetDelta: number
}

/** kafkajs takes names that every object has for headers that were there before. */
const name = fc.string({ maxLength: 20 }).map(text => `h-${text}`)
const bytes = fc.uint8Array({ maxLength: 300 })
const record: fc.Arbitrary<OutgoingRecord> = fc
  .record({
    key: fc.option(bytes),
    value: fc.array(bytes, { maxLength: 4 }),
    headers: fc.array(fc.record({ key: name, value: bytes }), {
      maxLength: 3,
    }),
  })
  .map(({ key, value, headers }) => ({
    topic: 't',
    key,
    value,
    valueBytes: value.reduce((sum, chunk) => sum + chunk.length, 0),
    headers,
  }))

function large(size: number): OutgoingRecord {
  const value = [new Uint8Array(size).fill(7), new Uint8Array(3).fill(9)]
  return { topic: 't', key: null, value, valueBytes: size + 3, headers: [] }
}

function encode(records: readonly OutgoingRecord[]): Buffer {
  const encoded = encodeRecords(records)
  const body = { ...encoded, count: records.length, codec: 0, timestampMs: 1_700_000_000_123 }
  const header = encodeBatchHeader(body, { producerId: 77n, epoch: 3, sequence: 12 })
  return Buffer.concat([header, ...encoded.chunks])
}

async function decode(batch: Buffer): Promise<DecodedBatch> {
  return decodeBatch(new Decoder(batch))
}

test('another client reads the records that were written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 40 }), async records => {
      const found = await decode(encode(records))

      assert.equal(found.lastOffsetDelta, records.length - 1)
      assert.equal(found.producerId, '77')
      assert.deepEqual([found.producerEpoch, found.firstSequence], [3, 12])
      for (const [i, { key, value, headers }] of records.entries()) {
        const read = found.records[i]
        assert.deepEqual(read.key, key === null ? null : Buffer.from(key))
        assert.deepEqual(Buffer.from(read.value), Buffer.concat(value))
        assert.equal(read.timestamp, '1700000000123')
        for (const header of headers) {
          const values = [read.headers[header.key]].flat().map(each => Buffer.from(each))
          assert.ok(values.some(each => each.equals(header.value)))
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('the size of records is known before they are written', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 200 }), records => {
      const { chunks, byteLength } = encodeRecords(records)

      const size = records.reduce((sum, each, i) => sum + recordBytes(each, i), 0)
      assert.equal(byteLength, size)
      assert.equal(Buffer.concat(chunks).length, size)
    }),
    { numRuns: 60 },
  )
})

test('large values are handed on without a copy', async () => {
  const records = [large(100_000), large(20), large(70_000)]

  const { chunks } = encodeRecords(records)

  assert.ok(chunks.includes(records[0].value[0]))
  assert.ok(chunks.includes(records[2].value[0]))
  const found = await decode(encode(records))
  assert.deepEqual(
    found.records.map(({ value }) => value.length),
    [100_003, 23, 70_003],
  )
})

test('the sum in the header is that of all behind it', () => {
  const batch = encode([large(50_000)])

  assert.equal(batch.readUInt32BE(17), crc32c(batch.subarray(21)))
  assert.equal(batch.readInt32BE(8), batch.length - 12)
  assert.equal(batch[16], 2)
  assert.equal(BATCH_HEADER_BYTES, 61)
})

test('CRC-32C is that of its specification, at every alignment', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  assert.equal(crc32c(new Uint8Array(0)), 0)
})
