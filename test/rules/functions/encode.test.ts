/** Base64, charsets, community ids and UUIDs; the expected texts are what the reference gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constantGetter } from '../../../src/rules/constant.ts'
import { base64Variant, decodeBase64, encodeBase64 } from '../../../src/rules/functions/base64.ts'
import { charsetDecoder, decodeUtf8 } from '../../../src/rules/functions/charsets.ts'
import { communityIdFunctions } from '../../../src/rules/functions/community-id.ts'
import { encodeFunctions } from '../../../src/rules/functions/encode.ts'
import { uuidV7 } from '../../../src/rules/functions/uuid.ts'
import { EvaluationError, type Value } from '../../../src/rules/value.ts'

const VARIANTS = ['base64', 'base64-raw', 'base64-url', 'base64-raw-url']

function variant(name: string) {
  const found = base64Variant(name)
  assert.ok(found)
  return found
}

function decoded(bytes: number[], charset: string): string | undefined {
  return charsetDecoder(charset)?.(Buffer.from(bytes))
}

test('each base64 variant pads and spells as Go does, and reads what it wrote', () => {
  const input = Buffer.from([0xfb, 0xff, 0xfe, 0x61])

  const texts = VARIANTS.map(name => encodeBase64(input, variant(name)))

  assert.deepEqual(texts, ['+//+YQ==', '+//+YQ', '-__-YQ==', '-__-YQ'])
  for (const [i, name] of VARIANTS.entries()) {
    assert.deepEqual(decodeBase64(texts[i], variant(name)), input)
  }
})

test('base64 is refused where Go refuses it', () => {
  const wrong = ['YQ', 'YQ=', 'Y', 'Y Q=', 'YQ==YQ==', '====', 'Y=Q=', 'YW_-', '!@#$']
  for (const text of wrong) {
    assert.throws(() => decodeBase64(text, variant('base64')), EvaluationError, text)
  }
  assert.throws(() => decodeBase64('YQ==', variant('base64-raw')), EvaluationError)
})

test('line ends in base64 are skipped and spare bits ignored', () => {
  assert.equal(decodeBase64('Y\nQ=\r\n=\n', variant('base64')).toString(), 'a')
  assert.equal(decodeBase64('YR==', variant('base64')).toString(), 'a')
})

test('single-byte charsets follow their IANA tables', () => {
  assert.equal(decoded([0xe9, 0x80], 'ISO-8859-1'), 'é\u0080')
  assert.equal(decoded([0xe9, 0x80], 'windows-1252'), 'é€')
  assert.equal(decoded([0x82, 0x9c], 'IBM850'), 'é£')
  assert.equal(decoded([0xc1, 0x81], 'ibm037'), 'Aa')
  assert.equal(decoded([0xc1], 'koi8-r'), 'а')
  assert.equal(decoded([0x61, 0xff], 'ANSI_X3.4-1968'), 'a\ufffd')
})

test('multi-byte charsets are decoded, and a byte order mark is kept', () => {
  assert.equal(decoded([0x82, 0xa0], 'Shift_JIS'), 'あ')
  assert.equal(decoded([0xb0, 0xa1], 'gbk'), '啊')
  assert.equal(decoded([0xfe, 0xff, 0x61, 0x00], 'UTF16'), '\ufffea')
  assert.equal(decoded([0xef, 0xbb, 0xbf, 0x61], 'utf-8'), '\ufeffa')
})

test('an encoding nobody decodes is refused at load, a computed one at run', () => {
  const decode = encodeFunctions.find(spec => spec.name === 'Decode')
  assert.ok(decode)
  const text = constantGetter('x')

  assert.throws(() => decode.make([text, constantGetter('gb2312')]), /gb2312/)
  const get = decode.make([text, () => 'gb2312'])
  assert.throws(() => get(null), EvaluationError)
})

test('raw decoding gives one replacement for each wrong byte', () => {
  const bytes = Buffer.from([
    0x61, 0xe2, 0x82, 0x62, 0xed, 0xa0, 0x80, 0xf0, 0x9f, 0x98, 0x80, 0xff,
  ])
  assert.equal(decodeUtf8(bytes), 'a\ufffd\ufffdb\ufffd\ufffd\ufffd😀\ufffd')
})

test('a community id is the same in both directions, also between address families', () => {
  const [spec] = communityIdFunctions
  const id = (...args: Value[]) => spec.make(args.map(value => () => value))(null)

  assert.equal(id('2001:db8::1', 8080n, '10.1.1.1', 443n), '1:T1e3va6jTSWaSKkG3k4dnZq5VM8=')
  assert.equal(id('10.1.1.1', 443n, '2001:db8::1', 8080n), '1:T1e3va6jTSWaSKkG3k4dnZq5VM8=')
  assert.equal(id('::1', 1n, '::ffff:1.2.3.4', 2n), '1:V7dttVB/8dyTBSEqWFfsq9jDNi0=')
  assert.throws(() => id('1.2.3.4', 65_536n, '1.2.3.4', 1n), /source port must be between/)
  assert.throws(() => id('fe80::1%eth0', 1n, '1.2.3.4', 1n), /invalid source IP/)
  assert.throws(() => id('1.2.3.4', 1n, '1.2.3.4', 1n, 'tcp'), /unsupported protocol: tcp/)
})

test('UUIDs of version 7 rise within a millisecond and when the clock goes back', () => {
  const start = Date.UTC(2100, 0, 1)
  const ids = Array.from({ length: 5000 }, (_, i) => uuidV7(i < 4500 ? start : start - 5))

  assert.match(ids[0], /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual([...ids].sort(), ids)
  assert.equal(Number.parseInt(ids[0].replace('-', '').slice(0, 12), 16), start)
})
