/** OTLP out as Zipkin JSON and protobuf: the mapping specification field by field, and what comes back when it is read again. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { EncodePart } from '../../../src/otlp/encode-part.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import { Edits } from '../../../src/otlp/splice.ts'
import { readZipkinJson } from '../../../src/translate/zipkin/json-v2.ts'
import { readZipkinProto } from '../../../src/translate/zipkin/proto.ts'
import { writeZipkinJson } from '../../../src/translate/zipkin/write-json.ts'
import { writeZipkinProto } from '../../../src/translate/zipkin/write-proto.ts'
import { encode } from '../../otlp/oracle.ts'
import { arbitraryRequest } from '../../otlp/request-models.ts'
import { decodeZipkinProto, flatten, type Json, partOf, spansOf } from './kit.ts'

const SPAN = {
  traceId: Buffer.from('4d1e00c0db9010db86154a4ba6e91385', 'hex'),
  spanId: Buffer.from('4d1e00c0db9010db', 'hex'),
  name: 'GET /Orders',
  startTimeUnixNano: '1472470996199000499',
  endTimeUnixNano: '1472470996406000999',
}

test('writes a span as the specification wants it', () => {
  const part = partWith(
    {
      ...SPAN,
      parentSpanId: Buffer.from('86154a4ba6e91385', 'hex'),
      traceState: 'k=v',
      kind: 3,
      attributes: [
        pair('text', { stringValue: 'ü"' }),
        pair('int', { intValue: '9007199254740993' }),
        pair('double', { doubleValue: 2 }),
        pair('yes', { boolValue: true }),
        pair('list', { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }] } }),
        pair('map', { kvlistValue: { values: [pair('b', { doubleValue: 1.5 }), pair('a', {})] } }),
        pair('bytes', { bytesValue: Buffer.of(1, 2) }),
        pair('peer.service', { stringValue: 'orders' }),
        pair('network.peer.address', { stringValue: '10.0.0.1' }),
        pair('net.peer.port', { intValue: '443' }),
        pair('network.local.address', { stringValue: '2001:db8::1' }),
      ],
      droppedAttributesCount: 2,
      events: [
        { timeUnixNano: '1472470996238000500', name: 'plain' },
        {
          timeUnixNano: '1472470996238000499',
          name: 'rich',
          attributes: [pair('x', { intValue: '1' })],
          droppedAttributesCount: 3,
        },
      ],
      links: [{ traceId: SPAN.traceId, spanId: SPAN.spanId, traceState: 's=t' }],
      status: { code: 2, message: 'boom' },
    },
    [pair('service.name', { stringValue: 'shop' }), pair('host.name', { stringValue: 'h' })],
    { name: 'lib', version: '1.2' },
  )

  const [span] = json([part])

  assert.deepEqual(span, {
    traceId: '4d1e00c0db9010db86154a4ba6e91385',
    parentId: '86154a4ba6e91385',
    id: '4d1e00c0db9010db',
    kind: 'CLIENT',
    name: 'GET /Orders',
    timestamp: 1472470996199000,
    duration: 207001,
    localEndpoint: { serviceName: 'shop', ipv6: '2001:db8::1' },
    remoteEndpoint: { serviceName: 'orders', ipv4: '10.0.0.1', port: 443 },
    annotations: [
      { timestamp: 1472470996238001, value: 'plain' },
      {
        timestamp: 1472470996238000,
        value: '"rich": {"otel.dropped_attributes_count":3,"x":1}',
      },
    ],
    tags: {
      'host.name': 'h',
      'otel.scope.name': 'lib',
      'otel.scope.version': '1.2',
      text: 'ü"',
      int: '9007199254740993',
      double: '2',
      yes: 'true',
      list: '["a",1]',
      map: '{"a":null,"b":1.5}',
      bytes: 'AQI=',
      'w3c.tracestate': 'k=v',
      'otel.dropped_attributes_count': '2',
      'otlp.link.0': '4d1e00c0db9010db86154a4ba6e91385|4d1e00c0db9010db|s=t|{}|0',
      'otel.status_code': 'ERROR',
      error: 'boom',
    },
  })
})

test('writes protobuf that says the same as the JSON', () => {
  const attributes = [
    pair('a', { stringValue: 'b' }),
    pair('network.peer.address', { stringValue: '10.0.0.1' }),
    pair('otel.zipkin.shared', { boolValue: true }),
    pair('otel.zipkin.debug', { boolValue: true }),
  ]
  const part = partWith({ ...SPAN, kind: 2, attributes }, [
    pair('service.name', { stringValue: 'shop' }),
  ])

  const written = writeZipkinProto([part])
  const [span] = decodeZipkinProto(written.bytes)

  assert.deepEqual(
    spansOf(readZipkinProto(written.bytes)),
    spansOf(readZipkinJson(writeZipkinJson([part]).bytes)),
  )
  assert.equal(span.traceId.length, 16)
  assert.deepEqual([...span.remoteEndpoint.ipv4], [10, 0, 0, 1])
  assert.deepEqual([span.debug, span.shared], [true, true])
  assert.deepEqual(span.tags, { a: 'b' })
})

test('ranks the attributes that can name the other side of a client', () => {
  const cases: [Json, number, Json | undefined][] = [
    [{ 'peer.service': 'p', 'server.address': 's' }, 3, { serviceName: 'p' }],
    [{ 'peer.service': 'p' }, 2, { serviceName: 'p' }],
    [{ 'server.address': 's', 'net.peer.name': 'n' }, 4, { serviceName: 's' }],
    [{ 'net.peer.name': 'n', 'db.name': 'd' }, 3, { serviceName: 'n' }],
    [
      { 'network.peer.address': '1.2.3.4', 'network.peer.port': '5', 'db.name': 'd' },
      3,
      { ipv4: '1.2.3.4', port: 5 },
    ],
    [
      { 'server.socket.address': '1.2.3.4', 'server.socket.port': '5' },
      3,
      { ipv4: '1.2.3.4', port: 5 },
    ],
    [{ 'net.sock.peer.addr': '::1' }, 3, { ipv6: '::1' }],
    [{ 'db.name': 'd' }, 3, { serviceName: 'd' }],
    [{ 'db.name': 'd' }, 2, undefined],
    [{}, 3, undefined],
  ]
  for (const [tags, kind, remote] of cases) {
    const attributes = Object.entries(tags).map(([key, value]) =>
      pair(key, { stringValue: String(value) }),
    )

    const [span] = json([partWith({ ...SPAN, kind, attributes })])

    assert.deepEqual(span.remoteEndpoint, remote, JSON.stringify(tags))
  }
})

test('names the service unknown_service when nothing names it, else from what upstream takes', () => {
  const named = (key: string): Json => json([partWith(SPAN, [pair(key, { stringValue: 'x' })])])[0]

  assert.deepEqual(json([partWith(SPAN)])[0].localEndpoint, { serviceName: 'unknown_service' })
  assert.deepEqual(named('faas.name').localEndpoint, { serviceName: 'x' })
  assert.deepEqual(named('faas.name').tags, { 'otlp.service.name.source': 'faas.name' })
  assert.deepEqual(named('service.namespace').tags, { 'service.namespace': 'x' })
})

test('leaves out what is empty, removes an error that is none, and keeps one that says more', () => {
  const bare = json([partWith({ traceId: SPAN.traceId, spanId: SPAN.spanId })])[0]
  const withTag = (code: number, error: string): Json =>
    json([
      partWith({ ...SPAN, status: { code }, attributes: [pair('error', { stringValue: error })] }),
    ])[0].tags as Json

  assert.deepEqual(Object.keys(bare), ['traceId', 'id', 'localEndpoint'])
  assert.equal(withTag(0, 'false'), undefined)
  assert.deepEqual(withTag(1, 'true'), { 'otel.status_code': 'OK' })
  assert.deepEqual(withTag(2, 'false'), { 'otel.status_code': 'ERROR', error: '' })
  assert.deepEqual(withTag(2, 'boom'), { 'otel.status_code': 'ERROR', error: 'boom' })
})

test('puts what is nearer to the span over what is further away, for each span apart', () => {
  const text = (key: string, stringValue: string): object => pair(key, { stringValue })
  const spans = [
    { ...SPAN, attributes: [text('own', '1')] },
    { ...SPAN, attributes: [text('host.name', 'mine'), text('twice', 'a'), text('twice', 'b')] },
    { ...SPAN },
  ]
  const bytes = encode('TracesRequest', {
    resourceSpans: [
      {
        resource: { attributes: [text('host.name', 'h'), text('a', 'resource')] },
        scopeSpans: [
          { scope: { name: 's', attributes: [text('a', 'scope')] }, spans },
          { scope: { attributes: [text('span.kind', 'x')] }, spans: [{ ...SPAN, kind: 1 }] },
        ],
      },
    ],
  })

  assert.deepEqual(
    json([partOf(bytes)]).map(span => span.tags),
    [
      { 'host.name': 'h', a: 'scope', 'otel.scope.name': 's', own: '1' },
      { 'host.name': 'mine', a: 'scope', 'otel.scope.name': 's', twice: 'b' },
      { 'host.name': 'h', a: 'scope', 'otel.scope.name': 's' },
      { 'host.name': 'h', a: 'resource', 'span.kind': 'internal' },
    ],
  )
})

test('defines times that are odd', () => {
  const times = (start: string, end: string): unknown[] => {
    const [span] = json([partWith({ ...SPAN, startTimeUnixNano: start, endTimeUnixNano: end })])
    return [span.timestamp, span.duration]
  }

  assert.deepEqual(times('1000000', '1000000'), [1000, undefined])
  assert.deepEqual(times('1000000', '1000001'), [1000, 1])
  assert.deepEqual(times('2000000', '1000000'), [2000, undefined])
  assert.deepEqual(times('0', '7000'), [undefined, 7])
  const last = partWith({
    ...SPAN,
    startTimeUnixNano: '600',
    endTimeUnixNano: '18446744073709551615',
  })
  assert.equal(
    spansOf(readZipkinJson(writeZipkinJson([last]).bytes))[0].end,
    '18446744073709551000',
  )
})

test('writes only what is in, as it was edited, and counts spans without ids', () => {
  const bytes = encode('TracesRequest', {
    resourceSpans: [
      { scopeSpans: [{ spans: [SPAN, { ...SPAN, name: 'out' }, { name: 'no ids' }] }] },
      { scopeSpans: [{ spans: [{ ...SPAN, name: 'last' }] }] },
    ],
  })
  const part = partOf(bytes)
  const selection = Selection.all(4)
  selection.clear(1)
  const edits = new Edits()
  const name = Buffer.from('GET /Orders')
  const at = Buffer.from(bytes).indexOf(name) - 2
  edits.add(at, at + 2 + name.length, Buffer.from([0x2a, 3, 0x6e, 0x65, 0x77]))

  const selected = writeZipkinJson([{ ...part, selection, items: 3 }])
  const edited: EncodePart = { ...part, selection, edits, items: 3 }

  assert.deepEqual([selected.spans, selected.refused], [2, 1])
  assert.deepEqual(names(json([{ ...part, selection, items: 3 }])), ['GET /Orders', 'last'])
  assert.deepEqual(names(json([edited])), ['new', 'last'])
  assert.deepEqual(names(json([part, part])).length, 6)
  assert.equal(Buffer.from(writeZipkinJson([]).bytes).toString(), '[]')
})

test('gives back what it was given, through JSON and through protobuf', () => {
  const part = partWith(
    {
      ...SPAN,
      startTimeUnixNano: '1472470996199000000',
      endTimeUnixNano: '1472470996406000000',
      kind: 1,
      traceState: 'a=b',
      attributes: [
        pair('k', { stringValue: 'v' }),
        pair('network.peer.address', { stringValue: '2001:db8::1' }),
        pair('peer.service', { stringValue: 'P' }),
      ],
      events: [
        {
          timeUnixNano: '1472470996238000000',
          name: 'e"|',
          attributes: [
            pair('i', { intValue: '-9223372036854775808' }),
            pair('l', { arrayValue: { values: [{ boolValue: true }] } }),
          ],
          droppedAttributesCount: 7,
        },
      ],
      links: [
        {
          traceId: SPAN.traceId,
          spanId: SPAN.spanId,
          attributes: [pair('a', { stringValue: '|' })],
        },
      ],
      droppedLinksCount: 9,
      status: { code: 2, message: 'why' },
    },
    [pair('service.name', { stringValue: 'Shop' }), pair('k8s.pod.name', { stringValue: 'p' })],
    { name: 'lib', version: '2' },
  )
  const before = flatten(part.payload.bytes)

  assert.deepEqual(spansOf(readZipkinJson(writeZipkinJson([part]).bytes)), before)
  assert.deepEqual(spansOf(readZipkinProto(writeZipkinProto([part]).bytes)), before)
})

test('writes what can be read again, whatever the spans are', () => {
  fc.assert(
    fc.property(arbitraryRequest('traces'), ({ bytes }) => {
      const part = partOf(bytes)
      const written = writeZipkinJson([part])

      assert.equal(written.spans + written.refused, part.items)
      assert.equal(spansOf(readZipkinJson(written.bytes)).length, written.spans)
      const proto = writeZipkinProto([part])
      assert.equal(spansOf(readZipkinProto(proto.bytes)).length, written.spans)
    }),
    { numRuns: 200 },
  )
})

test('gives an event without a time that of its span, for Zipkin wants one', () => {
  const events = [{ name: 'e' }]

  const [timed] = json([partWith({ ...SPAN, events })])
  const [untimed] = json([partWith({ traceId: SPAN.traceId, spanId: SPAN.spanId, events })])

  assert.deepEqual(timed.annotations, [{ timestamp: timed.timestamp, value: 'e' }])
  assert.deepEqual(untimed.annotations, [{ timestamp: 1, value: 'e' }])
})

function partWith(span: object, resource: object[] = [], scope: object = {}): EncodePart {
  return partOf(
    encode('TracesRequest', {
      resourceSpans: [
        { resource: { attributes: resource }, scopeSpans: [{ scope, spans: [span] }] },
      ],
    }),
  )
}

function pair(key: string, value: object): { key: string; value: object } {
  return { key, value }
}

function json(parts: readonly EncodePart[]): Json[] {
  return JSON.parse(Buffer.from(writeZipkinJson(parts).bytes).toString()) as Json[]
}

function names(spans: readonly Json[]): unknown[] {
  return spans.map(span => span.name)
}
