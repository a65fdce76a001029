/** Records of a batch, inflated: what each codec of Kafka has packed, and what is not packed at all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compress, loadCodec } from '../../../src/net/compression.ts'
import { inflateRecords } from '../../../src/net/kafka/inflate-records.ts'

const TEXT = Buffer.from('again and again '.repeat(500))

for (const encoding of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`records in ${encoding} are inflated`, async t => {
    const codec = await loadCodec(encoding)
    if (codec?.compress === undefined) return t.skip(`${encoding} is not available here`)
    const packed = Buffer.from(await compress(encoding, [TEXT], TEXT.length))

    assert.deepEqual(await inflateRecords(encoding, packed), TEXT)
  })
}

test('snappy as Java clients frame it is inflated, too', async t => {
  const codec = await loadCodec('snappy')
  if (codec?.compress === undefined) return t.skip('snappy is not available here')
  const block = Buffer.from(await compress('snappy', [TEXT], TEXT.length))
  const head = Buffer.from('82534e415050590000000001000000010000', 'hex').subarray(0, 16)
  const length = Buffer.alloc(4)
  length.writeInt32BE(block.length)
  const framed = Buffer.concat([head, length, block, length, block])

  assert.deepEqual(await inflateRecords('snappy', framed), Buffer.concat([TEXT, TEXT]))
})

test('records that are not what they should be are a fault', async () => {
  await assert.rejects(inflateRecords('gzip', Buffer.from('no gzip')), /gzip/)
  const cut = Buffer.from('82534e41505059000000000100000001ffffffff00', 'hex')
  await assert.rejects(inflateRecords('snappy', cut), /past the end/)
})
