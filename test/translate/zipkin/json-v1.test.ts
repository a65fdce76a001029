/** Zipkin v1 JSON in: kinds, hosts and times out of annotations, tags out of binary annotations. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { isTranslateFault } from '../../../src/translate/fault.ts'
import { readZipkinJsonV1 } from '../../../src/translate/zipkin/json-v1.ts'
import { type FlatSpan, type Json, spansOf } from './kit.ts'

const IDS = { traceId: '0ed2e63cbe71f5a8', id: 'fe351a053fbcac1f' }
const HOST = { serviceName: 'service1', ipv4: '172.31.0.4', port: 8080 }

test('takes kind, host and times from the core annotations, and events from the others', () => {
  const [span] = read([
    {
      ...IDS,
      name: 'checkAvailability',
      parentId: '0ed2e63cbe71f5a8',
      annotations: [
        { timestamp: 100, value: 'sr', endpoint: HOST },
        { timestamp: 150, value: 'custom', endpoint: HOST },
        { timestamp: 190, value: 'ss', endpoint: HOST },
        { timestamp: 200, value: '' },
        null,
      ],
    },
  ])

  assert.equal(span.kind, 2)
  assert.deepEqual(span.resource, {
    'service.name': 'service1',
    ipv4: '172.31.0.4',
    port: '8080',
  })
  assert.equal(span.start, '100000')
  assert.equal(span.end, '190000')
  assert.deepEqual(span.events, [{ time: '150000', name: 'custom', attributes: {}, dropped: 0 }])
  assert.deepEqual(span.attributes, {})
})

test('prefers the span’s own times over those of its annotations', () => {
  const [span] = read([
    { ...IDS, timestamp: 10, duration: 5, annotations: [{ timestamp: 100, value: 'cs' }] },
  ])

  assert.deepEqual([span.kind, span.start, span.end], [3, '10000', '15000'])
})

test('knows all core annotations', () => {
  for (const [value, kind] of [
    ['cs', 3],
    ['cr', 3],
    ['sr', 2],
    ['ss', 2],
    ['ms', 4],
    ['mr', 5],
    ['xx', 0],
  ] as const) {
    assert.equal(read([{ ...IDS, annotations: [{ timestamp: 1, value }] }])[0].kind, kind, value)
  }
})

test('names a service from what there is when no core annotation has a host', () => {
  const lc = { key: 'lc', value: 'myLocalComponent' }
  const cases: [Json[], string, Json][] = [
    [[], 'unknown-service', {}],
    [[lc], 'myLocalComponent', { component: 'myLocalComponent' }],
    [[{ ...lc, endpoint: HOST }], 'service1', { component: 'myLocalComponent' }],
    [[{ key: 'a', value: 'b', endpoint: HOST }], 'service1', { a: 'b' }],
    [
      [{ key: 'sa', value: true, endpoint: HOST }, lc],
      'myLocalComponent',
      {
        component: 'myLocalComponent',
        'peer.service': 'service1',
        'network.peer.address': '172.31.0.4',
        'net.peer.port': 8080n,
      },
    ],
  ]
  for (const [binaryAnnotations, service, attributes] of cases) {
    const [span] = read([{ ...IDS, timestamp: 1, binaryAnnotations }])

    assert.deepEqual(span.resource, { 'service.name': service })
    assert.deepEqual(span.attributes, attributes)
  }
})

test('finds the status in the tags of OpenCensus, of itself, in error and in HTTP', () => {
  const cases: [Json, number, string, Json][] = [
    [{ 'census.status_code': '0', 'census.status_description': 'fine' }, 1, 'fine', {}],
    [{ 'census.status_code': '14', error: 'true' }, 2, '', {}],
    [{ 'otel.status_code': '2', 'otel.status_description': 'd' }, 2, 'd', {}],
    [{ error: '', 'census.status_description': 'm' }, 2, 'm', {}],
    [{ error: 'boom' }, 2, '', { error: 'boom' }],
    [{ 'http.status_code': '503' }, 2, '', { 'http.status_code': '503' }],
    [
      { 'http.status_code': '500', 'http.status_message': 'm' },
      2,
      'm',
      { 'http.status_code': '500', 'http.status_message': 'm' },
    ],
    [{ 'http.status_code': '204' }, 0, '', { 'http.status_code': '204' }],
    [{ 'http.status_code': 'nan' }, 0, '', { 'http.status_code': 'nan' }],
  ]
  for (const [tags, code, message, attributes] of cases) {
    const binaryAnnotations = Object.entries(tags).map(([key, value]) => ({ key, value }))
    const [span] = read([{ ...IDS, timestamp: 1, binaryAnnotations }])

    assert.deepEqual(span.status, { code, message }, JSON.stringify(tags))
    assert.deepEqual(span.attributes, attributes)
  }
})

test('keeps the type of values that are no strings', () => {
  const values = [true, 7, 1.5, 'x', null]
  const binaryAnnotations = values.map((value, i) => ({ key: `k${i}`, value }))

  const [span] = read([{ ...IDS, timestamp: 1, binaryAnnotations }])

  assert.deepEqual(span.attributes, { k0: true, k1: 7n, k2: 1.5, k3: 'x', k4: '' })
})

test('gathers spans of the same host', () => {
  const annotations = (endpoint: Json): Json[] => [{ timestamp: 1, value: 'sr', endpoint }]

  const spans = read([
    { ...IDS, annotations: annotations(HOST) },
    { ...IDS, annotations: annotations({ ...HOST, port: 1 }) },
    { ...IDS, name: 'second', annotations: annotations(HOST) },
  ])

  assert.deepEqual(
    spans.map(span => [span.resource.port, span.name]),
    [
      ['8080', ''],
      ['8080', 'second'],
      ['1', ''],
    ],
  )
})

test('refuses a bad id with its place', () => {
  const result = readZipkinJsonV1(Buffer.from(JSON.stringify([IDS, { ...IDS, parentId: 'BADID' }])))

  assert.ok(isTranslateFault(result))
  assert.match(result.message, /^\[1\]\.parentId: expected an id/)
})

function read(spans: readonly Json[], parseStringTags = false): FlatSpan[] {
  return spansOf(readZipkinJsonV1(Buffer.from(JSON.stringify(spans)), { parseStringTags }))
}
