/** Reading and writing of single fields, judged by protobufjs' own reader and writer. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import * as reader from '../../src/otlp/wire-reader.ts'
import * as writer from '../../src/otlp/wire-writer.ts'

const uint32 = fc.oneof(
  fc.constantFrom(0, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 28 - 1, 2 ** 28, 2 ** 32 - 1),
  fc.nat(2 ** 32 - 1),
)
const int64 = fc.oneof(
  fc.constantFrom(0n, -1n, 2n ** 32n, 2n ** 28n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 31n)),
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
)
const text = fc.string({ unit: 'binary', maxLength: 60 })

test('writes every kind of field as protobufjs reads it', () => {
  const fields = fc.record({ int: int64, small: uint32, double: fc.double(), text })
  fc.assert(
    fc.property(fields, ({ int, small, double, text }) => {
      const bytes = new writer.Writer(1)
        .varint64(1, int)
        .varint(2, small)
        .fixed64(3, int)
        .fixed32(4, small)
        .double(5, double)
        .string(300, text)
        .sint32(7, small | 0)
        .bool(8, true)
        .varint(9, -5)
        .finish()

      const read = protobuf.Reader.create(bytes)
      const next = <T>(read: () => T): [number, T] => [tag(), read()]
      const tag = () => read.uint32()
      assert.deepEqual(
        next(() => String(read.int64())),
        [8, String(int)],
      )
      assert.deepEqual(
        next(() => read.uint32()),
        [16, small],
      )
      assert.deepEqual(
        next(() => String(read.sfixed64())),
        [25, String(int)],
      )
      assert.deepEqual(
        next(() => read.fixed32()),
        [37, small],
      )
      assert.deepEqual(
        next(() => read.double()),
        [41, double],
      )
      assert.deepEqual(
        next(() => read.string()),
        [2402, text],
      )
      assert.deepEqual(
        next(() => read.sint32()),
        [56, small | 0],
      )
      assert.deepEqual(
        next(() => read.bool()),
        [64, true],
      )
      assert.deepEqual(
        next(() => read.int32()),
        [72, -5],
      )
      assert.equal(read.pos, bytes.length)
    }),
  )
})

test('reads every kind of field as protobufjs writes it', () => {
  const fields = fc.record({ int: int64, small: uint32, double: fc.double(), text })
  fc.assert(
    fc.property(fields, ({ int, small, double, text }) => {
      const bytes = protobuf.Writer.create()
        .uint32(8)
        .int64(String(int) as never)
        .uint32(16)
        .uint32(small)
        .uint32(25)
        .sfixed64(String(int) as never)
        .uint32(37)
        .fixed32(small)
        .uint32(41)
        .double(double)
        .uint32(2402)
        .string(text)
        .uint32(56)
        .sint32(small | 0)
        .finish()

      const field = new reader.FieldCursor(bytes)
      const next = () => {
        assert.ok(field.next())
        return field.start
      }
      assert.equal(reader.readVarint64(bytes, next()), int)
      assert.equal(reader.readVarint32(bytes, next()), small)
      assert.equal(reader.readSfixed64(bytes, next()), int)
      assert.equal(reader.readFixed32(bytes, next()), small)
      assert.deepEqual(reader.readDouble(bytes, next()), double)
      assert.equal(reader.readString(bytes, next(), field.end), text)
      assert.ok(reader.equalsText(bytes, field.start, field.end, text))
      assert.equal(field.number, 300)
      assert.equal(reader.readSint32(bytes, next()), small | 0)
      assert.equal(field.next(), false)
    }),
  )
})

test('skips groups within groups', () => {
  const bytes = Uint8Array.of(0x0b, 0x13, 0x08, 1, 0x1a, 1, 0, 0x14, 0x21, 1, 2, 3, 4, 5, 6, 7, 8)
  const group = Uint8Array.of(...bytes, 0x0c, 0x10, 5)
  const field = new reader.FieldCursor(group)

  assert.ok(field.next())
  assert.equal(field.number, 1)
  assert.ok(field.next())

  assert.equal(field.number, 2)
  assert.equal(reader.readVarint32(group, field.start), 5)
  assert.equal(field.next(), false)
})

test('reads varints that are longer than they need be', () => {
  const bytes = Uint8Array.of(0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00)

  assert.equal(reader.readVarint32(bytes, 0), 5)
  assert.equal(reader.readVarint64(bytes, 0), 5n)
  assert.equal(reader.skipVarint(bytes, 0), 10)
})

test('nests messages whose lengths take one byte and more', () => {
  const lengths = fc.array(fc.nat({ max: 20_000 }), { maxLength: 6 })
  fc.assert(
    fc.property(lengths, sizes => {
      const built = new writer.Writer()
      let expected: Uint8Array = new Uint8Array(0)
      for (const size of sizes) {
        const pad = protobuf.Writer.create().uint32(18).bytes(new Uint8Array(size)).finish()
        const inner = Buffer.concat([pad, expected])
        expected = protobuf.Writer.create().uint32(10).bytes(inner).finish()
      }

      for (const size of sizes.toReversed()) built.begin(1).bytes(2, new Uint8Array(size))
      for (const _ of sizes) built.end()

      assert.deepEqual(Buffer.from(built.finish()), Buffer.from(expected))
    }),
    { numRuns: 50 },
  )
})

test('tells the sizes that writing takes', () => {
  fc.assert(
    fc.property(uint32, value => {
      const out = new Uint8Array(16)

      assert.equal(writer.writeVarint(out, 0, value), writer.varintSize(value))
      assert.equal(writer.writeVarint64(out, 0, BigInt(value)), writer.varintSize(value))
      assert.equal(reader.readVarint32(out, 0), value)
    }),
  )
  assert.equal(writer.fieldSize(300, 200), 2 + 2 + 200)
})

test('keeps no message open when finished', () => {
  assert.throws(() => new writer.Writer().begin(1).finish(), /still open/)
  assert.throws(() => new writer.Writer().end(), /no message is open/)
})
