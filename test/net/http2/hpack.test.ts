import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { HpackReader, writeHeaderBlock } from '../../../src/net/http2/hpack.ts'

const LIMITS = { maxFields: 128, maxBytes: 64 << 10 }

function read(reader: HpackReader, hex: string): string[] | string {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const block = reader.read(bytes, 0, bytes.length)
  return typeof block === 'string' ? block : block.map(({ name, value }) => `${name}: ${value}`)
}

describe('header compression', () => {
  it('reads the requests of RFC 7541 C.4, with Huffman code and a table that grows', () => {
    const reader = new HpackReader(LIMITS)

    const first = read(reader, '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')
    const second = read(reader, '8286 84be 5886 a8eb 1064 9cbf')
    const third = read(reader, '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')

    assert.deepEqual(first, [
      ':method: GET',
      ':scheme: http',
      ':path: /',
      ':authority: www.example.com',
    ])
    assert.deepEqual(second, [...first, 'cache-control: no-cache'])
    assert.deepEqual(third, [
      ':method: GET',
      ':scheme: https',
      ':path: /index.html',
      ':authority: www.example.com',
      'custom-key: custom-value',
    ])
  })

  it('reads the responses of RFC 7541 C.6, which push fields out of a table of 256 bytes', () => {
    const reader = new HpackReader(LIMITS)

    read(reader, '3fe1 01')
    read(
      reader,
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
    )
    const second = read(reader, '4883 640e ffc1 c0bf')

    assert.deepEqual(second, [
      ':status: 307',
      'cache-control: private',
      'date: Mon, 21 Oct 2013 20:13:21 GMT',
      'location: https://www.example.com',
    ])
    // `:status: 302` had to go: what was the oldest of four is not there.
    assert.equal(read(reader, 'c2'), 'broken')
  })

  it('reads what it writes', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,40}$/)
    const value = fc.stringMatching(/^[ -~]{0,300}$/)
    const field = fc.tuple(name, value)

    fc.assert(
      fc.property(fc.array(field, { maxLength: 20 }), fields => {
        const block = writeHeaderBlock(fields)
        const got = new HpackReader(LIMITS).read(block, 0, block.length)
        assert.ok(typeof got !== 'string')
        assert.deepEqual(
          got.map(({ name, value }) => [name, value]),
          fields,
        )
      }),
    )
  })

  it('answers any bytes with fields or a reason, never with an exception', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), blocks => {
        const reader = new HpackReader(LIMITS)
        for (const bytes of blocks) {
          const block = reader.read(Buffer.from(bytes), 0, bytes.length)
          assert.ok(Array.isArray(block) || block === 'broken' || block === 'too_large')
        }
      }),
      { numRuns: 2000 },
    )
  })

  for (const [what, hex] of [
    ['an index beyond the tables', 'ff 80 7f'],
    ['index 0', '80'],
    ['a table size above the limit', '3f e1 7f'],
    ['a table size after a field', '82 20'],
    ['an integer without end', 'ff ff ff ff ff ff ff'],
    ['a text that is cut off', '40 05 61 62'],
    ['Huffman code with the end-of-string symbol', '40 84 ff ff ff ff 00'],
    ['Huffman padding of a whole byte', '40 82 1f ff 00'],
    ['Huffman padding that is not all ones', '40 81 18 00'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.equal(read(new HpackReader(LIMITS), hex), 'broken')
    })
  }

  it('says when there is more than allowed, and keeps its table right', () => {
    const reader = new HpackReader({ maxFields: 3, maxBytes: 1000 })

    const many = read(reader, '82 86 84 83 40 01 61 01 62')
    const next = read(reader, 'be')

    assert.equal(many, 'too_large')
    assert.deepEqual(next, ['a: b'])
  })

  it('is not blown up by a block that names one large field again and again', () => {
    const reader = new HpackReader(LIMITS)
    const large = writeLiteral('x', 'y'.repeat(4000))
    const bomb = Buffer.concat([large, Buffer.alloc(60_000, 0xbe)])

    assert.equal(reader.read(bomb, 0, bomb.length), 'too_large')
  })
})

function writeLiteral(name: string, value: string): Buffer {
  const head = Buffer.from([0x40, name.length])
  const rest = value.length - 127
  const length = Buffer.from([127, (rest & 127) | 128, rest >>> 7])
  return Buffer.concat([head, Buffer.from(name), length, Buffer.from(value)])
}
