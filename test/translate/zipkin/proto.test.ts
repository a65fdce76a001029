/** Zipkin protobuf in: equal to the same spans in JSON, and a fault for what is not protobuf. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { isTranslateFault } from '../../../src/translate/fault.ts'
import { readZipkinJson } from '../../../src/translate/zipkin/json-v2.ts'
import { readZipkinProto } from '../../../src/translate/zipkin/proto.ts'
import { encodeZipkinProto, spansOf } from './kit.ts'

const SPAN = {
  traceId: Buffer.from('4d1e00c0db9010db86154a4ba6e91385', 'hex'),
  parentId: Buffer.from('86154a4ba6e91385', 'hex'),
  id: Buffer.from('4d1e00c0db9010db', 'hex'),
  kind: 1,
  name: 'get',
  timestamp: '1472470996199000',
  duration: '207000',
  localEndpoint: {
    serviceName: 'frontend',
    ipv6: Buffer.from('00070000000000000000000000000001', 'hex'),
  },
  remoteEndpoint: { serviceName: 'backend', ipv4: Buffer.of(192, 168, 99, 101), port: 9000 },
  annotations: [{ timestamp: '1472470996238000', value: 'foo|{"a":1}|0' }],
  tags: { 'http.path': '/api', 'otel.library.name': 'lib', empty: '' },
  debug: true,
  shared: true,
}

test('reads the same from protobuf as from JSON', () => {
  const json = {
    ...SPAN,
    traceId: SPAN.traceId.toString('hex'),
    parentId: SPAN.parentId.toString('hex'),
    id: SPAN.id.toString('hex'),
    kind: 'CLIENT',
    localEndpoint: { serviceName: 'frontend', ipv6: '7::1' },
    remoteEndpoint: { serviceName: 'backend', ipv4: '192.168.99.101', port: 9000 },
  }

  const fromProto = readZipkinProto(encodeZipkinProto([SPAN, SPAN]))

  assert.deepEqual(fromProto, readZipkinJson(Buffer.from(JSON.stringify([json, json]))))
  assert.equal(spansOf(fromProto).length, 2)
})

test('takes trace ids of 8 and 16 bytes, kinds it does not know, and no spans', () => {
  const spans = spansOf(
    readZipkinProto(encodeZipkinProto([{ ...SPAN, traceId: SPAN.id, kind: 9, parentId: '' }])),
  )

  assert.equal(spans[0].traceId, '00000000000000004d1e00c0db9010db')
  assert.equal(spans[0].kind, 0)
  assert.equal(spans[0].parentSpanId, '')
  assert.deepEqual(spansOf(readZipkinProto(new Uint8Array(0))), [])
})

test('refuses ids, addresses and texts that are none', () => {
  for (const [broken, message] of [
    [{ ...SPAN, traceId: Buffer.of(1) }, /^spans\[0\]: expected an id of 8 or 16 bytes$/],
    [{ ...SPAN, id: Buffer.of(1) }, /an id of 8 bytes/],
    [{ ...SPAN, id: Buffer.alloc(0) }, /span id that is not zero/],
    [{ ...SPAN, localEndpoint: { ipv4: Buffer.of(1) } }, /IP address/],
    [{ ...SPAN, remoteEndpoint: { port: 70_000 } }, /port/],
    [{ ...SPAN, annotations: [{ value: 'x' }] }, /timestamp/],
    [{ ...SPAN, timestamp: '18446744073709551615' }, /2554/],
  ] as const) {
    const result = readZipkinProto(encodeZipkinProto([broken]))

    assert.ok(isTranslateFault(result))
    assert.match(result.message, message)
  }
  const bytes = Buffer.from(encodeZipkinProto([SPAN]))
  bytes[bytes.indexOf('frontend')] = 0xff
  const result = readZipkinProto(bytes)
  assert.ok(isTranslateFault(result))
  assert.equal(result.fault, 'utf8')
})

test('refuses every message that was cut off', () => {
  const whole = encodeZipkinProto([SPAN])
  for (let cut = 1; cut < whole.length; cut++) {
    assert.ok(isTranslateFault(readZipkinProto(whole.subarray(0, cut))), `cut at ${cut}`)
  }
})
