import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { decodeAcks, encodeAcks } from '../../../src/tenancy/wal/ack-format.ts'
import { decodeContext, encodeContext } from '../../../src/tenancy/wal/context-codec.ts'
import {
  ALIGNMENT,
  decodeRecordHeader,
  decodeSegmentHeader,
  encodeRecordHeader,
  encodeSegmentHeader,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  recordBytes,
  type SegmentKind,
} from '../../../src/tenancy/wal/format.ts'

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const size = fc.integer({ min: 0, max: 2 ** 30 })
const segment = fc.record({
  kind: fc.constantFrom<SegmentKind>('queue', 'letters'),
  seed: u32,
  createdMs: fc.integer({ min: 0, max: 2 ** 45 }),
  number: fc.integer({ min: 0, max: 2 ** 50 }),
  previous: fc.integer({ min: 0, max: 2 ** 50 }),
  previousEnd: u32,
  name: fc.string({ unit: 'binary', maxLength: 128 }),
})
const record = fc.record(
  {
    index: u32,
    items: u32,
    contextBytes: size,
    requestBytes: size,
    bodyCrc: u32,
    timeMs: fc.integer({ min: 0, max: 2 ** 45 }),
  },
  { noNullPrototype: true },
)

function encodeRecord(header: RecordHeader, seed: number, at = 0): Buffer {
  const { index, items, contextBytes, requestBytes, bodyCrc, timeMs } = header
  const out = Buffer.alloc(at + RECORD_HEADER_BYTES)
  encodeRecordHeader(out, at, seed, index, items, contextBytes, requestBytes, bodyCrc, timeMs)
  return out
}

test('headers of segments come back as they were, and no changed byte goes unnoticed', () => {
  fc.assert(
    fc.property(segment, fc.nat(), fc.integer({ min: 1, max: 255 }), (header, at, mask) => {
      const bytes = encodeSegmentHeader(header)
      const name = Buffer.from(header.name).toString()
      const expected = { ...header, name, bytes: bytes.length }
      assert.deepEqual(decodeSegmentHeader(bytes), { kind: 'segment', header: expected })
      assert.equal(bytes.length % ALIGNMENT, 0)

      bytes[at % bytes.length] ^= mask
      assert.equal(decodeSegmentHeader(bytes).kind, 'damaged')
    }),
  )
})

test('headers of records come back as they were, and no changed byte goes unnoticed', () => {
  fc.assert(
    fc.property(
      record,
      u32,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (header, seed, at, mask) => {
        const bytes = encodeRecord(header, seed, ALIGNMENT)
        assert.deepEqual(decodeRecordHeader(bytes, ALIGNMENT, seed), header)

        bytes[ALIGNMENT + (at % RECORD_HEADER_BYTES)] ^= mask
        assert.equal(decodeRecordHeader(bytes, ALIGNMENT, seed), null)
      },
    ),
  )
})

test('a record of another segment is none of this one', () => {
  fc.assert(
    fc.property(record, u32, u32, (header, seed, other) => {
      fc.pre(seed !== other)
      assert.equal(decodeRecordHeader(encodeRecord(header, seed), 0, other), null)
    }),
  )
})

test('any bytes are read without a throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 40, maxLength: 2000 }), u32, (bytes, seed) => {
      const kinds = ['segment', 'newer', 'damaged']
      assert.ok(kinds.includes(decodeSegmentHeader(Buffer.from(bytes)).kind))
      assert.equal(decodeRecordHeader(Buffer.from(bytes), 0, seed), null)
      decodeAcks(Buffer.from(bytes), seed, () => assert.fail('made-up acknowledgement'))
      decodeContext(bytes)
    }),
  )
})

test('acknowledgements come back, and a changed slot takes no other with it', () => {
  const ranges = fc.array(fc.tuple(u32, u32), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(ranges, u32, fc.nat(), (pairs, seed, at) => {
      const bytes = encodeAcks(pairs.flat(), 'gone', seed)
      bytes[at % bytes.length] ^= 1
      const found: number[][] = []
      const bad = decodeAcks(bytes, seed, (_kind, first, count) => found.push([first, count]))

      assert.equal(bad, 1)
      assert.deepEqual(found, pairs.toSpliced(Math.floor((at % bytes.length) / 16), 1))
    }),
  )
})

test('the context comes back, and takes no room when nothing is known', () => {
  const metadata = fc.array(
    fc.tuple(fc.string(), fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 })),
    { maxLength: 5 },
  )
  fc.assert(
    fc.property(metadata, fc.string(), (entries, peer) => {
      const context = { peer, metadata: new Map(entries) }
      const bytes = encodeContext(context)
      assert.deepEqual(decodeContext(bytes), context)
      assert.equal(bytes.length === 0, peer === '' && context.metadata.size === 0)
    }),
  )
})

test('records begin at multiples of the alignment', () => {
  fc.assert(
    fc.property(size, size, (context, request) => {
      const bytes = recordBytes(context, request)
      assert.equal(bytes % ALIGNMENT, 0)
      assert.ok(bytes >= RECORD_HEADER_BYTES + context + request)
      assert.ok(bytes < RECORD_HEADER_BYTES + context + request + ALIGNMENT)
    }),
  )
})
