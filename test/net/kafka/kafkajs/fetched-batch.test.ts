/** Fetched record batches: read as they were written, by each codec; what is damaged is told once and stepped over. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { crc32c } from '../../../../src/net/codecs/crc32c.ts'
import { compress, type Encoding, loadCodec } from '../../../../src/net/compression.ts'
import {
  decodeBatches,
  decodeFetched,
  type FetchedMessage,
} from '../../../../src/net/kafka/kafkajs/fetched-batch.ts'

const HEADER_BYTES = 61
const BASE_TIME = 1_700_000_000_000

interface Written {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly (readonly [string, Buffer | null])[]
}

function varint(value: number): Buffer {
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  const bytes: number[] = []
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

function chunk(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes])
}

function recordBytes({ key, value, headers = [] }: Written, place: number): Buffer {
  const names = headers.flatMap(([name, text]) => [chunk(Buffer.from(name)), chunk(text)])
  const body = Buffer.concat([
    Buffer.of(0),
    ...[varint(place * 5), varint(place), chunk(key), chunk(value), varint(headers.length)],
    ...names,
  ])
  return Buffer.concat([varint(body.length), body])
}

interface Shape {
  readonly attributes?: number
  readonly lastDelta?: number
  readonly pack?: (records: Buffer) => Uint8Array
}

function makeBatch(base: number, records: readonly Written[], shape: Shape = {}): Buffer {
  const { attributes = 0, lastDelta = records.length - 1, pack = bytes => bytes } = shape
  const body = pack(Buffer.concat(records.map(recordBytes)))
  const head = Buffer.alloc(HEADER_BYTES)
  head.writeBigInt64BE(BigInt(base), 0)
  head.writeInt32BE(HEADER_BYTES - 12 + body.length, 8)
  head[16] = 2
  head.writeInt16BE(attributes, 21)
  head.writeInt32BE(lastDelta, 23)
  head.writeBigInt64BE(BigInt(BASE_TIME), 27)
  head.writeBigInt64BE(BigInt(BASE_TIME + 777), 35)
  head.writeBigInt64BE(-1n, 43)
  head.writeInt32BE(records.length, 57)
  const batch = Buffer.concat([head, body])
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

const A: Written = { key: Buffer.from('k'), value: Buffer.from('hello') }
const B: Written = {
  key: null,
  value: null,
  headers: [
    ['x', Buffer.from('1')],
    ['x', Buffer.from('2')],
    ['__proto__', null],
  ],
}

function plain({ offset, key, value, headers, timestamp }: FetchedMessage) {
  return {
    ...{ offset, timestamp },
    key: key?.toString() ?? null,
    value: value?.toString() ?? null,
    headers: headers === undefined ? [] : Object.entries(headers).map(([k, v]) => [k, String(v)]),
  }
}

test('reads offsets, times, keys, values and headers', async () => {
  const messages = await decodeBatches(
    Buffer.concat([makeBatch(2 ** 40, [A, B]), makeBatch(2 ** 40 + 2, [A])]),
  )

  assert.deepEqual(messages.map(plain), [
    {
      offset: String(2 ** 40),
      timestamp: String(BASE_TIME),
      key: 'k',
      value: 'hello',
      headers: [],
    },
    {
      ...{ offset: String(2 ** 40 + 1), timestamp: String(BASE_TIME + 5), key: null, value: null },
      headers: [
        ['x', '1,2'],
        ['__proto__', 'null'],
      ],
    },
    {
      offset: String(2 ** 40 + 2),
      timestamp: String(BASE_TIME),
      key: 'k',
      value: 'hello',
      headers: [],
    },
  ])
})

test('inflates what each codec has packed', async () => {
  const codecs: readonly [number, Encoding][] = [
    [1, 'gzip'],
    [2, 'snappy'],
    [3, 'lz4'],
    [4, 'zstd'],
  ]
  for (const [attributes, encoding] of codecs) {
    await loadCodec(encoding)
    const bytes = Buffer.concat([recordBytes(A, 0), recordBytes(B, 1)])
    const packed = await compress(encoding, [bytes], bytes.length)
    const messages = await decodeBatches(makeBatch(7, [A, B], { attributes, pack: () => packed }))
    assert.deepEqual(
      messages.map(({ offset }) => offset),
      ['7', '8'],
      encoding,
    )
    assert.equal(messages[0].value?.toString(), 'hello')
  }
})

test('leaves a batch that is cut off to the next fetch', async () => {
  const whole = makeBatch(0, [A])

  const messages = await decodeBatches(Buffer.concat([whole, whole.subarray(0, whole.length - 1)]))

  assert.equal(messages.length, 1)
})

test('tells of a batch that cannot be read, after what came before it', async () => {
  const good = makeBatch(0, [A])
  const flipped = makeBatch(1, [A, A])
  flipped[flipped.length - 1] ^= 1
  const after = makeBatch(5, [A])
  const cases: readonly [Buffer, RegExp][] = [
    [flipped, /checksum/],
    [makeBatch(1, [A], { attributes: 6 }), /compression that is not known: 6/],
    [makeBatch(1, [A], { attributes: 1 }), /gzip/],
    [makeBatch(1, [A], { pack: bytes => bytes.subarray(1) }), /runs past|cannot be|too long/],
  ]
  for (const [broken, message] of cases) {
    const messages = await decodeBatches(Buffer.concat([good, broken, after]))
    assert.equal(messages.length, 2)
    const { damage } = messages[1]
    assert.match(damage!.message, message)
    assert.deepEqual([damage!.from, damage!.nextOffset], [1, 5])
    assert.deepEqual(damage!.bytes, broken)
  }
})

test('goes by the batch alone where nothing behind it looks like another one', async () => {
  const short = makeBatch(5, [A, A, A])
  short.writeInt32BE(short.readInt32BE(8) - 7, 8)

  const messages = await decodeBatches(Buffer.concat([short, makeBatch(8, [A])]))

  assert.deepEqual([messages[0].damage!.from, messages[0].damage!.nextOffset], [5, 8])
})

test('does not inflate what is larger than any producer would make it', async () => {
  const bomb = gzipSync(Buffer.alloc(65 << 20))

  const messages = await decodeBatches(makeBatch(3, [A], { attributes: 1, pack: () => bomb }))

  assert.match(messages[0].damage!.message, /more than|too large/)
  assert.equal(messages[0].damage!.nextOffset, 4)
})

test('leaves partitions to the next fetch once the others of an answer have inflated to a lot', async () => {
  const packed = gzipSync(Buffer.alloc(30 << 20))
  // Zeros are no records: what comes out is one message that says so, and the bytes were inflated all the same.
  const partition = makeBatch(3, [A], { attributes: 1, pack: () => packed })
  const one = (await decodeBatches(partition)).length
  const size = Buffer.alloc(4)
  size.writeInt32BE(partition.length)
  const buffer = Buffer.concat(Array.from({ length: 5 }, () => [size, partition]).flat())
  const decoder = new (createRequire(import.meta.url)('kafkajs/src/protocol/decoder'))(buffer)

  const counts: number[] = []
  for (let i = 0; i < 5; i++) {
    counts.push((await decodeFetched(decoder, async () => [])).length)
  }

  assert.deepEqual(counts, [one, one, one, 0, 0])
  assert.equal(decoder.offset, buffer.length)
})

test('leads over offsets that compaction has taken away at the end', async () => {
  const messages = await decodeBatches(makeBatch(10, [A], { lastDelta: 4 }))

  assert.deepEqual(
    messages.map(({ offset, isControlRecord }) => [offset, isControlRecord]),
    [
      ['10', false],
      ['14', true],
    ],
  )
})

test('never throws, and always leads on, whatever the bytes are', async () => {
  const source = Buffer.concat([makeBatch(0, [A, B]), makeBatch(2, [A])])
  const change = fc.tuple(fc.nat(source.length - 1), fc.nat(255))
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 5 }), fc.boolean(), async (changes, fixes) => {
      const bytes = Buffer.from(source)
      for (const [at, value] of changes) bytes[at] = value
      if (fixes) bytes.writeUInt32BE(crc32c(bytes.subarray(21, makeBatch(0, [A, B]).length)), 17)
      for (const { damage } of await decodeBatches(bytes)) {
        // Offsets are not under the checksum: those beyond what a double holds are the broker's own fault.
        if (damage === undefined || !Number.isSafeInteger(damage.from)) continue
        if (damage.nextOffset <= damage.from) return false
      }
      return true
    }),
    { numRuns: 300 },
  )
})
