import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import {
  byteSize,
  compressionField,
  duration,
  grpcEndpoint,
  headersMap,
  httpEndpoint,
  integer,
  listenEndpoint,
  optionalSection,
  secret,
  section,
  tlsClient,
  tlsServer,
  urlPath,
} from '../../src/config/fields.ts'
import { judgeSection, validateComponentConfig } from '../../src/config/judge.ts'
import type { Secret } from '../../src/util/secret.ts'
import { inventFactory } from './small-registry.ts'

/** Messages about one field, or its value if there are none. */
function judgeField(field: z.ZodType, value: unknown): unknown {
  const { config, faults } = judgeSection({ schema: section({ f: field }) }, { f: value })
  if (faults.length === 0) return (config as { f: unknown }).f
  return faults.map(({ path, message, expected }) => `${path.join('.')} ${message}; ${expected}`)
}

function isRefused(field: z.ZodType, value: unknown): boolean {
  return judgeSection({ schema: section({ f: field }) }, { f: value }).faults.length > 0
}

test('reads durations to milliseconds and refuses what has no unit or the wrong sign', () => {
  assert.equal(judgeField(duration('5s'), undefined), 5000)
  assert.equal(judgeField(duration('5s'), null), 5000)
  assert.equal(judgeField(duration('5s'), '1m30s'), 90_000)
  assert.equal(judgeField(duration('5s'), 0), 0)
  assert.deepEqual(judgeField(duration('5s'), '-5s'), ['f is negative; at least 0ms'])
  assert.deepEqual(judgeField(duration('5s', { positive: true }), '0s'), [
    'f may not be 0; more than 0s',
  ])
  assert.ok(isRefused(duration('5s'), 10))
  assert.ok(isRefused(duration('5s'), 'soon'))
  assert.ok(isRefused(duration('5s', { maxMs: 1000 }), '2s'))
})

test('reads sizes in bytes', () => {
  assert.equal(judgeField(byteSize('64MiB'), undefined), 64 * 1024 * 1024)
  assert.equal(judgeField(byteSize(0), 1000), 1000)
  assert.equal(judgeField(byteSize(0), '1.5KiB'), 1536)
  assert.ok(isRefused(byteSize(0), -1))
  assert.ok(isRefused(byteSize(0), '64 pounds'))
})

test('refuses numbers out of range, fractions, and numbers in quotes', () => {
  const field = integer(1, { min: 1, max: 9 })

  assert.deepEqual(judgeField(field, 0), ['f is too small; at least 1'])
  assert.deepEqual(judgeField(field, 10), ['f is too large; at most 9'])
  assert.deepEqual(judgeField(field, 1.5), ['f is a fraction; a whole number'])
  assert.deepEqual(judgeField(field, '5'), ['f is a text; a number'])
})

test("takes numbers with underscores, as upstream's YAML does", () => {
  const field = integer(1, { max: 200_000 })

  assert.equal(judgeField(field, '100_000'), 100_000)
  assert.deepEqual(judgeField(field, '300_000'), ['f is too large; at most 200000'])
  assert.deepEqual(judgeField(field, '_1'), ['f is a text; a number'])
  assert.deepEqual(judgeField(field, '1_x'), ['f is a text; a number'])
})

test('judges gRPC targets as upstream does', () => {
  const valid = [
    '1.2.3.4:1234',
    'https://host:443',
    'http://host:80',
    'unix:///a/b',
    'dns:///host:1',
    '[::1]:4317',
  ]
  const invalid = [
    '',
    'https://',
    'http://',
    'example.com',
    'example.com:port',
    'unix://',
    'https://host',
  ]

  for (const text of valid) assert.equal(judgeField(grpcEndpoint(), text), text)
  for (const text of invalid) assert.ok(isRefused(grpcEndpoint(), text), text)
})

test('judges URLs, listening addresses and URL paths', () => {
  assert.equal(judgeField(httpEndpoint(), 'https://a.b:1/x'), 'https://a.b:1/x')
  for (const text of ['', 'a.b:1', 'ftp://a', 'https://'])
    assert.ok(isRefused(httpEndpoint(), text), text)
  assert.equal(judgeField(listenEndpoint('localhost:1'), undefined), 'localhost:1')
  assert.equal(judgeField(listenEndpoint('localhost:1'), '/tmp/x.sock'), '/tmp/x.sock')
  assert.ok(isRefused(listenEndpoint('localhost:1'), 'localhost'))
  assert.equal(judgeField(urlPath('/v1/traces'), 'log/ingest'), '/log/ingest')
  for (const text of [':invalid', 'a b', '%zz', '']) assert.ok(isRefused(urlPath('/x'), text), text)
})

test('takes headers as a map or as a list, and never lets a line break in', () => {
  const map = judgeField(headersMap, { 'can you have a . here?': 'x' }) as Record<string, Secret>
  const list = judgeField(headersMap, [{ name: 'a', value: 'b' }]) as Record<string, Secret>

  assert.equal(map['can you have a . here?'].reveal(), 'x')
  assert.equal(list.a.reveal(), 'b')
  assert.ok(isRefused(headersMap, { a: 'x\r\ny: z' }))
  assert.deepEqual(judgeField(headersMap, { a: 1 }), ['f.a is a number; a text; put it in quotes'])
})

test('never prints a secret by accident', () => {
  const value = judgeField(secret(), 'hunter2') as Secret

  assert.equal(value.reveal(), 'hunter2')
  assert.equal(`${value} ${JSON.stringify({ value })}`, '[REDACTED] {"value":"[REDACTED]"}')
})

test('reads compression, the empty text as none', () => {
  assert.equal(judgeField(compressionField(), undefined), 'gzip')
  assert.equal(judgeField(compressionField(), ''), 'none')
  assert.ok(isRefused(compressionField(), 'brotli'))
})

test('checks the rules between keys of TLS', () => {
  const messages = (field: z.ZodType, value: unknown) => JSON.stringify(judgeField(field, value))

  assert.match(messages(tlsServer, {}), /neither certificate nor key/)
  assert.match(messages(tlsServer, { cert_file: 'a' }), /certificate without key/)
  assert.match(messages(tlsClient, { ca_file: 'a', ca_pem: 'b' }), /both ca_file and ca_pem/)
  assert.match(
    messages(tlsClient, { min_version: '1.3', max_version: '1.2' }),
    /min_version greater/,
  )
  assert.match(messages(tlsClient, { min_version: 1.3 }), /put it in quotes/)
  assert.equal(judgeField(tlsServer, undefined), undefined)
  assert.equal(isRefused(tlsServer, { cert_file: 'a', key_file: 'b' }), false)
})

test('switches an optional section on by its key alone, and off by enabled: false', () => {
  const field = optionalSection({ size: integer(7) })

  assert.deepEqual(judgeField(field, undefined), undefined)
  assert.deepEqual(judgeField(field, null), { size: 7 })
  assert.deepEqual(judgeField(field, { size: 1 }), { size: 1 })
  assert.deepEqual(judgeField(field, { enabled: false, size: 1 }), undefined)
  assert.ok(isRefused(field, { sise: 1 }))
})

test('names the nearest key at every depth, or lists the keys', () => {
  const schema = section({
    outer: section({ inner: optionalSection({ alpha: integer(1), beta: integer(2) }) }),
  })

  const { faults } = judgeSection({ schema }, { outer: { inner: { alhpa: 1, zzz: 2 } }, outre: 1 })

  assert.deepEqual(
    faults.map(({ path, nearest, expected }) => [path.join('.'), nearest, expected]),
    [
      ['outer.inner.alhpa', 'alpha', undefined],
      ['outer.inner.zzz', undefined, 'one of enabled, alpha, beta'],
      ['outre', 'outer', undefined],
    ],
  )
})

test('lets the alternative that came furthest speak in a union', () => {
  const schema = z.strictObject({
    f: z.union([z.string(), z.strictObject({ a: z.strictObject({ b: z.number() }) })]),
  })

  const deep = judgeSection({ schema }, { f: { a: { b: 'x' } } }).faults
  const flat = judgeSection({ schema }, { f: 5 }).faults

  assert.deepEqual(
    deep.map(({ path, message }) => [path.join('.'), message]),
    [['f.a.b', 'is a text']],
  )
  assert.equal(flat[0].expected, 'a text or a map of keys')
})

test('judges one section without a file', () => {
  const factory = inventFactory({
    kind: 'exporter',
    id: 'x',
    schema: section({ size: integer(1) }),
  })

  assert.deepEqual(validateComponentConfig(factory, null), [])
  assert.deepEqual(validateComponentConfig(factory, { size: -1 }), [
    {
      severity: 'error',
      path: 'size',
      file: '',
      line: 0,
      column: 0,
      message: 'is too small',
      expected: 'at least 0',
    },
  ])
  assert.equal(validateComponentConfig(factory, 'text')[0].message, 'is a text')
})
