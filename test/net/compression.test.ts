/** Codecs: what is packed comes back, what is broken is named, and nothing ever grows beyond its bound. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { crc32c } from '../../src/net/codecs/crc32c.ts'
import { xxh32 } from '../../src/net/codecs/xxh32.ts'
import {
  type CodecFault,
  compress,
  decompress,
  ENCODINGS,
  type Encoding,
  estimateInflated,
  inflateInto,
  inflatesInto,
  isCodecFault,
  loadCodec,
  supportedEncodings,
} from '../../src/net/compression.ts'

const MIB = 1 << 20
const TEXT = Buffer.from('a span is not a log record, and a log record is not a span. '.repeat(400))

async function inflate(encoding: string, bytes: Uint8Array, maxBytes = MIB): Promise<Uint8Array> {
  const output = await decompress(encoding, bytes, maxBytes)
  if (isCodecFault(output)) throw new Error(`${output.fault}: ${output.message}`)
  return output
}

async function faultOf(encoding: string, bytes: Uint8Array, maxBytes = MIB) {
  const output = await decompress(encoding, bytes, maxBytes)
  assert.ok(isCodecFault(output), `${encoding} accepted what is broken`)
  return output
}

function pack(encoding: Encoding, bytes: Uint8Array): Promise<Uint8Array> {
  return Promise.resolve(compress(encoding, [bytes], bytes.length))
}

/** Encodings whose codec is there on this machine; the others answer `unsupported`, which is tested apart. */
const present = (await supportedEncodings()).filter(s => s.codec !== undefined).map(s => s.encoding)

describe('compression', () => {
  for (const encoding of present) {
    it(`gives back with ${encoding} what it packed`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), fc.nat(60), async (part, times) => {
          const whole = Buffer.concat(Array(times + 1).fill(part))

          const packed = await pack(encoding, whole)

          assert.deepEqual(Buffer.from(await inflate(encoding, packed)), whole)
        }),
        { numRuns: 60 },
      )
    })

    it(`stops ${encoding} at the bound`, async () => {
      const packed = await pack(encoding, TEXT)

      assert.equal((await inflate(encoding, packed, TEXT.length)).length, TEXT.length)
      assert.equal((await faultOf(encoding, packed, TEXT.length - 1)).fault, 'too_large')
    })

    it(`says that ${encoding} is corrupt when it is cut short or altered, and never throws`, async () => {
      const packed = Buffer.from(await pack(encoding, TEXT))
      for (let cut = 0; cut < packed.length; cut += 1 + (cut >> 3)) {
        // The framing format has no end mark: a stream that stops between chunks is whole.
        if (encoding === 'x-snappy-framed' && cut === 10) continue
        assert.equal((await faultOf(encoding, packed.subarray(0, cut))).fault, 'corrupt')
      }
      for (let at = 0; at < packed.length; at += 1 + (at >> 4)) {
        const altered = Buffer.from(packed)
        altered[at] ^= 0x55
        await decompress(encoding, altered, MIB)
      }
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async junk => {
          const output = await decompress(encoding, junk, MIB)
          assert.ok(isCodecFault(output) || output.length <= MIB)
        }),
      )
    })

    it(`does not let a ${encoding} bomb grow beyond its bound`, async () => {
      const bomb = await pack(encoding, Buffer.alloc(64 * MIB))
      const before = process.memoryUsage().rss

      const fault = await faultOf(encoding, bomb)

      assert.equal(fault.fault, 'too_large')
      assert.ok(process.memoryUsage().rss - before < 48 * MIB)
      await loadCodec(encoding)
      assert.ok(estimateInflated(encoding, bomb) > MIB)
    })
  }

  it('inflates into a given buffer exactly what it inflates into its own, fault for fault', async () => {
    const output = Buffer.alloc(TEXT.length + 1)
    for (const encoding of present.filter(e => inflatesInto(e, TEXT.length))) {
      const packed = Buffer.from(await pack(encoding, TEXT))
      const altered = Buffer.from(packed)
      altered[altered.length >> 1] ^= 0x55
      for (const input of [packed, altered, packed.subarray(0, 30), packed, Buffer.alloc(0)]) {
        const length = inflateInto(encoding, input, output)
        const expected = await decompress(encoding, input, TEXT.length)

        if (typeof length !== 'number')
          assert.deepEqual(length.fault, (expected as CodecFault).fault)
        else assert.deepEqual(output.subarray(0, length), Buffer.from(expected as Uint8Array))
      }
      const short = inflateInto(encoding, packed, output.subarray(0, TEXT.length))
      assert.equal((short as CodecFault).fault, 'too_large', encoding)
    }
    assert.ok(inflatesInto('gzip', TEXT.length))
    assert.ok(!inflatesInto('gzip', 64 * MIB))
  })

  it('joins chunks before it packs them, many at a time', async () => {
    const chunks = Array.from({ length: 40 }, (_, i) => Buffer.alloc(5000, `chunk ${i} `))
    const whole = Buffer.concat(chunks)

    const packed = await Promise.all(
      Array.from({ length: 8 }, () => compress('gzip', chunks, whole.length)),
    )

    for (const one of packed) assert.deepEqual(Buffer.from(await inflate('gzip', one)), whole)
    assert.deepEqual(Buffer.from(await compress('none', chunks, whole.length)), whole)
    await assert.rejects(Promise.resolve().then(() => compress('br', [TEXT], TEXT.length)))
  })

  it('takes bodies that are larger than what is inflated on the loop', async () => {
    const large = Buffer.alloc(3 * MIB, 'large ')
    for (const encoding of present) {
      const packed = await pack(encoding, large)

      assert.equal(Buffer.compare(await inflate(encoding, packed, 4 * MIB), large), 0, encoding)
    }
  })

  it('reads several gzip members as one body', async () => {
    const body = Buffer.concat([gzipSync('first '), gzipSync('second')])

    assert.equal(String(await inflate('gzip', body)), 'first second')
  })

  it('names what is wrong with gzip as the Go collector does', async () => {
    const wrongSum = gzipSync(TEXT)
    wrongSum[wrongSum.length - 6] ^= 1

    assert.equal(
      (await faultOf('gzip', Buffer.from('{"a": "plain"}'))).message,
      'gzip: invalid header',
    )
    assert.equal((await faultOf('gzip', wrongSum)).message, 'gzip: invalid checksum')
    assert.equal((await faultOf('gzip', Buffer.alloc(0))).message, 'gzip: unexpected EOF')
  })

  it('reads deflate with and without the zlib header, and zlib only with it', async () => {
    assert.deepEqual(Buffer.from(await inflate('deflate', deflateSync(TEXT))), TEXT)
    assert.deepEqual(Buffer.from(await inflate('deflate', deflateRawSync(TEXT))), TEXT)
    assert.equal((await faultOf('zlib', deflateRawSync(TEXT))).fault, 'corrupt')
  })

  it('names a wrong zstd magic number as the Go collector does', async () => {
    const fault = await faultOf('zstd', Buffer.from('{"key": "value"}'))

    assert.equal(fault.message, 'invalid input: magic number mismatch')
  })

  it('refuses zstd frames with a window that only serves to exhaust memory', async () => {
    const huge = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00])

    assert.match((await faultOf('zstd', huge)).message, /window/)
  })

  it('refuses zstd frames that claim more than their blocks can hold, before allocating', async () => {
    const liar = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 4, 0, 0, 0, 0x01, 0, 0])

    assert.equal((await faultOf('zstd', liar)).fault, 'corrupt')
  })

  it('reads several zstd frames and skips those that are to be skipped', async () => {
    const skip = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9])
    const one = await pack('zstd', Buffer.from('one '))
    const two = await pack('zstd', Buffer.from('two'))

    assert.equal(String(await inflate('zstd', Buffer.concat([one, skip, two]))), 'one two')
  })

  it('refuses a snappy length that the input cannot bear', async () => {
    const liar = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x41])

    assert.equal((await faultOf('snappy', liar, 2 ** 32)).fault, 'corrupt')
  })

  it('reads framed snappy under the name snappy too', async () => {
    const framed = await pack('x-snappy-framed', TEXT)

    assert.deepEqual(Buffer.from(await inflate('snappy', framed)), TEXT)
  })

  it('gives plain bodies back and knows no other names', async () => {
    assert.equal(await inflate('identity', TEXT), TEXT)
    assert.equal((await faultOf('identity', TEXT, 10)).fault, 'too_large')
    assert.equal((await faultOf('br', TEXT)).fault, 'unsupported')
    assert.equal((await faultOf('constructor', TEXT)).fault, 'unsupported')
  })

  it('says what serves each encoding', async () => {
    const status = await supportedEncodings()

    assert.deepEqual(
      status.map(s => s.encoding),
      [...ENCODINGS],
    )
    assert.equal(status.find(s => s.encoding === 'gzip')?.codec, 'node:zlib')
  })

  it('computes the checksums of the formats', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
    assert.equal(xxh32(Buffer.alloc(0)), 0x02cc5d05)
    assert.equal(xxh32(Buffer.from('Nobody inspects the spammish repetition')), 0xe2293b2f)
  })
})
