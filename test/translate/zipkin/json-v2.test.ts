/** Zipkin v2 JSON in: what becomes of each field, of odd values, and of the traces that real systems have sent. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { isTranslateFault } from '../../../src/translate/fault.ts'
import { readZipkinJson } from '../../../src/translate/zipkin/json-v2.ts'
import { type FlatSpan, type Json, spansOf } from './kit.ts'

const IDS = { traceId: '4d1e00c0db9010db86154a4ba6e91385', id: '4d1e00c0db9010db' }

test('maps a client span with both endpoints, annotations and tags', () => {
  const [span] = read([
    {
      ...IDS,
      parentId: '86154a4ba6e91385',
      kind: 'CLIENT',
      name: 'get',
      timestamp: 1472470996199000,
      duration: 207000,
      localEndpoint: { serviceName: 'frontend', ipv6: '7::0.128.128.127', port: 8080 },
      remoteEndpoint: { serviceName: 'backend', ipv4: '192.168.99.101', port: 9000 },
      annotations: [{ timestamp: 1472470996238000, value: 'foo' }],
      tags: { 'http.path': '/api' },
    },
  ])

  assert.deepEqual(span.resource, { 'service.name': 'frontend' })
  assert.equal(span.traceId, IDS.traceId)
  assert.equal(span.spanId, IDS.id)
  assert.equal(span.parentSpanId, '86154a4ba6e91385')
  assert.equal(span.kind, 3)
  assert.equal(span.name, 'get')
  assert.equal(span.start, '1472470996199000000')
  assert.equal(span.end, '1472470996406000000')
  assert.deepEqual(span.attributes, {
    'http.path': '/api',
    'network.local.address': '7::80:807f',
    'net.host.port': 8080n,
    'peer.service': 'backend',
    'network.peer.address': '192.168.99.101',
    'net.peer.port': 9000n,
  })
  assert.deepEqual(span.events, [
    { time: '1472470996238000000', name: 'foo', attributes: {}, dropped: 0 },
  ])
  assert.deepEqual(span.status, { code: 0, message: '' })
})

test('fills short ids up from the left and takes 64 and 128 bits', () => {
  const spans = read([
    { traceId: 'abc', id: '1' },
    { traceId: '48485a3953bb6124', id: '48485a3953bb6124' },
    { traceId: '1'.repeat(32), id: 'F'.repeat(16), parentId: '' },
    { traceId: '1'.repeat(20), id: '2', parentId: '0000000000000000' },
  ])

  assert.deepEqual(
    spans.map(span => [span.traceId, span.spanId, span.parentSpanId]),
    [
      ['abc'.padStart(32, '0'), '0000000000000001', ''],
      ['000000000000000048485a3953bb6124', '48485a3953bb6124', ''],
      ['1'.repeat(32), 'f'.repeat(16), ''],
      ['1'.repeat(20).padStart(32, '0'), '0000000000000002', ''],
    ],
  )
})

test('makes a root of a span that is its own parent', () => {
  const [span] = read([{ ...IDS, parentId: IDS.id }])

  assert.equal(span.parentSpanId, '')
})

test('refuses a span without ids, with zero ones, and with what is no id', () => {
  for (const [broken, message] of [
    [{ id: '1' }, /^\[0\]: expected a trace id that is not zero$/],
    [{ traceId: '0'.repeat(32), id: '1' }, /trace id that is not zero/],
    [{ traceId: '1' }, /span id that is not zero/],
    [{ traceId: 'xyz', id: '1' }, /^\[0\]\.traceId: expected an id of at most 32 hexadecimal/],
    [{ traceId: '1'.repeat(33), id: '1' }, /at most 32 hexadecimal digits/],
    [{ traceId: '1', id: '1'.repeat(17) }, /at most 16 hexadecimal digits/],
    [{ traceId: 17, id: '1' }, /^\[0\]\.traceId: expected a string/],
  ] as const) {
    const result = readZipkinJson(Buffer.from(JSON.stringify([broken])))

    assert.ok(isTranslateFault(result), JSON.stringify(broken))
    assert.match(result.message, message)
  }
})

test('says where in the text a fault is', () => {
  const text = `[{"traceId":"1","id":"1"},{"traceId":"1","id":"2","localEndpoint":{"port":"x"}}]`

  const result = readZipkinJson(Buffer.from(text))

  assert.ok(isTranslateFault(result))
  assert.equal(result.message, '[1].localEndpoint.port: expected an integer')
  assert.ok(Math.abs(result.offset - text.indexOf('"x"')) <= 3, `offset ${result.offset}`)
})

test('marks a span without a time, and ends it after its duration', () => {
  for (const timestamp of [undefined, null, 0]) {
    const [span] = read([{ ...IDS, timestamp, duration: 13 }])

    assert.equal(span.start, '0')
    assert.equal(span.end, '13000')
    assert.deepEqual(span.attributes, { 'otel.zipkin.absentField.startTime': true })
  }
})

test('takes times up to the end of unsigned nanoseconds and refuses later ones', () => {
  // Beyond what a JavaScript number holds.
  const at = (fields: string): ReturnType<typeof readZipkinJson> =>
    readZipkinJson(Buffer.from(`[{"traceId":"1","id":"1",${fields}}]`))

  const [last] = spansOf(at('"timestamp":18446744073709551'))
  const late = at('"timestamp":18446744073709552')
  const long = at('"timestamp":18446744073709551,"duration":1')
  const before = at('"timestamp":-1')

  assert.equal(last.start, '18446744073709551000')
  for (const fault of [late, long, before]) {
    assert.ok(isTranslateFault(fault))
    assert.equal(fault.fault, 'range')
  }
})

test('takes numbers in quotes, and refuses fractions', () => {
  const [span] = read([{ ...IDS, timestamp: '1000', duration: 1e3 }])
  const text = `[{"traceId":"1","id":"1","name":"${'x'.repeat(300_000)}","timestamp":"\\u0031","duration":2}]`
  const [escaped] = spansOf(readZipkinJson(Buffer.from(text)))
  const fraction = readZipkinJson(Buffer.from(JSON.stringify([{ ...IDS, timestamp: 1.5 }])))

  assert.deepEqual([span.start, span.end], ['1000000', '2000000'])
  assert.deepEqual([escaped.start, escaped.end], ['1000', '3000'])
  assert.ok(isTranslateFault(fraction))
})

test('has room for every key that means more, each with an empty text', () => {
  const tags: Json = {}
  for (let i = 1; i < 128; i++) tags[`otlp.link.${i}`] = ''
  const hosts = {
    'host.name': '',
    'k8s.container.restart_count': '',
    'process.runtime.description': '',
  }
  const spans = Array.from({ length: 700 }, () => ({
    ...IDS,
    timestamp: 1,
    tags: { ...tags, ...hosts },
  }))

  for (const span of read(spans)) {
    assert.deepEqual(span.attributes, tags)
    assert.deepEqual(span.resource, hosts)
  }
})

test('defines null and empty fields', () => {
  const [span] = read([
    null,
    {
      ...IDS,
      parentId: null,
      kind: null,
      name: null,
      duration: null,
      timestamp: 1,
      localEndpoint: null,
      remoteEndpoint: {},
      annotations: [null],
      tags: { a: null, b: '', c: 3, d: true },
      debug: null,
      shared: false,
      unknown: { deep: [1, { x: null }] },
    },
  ] as Json[])

  assert.equal(span.name, '')
  assert.equal(span.kind, 0)
  assert.deepEqual(span.resource, {})
  assert.deepEqual(span.attributes, { a: '', b: '', c: '3', d: 'true' })
  assert.deepEqual(span.events, [])
  assert.deepEqual(read([]), [])
})

test('takes one span alone for a list of one', () => {
  assert.equal(spansOf(readZipkinJson(Buffer.from(JSON.stringify(IDS)))).length, 1)
})

test('keeps the last of tags with the same key, however many there are', () => {
  const keys = Array.from({ length: 200 }, (_, i) => `key.${i % 50}`)
  const tags = keys.map((key, i) => `"${key}":"${i}"`).join(',')
  const text = `[{"traceId":"1","id":"1","timestamp":1,"tags":{${tags}},"name":"n","tags":{"key.0":"last","error":"a","error":"true"}}]`

  const [span] = spansOf(readZipkinJson(Buffer.from(text)))

  const wanted: Json = {}
  for (const [i, key] of keys.entries()) wanted[key] = String(i)
  assert.deepEqual(span.attributes, { ...wanted, 'key.0': 'last' })
  assert.equal(span.name, 'n')
  assert.equal(span.status.code, 2)
})

test('reads escapes in keys and values, and texts of every length', () => {
  const long = 'ü€😀"\\\n'.repeat(3000)
  const [span] = read([
    { ...IDS, timestamp: 1, name: long, tags: { 'a"b': 'c\u2028', long, é: 'é' } },
  ])

  assert.equal(span.name, long)
  assert.deepEqual(span.attributes, { 'a"b': 'c\u2028', long, é: 'é' })
  const escaped = `[{"\\u0074raceId":"1","id":"1","timestamp":1,"n\\u0061me":"x"}]`
  assert.equal(spansOf(readZipkinJson(Buffer.from(escaped)))[0].name, 'x')
})

test('makes numbers and booleans of tags when it is told to', () => {
  const tags = {
    int: '-42',
    big: '9223372036854775807',
    bigger: '9223372036854775808',
    double: '3.25',
    yes: 'true',
    no: 'false',
    text: 'truely',
    point: '1.',
    exponent: '1e3',
    empty: '',
  }

  const [typed] = read([{ ...IDS, timestamp: 1, tags }], true)
  const [plain] = read([{ ...IDS, timestamp: 1, tags }])

  assert.deepEqual(typed.attributes, {
    ...tags,
    int: -42n,
    big: 9223372036854775807n,
    double: 3.25,
    yes: true,
    no: false,
  })
  assert.deepEqual(plain.attributes, tags)
})

test('gathers spans by service, resource tags and scope', () => {
  const result = readZipkinJson(
    Buffer.from(
      JSON.stringify([
        span('a', {}),
        span('b', { 'host.name': 'h' }),
        span('a', { 'otel.library.name': 'lib', 'otel.library.version': '1' }),
        span('a', {}),
        span('b', { 'host.name': 'other' }),
        span('b', { 'host.name': 'h', 'otel.scope.name': 's' }),
        span('OTLPResourceNoServiceName', { 'process.pid': '7' }),
        span('fn', { 'otlp.service.name.source': 'faas.name' }),
      ]),
    ),
  )

  assert.deepEqual(
    spansOf(result).map(({ resource, scope }) => [resource, scope.name, scope.version]),
    [
      [{ 'service.name': 'a' }, '', ''],
      [{ 'service.name': 'a' }, '', ''],
      [{ 'service.name': 'a' }, 'lib', '1'],
      [{ 'service.name': 'b', 'host.name': 'h' }, '', ''],
      [{ 'service.name': 'b', 'host.name': 'h' }, 's', ''],
      [{ 'service.name': 'b', 'host.name': 'other' }, '', ''],
      [{ 'process.pid': '7' }, '', ''],
      [{ 'faas.name': 'fn' }, '', ''],
    ],
  )

  function span(serviceName: string, tags: Json): Json {
    return { ...IDS, timestamp: 1, localEndpoint: { serviceName }, tags }
  }
})

test('reads the status in the names of the specification and of older writers', () => {
  const cases: [Json, number, string, Json][] = [
    [{ 'otel.status_code': 'OK' }, 1, '', {}],
    [{ 'otel.status_code': 'Ok' }, 1, '', {}],
    [{ 'otel.status_code': 'ERROR', error: 'boom' }, 2, 'boom', {}],
    [{ 'otel.status_code': 'ERROR', error: '' }, 2, '', {}],
    [
      { 'otel.status_code': 'STATUS_CODE_ERROR', 'otel.status_description': 'd', error: 'true' },
      2,
      'd',
      {},
    ],
    [{ error: 'true' }, 2, '', {}],
    [{ error: 'something' }, 2, '', { error: 'something' }],
    [{ 'otel.status_description': 'alone' }, 0, '', { 'otel.status_description': 'alone' }],
  ]
  for (const [tags, code, message, attributes] of cases) {
    const [span] = read([{ ...IDS, timestamp: 1, tags }])

    assert.deepEqual(span.status, { code, message }, JSON.stringify(tags))
    assert.deepEqual(span.attributes, attributes)
  }
})

test('reads trace state, internal kind, links, dropped counts and attributes of events', () => {
  const [span] = read([
    {
      ...IDS,
      timestamp: 1,
      annotations: [
        { timestamp: 2, value: 'a|{"x":1,"y":[true,null]}|3' },
        { timestamp: 3, value: '"b\\"c": {"z":1.5,"otel.dropped_attributes_count":2}' },
        { timestamp: 4, value: 'a|b|c' },
        { timestamp: 5, value: 'd|{"broken|3' },
      ],
      tags: {
        'w3c.tracestate': 'k=v',
        'span.kind': 'internal',
        'otel.dropped_events_count': '4',
        'otlp.link.0': `${'1'.repeat(32)}|${'2'.repeat(16)}|s=t|x|{"a":"b"}|5`,
        'otlp.link.1': 'no link',
        'otlp.link.3': `${'1'.repeat(32)}|${'2'.repeat(16)}||{}|0`,
      },
    },
  ])

  assert.equal(span.traceState, 'k=v')
  assert.equal(span.kind, 1)
  assert.deepEqual(span.dropped, [0, 4, 0])
  assert.deepEqual(
    span.events.map(event => [event.name, event.attributes, event.dropped]),
    [
      ['a', { x: 1n, y: [true, null] }, 3],
      ['b"c', { z: 1.5 }, 2],
      ['a|b|c', {}, 0],
      ['d|{"broken|3', {}, 0],
    ],
  )
  assert.deepEqual(span.links, [
    {
      traceId: '1'.repeat(32),
      spanId: '2'.repeat(16),
      traceState: 's=t|x',
      attributes: { a: 'b' },
      dropped: 5,
    },
  ])
  assert.deepEqual(Object.keys(span.attributes), ['otlp.link.1', 'otlp.link.3'])
})

test('lets a host win over a tag of its attribute, but not over an explicit peer.service', () => {
  const [span] = read([
    {
      ...IDS,
      timestamp: 1,
      tags: { 'net.peer.port': 'x', 'peer.service': 'mine', 'network.peer.address': 'y' },
      remoteEndpoint: { serviceName: 'theirs', ipv4: '1.2.3.4', port: 5 },
    },
  ])

  assert.deepEqual(span.attributes, {
    'peer.service': 'mine',
    'network.peer.address': '1.2.3.4',
    'net.peer.port': 5n,
  })
})

test('keeps what is no address as it stands, and of two addresses the one of IPv6', () => {
  const hosts: [Json, string][] = [
    [{ ipv4: '52.0.0.04' }, '52.0.0.04'],
    [{ ipv4: 'localhost' }, 'localhost'],
    [{ ipv6: '::ffff:1.2.3.4' }, '1.2.3.4'],
    [{ ipv6: '2001:DB8:0:0:1:0:0:1' }, '2001:db8::1:0:0:1'],
    [{ ipv6: '::1', ipv4: '1.2.3.4' }, '::1'],
    [{ ipv4: '1.2.3.4', ipv6: '::' }, '::'],
  ]
  for (const [remoteEndpoint, wanted] of hosts) {
    const [span] = read([{ ...IDS, timestamp: 1, remoteEndpoint }])

    assert.deepEqual(span.attributes, { 'network.peer.address': wanted })
  }
})

test('keeps debug and shared as attributes', () => {
  const [span] = read([{ ...IDS, timestamp: 1, debug: true, shared: true }])

  assert.deepEqual(span.attributes, { 'otel.zipkin.shared': true, 'otel.zipkin.debug': true })
})

function read(spans: readonly (Json | null)[], parseStringTags = false): FlatSpan[] {
  return spansOf(readZipkinJson(Buffer.from(JSON.stringify(spans)), { parseStringTags }))
}
