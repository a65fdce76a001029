/** Bytes that nobody meant: random, cut, mutated, and built to be expensive. Readers answer with a request or a fault, soon. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { isTranslateFault, type TranslateFault } from '../../../src/translate/fault.ts'
import { readZipkinJsonV1 } from '../../../src/translate/zipkin/json-v1.ts'
import { readZipkinJson } from '../../../src/translate/zipkin/json-v2.ts'
import { readZipkinProto } from '../../../src/translate/zipkin/proto.ts'
import { readZipkinThrift } from '../../../src/translate/zipkin/thrift.ts'
import { binary, encodeZipkinProto, i16, i32, i64, list, spansOf, struct } from './kit.ts'

type Read = (bytes: Uint8Array) => Uint8Array | TranslateFault

const READERS: Readonly<Record<string, Read>> = {
  json: bytes => readZipkinJson(bytes, { parseStringTags: true }),
  v1: bytes => readZipkinJsonV1(bytes, { parseStringTags: true }),
  proto: readZipkinProto,
  thrift: readZipkinThrift,
}

const HOST = { serviceName: 's', ipv4: '1.2.3.4', ipv6: '::1', port: 1 }
const V2 = [
  {
    traceId: '1a',
    id: '2b',
    parentId: '3c',
    kind: 'SERVER',
    name: 'n\u00fc',
    timestamp: 1472470996199000,
    duration: 5,
    localEndpoint: HOST,
    remoteEndpoint: HOST,
    annotations: [{ timestamp: 7, value: 'a|{"x":[1,{"y":2.5}]}|1' }],
    tags: { 'host.name': 'h', a: 'b', 'otlp.link.0': `|||{}|0`, error: 'true', c: '1.5' },
    shared: true,
  },
]
const V1 = [
  {
    traceId: '1a',
    id: '2b',
    annotations: [{ timestamp: 7, value: 'cs', endpoint: HOST }],
    binaryAnnotations: [
      { key: 'lc', value: 'x', endpoint: HOST },
      { key: 'sa', value: true, endpoint: HOST },
    ],
  },
]
const PROTO = encodeZipkinProto([
  {
    traceId: Buffer.alloc(16, 1),
    id: Buffer.alloc(8, 2),
    name: 'n',
    timestamp: '7',
    tags: { a: 'b', 'host.name': 'h' },
    annotations: [{ timestamp: '9', value: 'v' }],
    localEndpoint: { serviceName: 's', ipv4: Buffer.alloc(4, 1) },
  },
])
const THRIFT_HOST = struct([
  [1, i32(5)],
  [2, i16(6)],
  [3, binary('s')],
])
const THRIFT = list([
  struct([
    [1, i64(1)],
    [4, i64(2)],
    [3, binary('n')],
    [
      6,
      list([
        struct([
          [1, i64(3)],
          [2, binary('cs')],
          [3, THRIFT_HOST],
        ]),
      ]),
    ],
    [
      8,
      list([
        struct([
          [1, binary('k')],
          [2, binary(i32(7)[1])],
          [3, i32(3)],
        ]),
      ]),
    ],
  ]),
])[1]
const SEEDS: Readonly<Record<string, Uint8Array>> = {
  json: Buffer.from(JSON.stringify(V2)),
  v1: Buffer.from(JSON.stringify(V1)),
  proto: PROTO,
  thrift: THRIFT,
}

for (const [name, read] of Object.entries(READERS)) {
  test(`answers random bytes with a request or a fault (${name})`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => isSound(read(bytes))),
      { numRuns: 300 },
    )
  })

  test(`answers mutated messages with a valid request or a fault (${name})`, () => {
    const seed = SEEDS[name]
    const change = fc.tuple(
      fc.nat(seed.length),
      fc.nat(4),
      fc.oneof(
        fc.uint8Array({ maxLength: 3 }),
        fc.constantFrom('"', '{', '[', 'null', '\\', ',', '9').map(Buffer.from),
      ),
    )
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), changes => {
        let bytes = Buffer.from(seed)
        for (const [at, cut, put] of changes) {
          bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)])
        }
        return isSound(read(bytes))
      }),
      { numRuns: 400 },
    )
  })
}

test('reads the same whatever was read before', () => {
  const seeds = Object.keys(READERS)
  const first = seeds.map(name => READERS[name](SEEDS[name]))
  for (const name of seeds)
    READERS[name](Buffer.from(SEEDS[name].subarray(0, SEEDS[name].length - 2)))

  assert.deepEqual(
    seeds.map(name => READERS[name](SEEDS[name])),
    first,
  )
})

/** Of this process, so that others on a busy machine do not count; what grows with the square takes minutes. */
const MOST_CPU_MS = 5000

function cpuMs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

test('takes a span with a hundred thousand tags, half of them the same, in time', () => {
  const tags = Array.from({ length: 100_000 }, (_, i) => `"k${i % 50_000}":"v"`).join(',')
  const text = Buffer.from(`[{"traceId":"1","id":"1","tags":{${tags}}}]`)
  const start = process.cpuUsage()

  const result = readZipkinJson(text)

  assert.ok(cpuMs(start) < MOST_CPU_MS)
  assert.equal(Object.keys(spansOf(result)[0].attributes).length, 50_001)
})

test('takes twenty thousand spans of as many services in time', () => {
  const spans = Array.from(
    { length: 20_000 },
    (_, i) =>
      `{"traceId":"1","id":"${(i + 1).toString(16)}","localEndpoint":{"serviceName":"s${i}"}}`,
  )
  const text = Buffer.from(`[${spans.join(',')}]`)
  const start = process.cpuUsage()

  const result = readZipkinJson(text)

  assert.ok(cpuMs(start) < MOST_CPU_MS)
  assert.equal(spansOf(result).length, 20_000)
})

test('refuses nesting without end', () => {
  for (const value of ['['.repeat(100_000), '{"a":'.repeat(100_000)]) {
    const result = readZipkinJson(Buffer.from(`[{"unknown":${value}}]`))

    assert.ok(isTranslateFault(result))
    assert.equal(result.fault, 'depth')
  }
  const value = JSON.stringify(`"e": {"a":${'['.repeat(500)}${']'.repeat(500)}}`)
  const [span] = spansOf(
    readZipkinJson(
      Buffer.from(`[{"traceId":"1","id":"1","annotations":[{"timestamp":1,"value":${value}}]}]`),
    ),
  )
  assert.deepEqual(span.events[0].attributes, {})
})

function isSound(result: Uint8Array | TranslateFault): boolean {
  if (!isTranslateFault(result)) spansOf(result)
  else assert.ok(result.message.length > 0 && result.offset >= 0)
  return true
}
