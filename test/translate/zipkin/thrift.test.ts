/** Zipkin v1 Thrift in: the same meaning as v1 JSON, other bytes; and what broken Thrift is answered. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { isTranslateFault } from '../../../src/translate/fault.ts'
import { readZipkinThrift } from '../../../src/translate/zipkin/thrift.ts'
import { binary, i16, i32, i64, list, spansOf, struct, type Thrift } from './kit.ts'

const HOST = struct([
  [1, i32(-1407254524)],
  [2, i16(40_000)],
  [3, binary('service1')],
  [4, binary(Buffer.from('20010db8000000000000000000000001', 'hex'))],
])

test('reads a server span with a 128-bit id and all types of values', () => {
  const bytes = spans([
    [1, i64(-1)],
    [12, i64(5)],
    [4, i64(7)],
    [5, i64(9)],
    [3, binary('checkAvailability')],
    [6, list([annotation(100, 'sr', HOST), annotation(150, 'event'), annotation(190, 'ss', HOST)])],
    [
      8,
      list([
        tag('bool', 0, Buffer.of(1)),
        tag('bytes', 1, Buffer.of(1, 2, 3)),
        tag('i16', 2, i16(-5)[1]),
        tag('i32', 3, i32(-6)[1]),
        tag('i64', 4, i64(-7)[1]),
        tag('double', 5, Buffer.from('7ff8000000000000', 'hex')),
        tag('string', 6, Buffer.from('text')),
        tag('short', 4, Buffer.of(9)),
        tag('odd', 77, Buffer.of(9)),
        tag('invalid', 6, Buffer.of(0x61, 0xff)),
        tag('http.status_code', 2, i16(503)[1]),
        tag(
          'ca',
          0,
          Buffer.of(1),
          struct([
            [1, i32(0x01020304)],
            [2, i16(99)],
          ]),
        ),
      ]),
    ],
    [9, [2, Buffer.of(1)]],
    [99, list([i64(1), i64(2)], 10)],
    [98, [13, Buffer.concat([Buffer.of(8, 11), i32(1)[1], i32(3)[1], binary('x')[1]])]],
  ])

  const [span] = spansOf(readZipkinThrift(bytes))

  assert.equal(span.traceId, '0000000000000005ffffffffffffffff')
  assert.equal(span.spanId, '0000000000000007')
  assert.equal(span.parentSpanId, '0000000000000009')
  assert.equal(span.name, 'checkAvailability')
  assert.deepEqual(span.resource, {
    'service.name': 'service1',
    ipv4: '172.31.0.4',
    ipv6: '2001:db8::1',
    port: '40000',
  })
  assert.deepEqual([span.kind, span.start, span.end], [2, '100000', '190000'])
  assert.deepEqual(span.attributes, {
    bool: true,
    bytes: 'AQID',
    i16: -5n,
    i32: -6n,
    i64: -7n,
    double: Number.NaN,
    string: 'text',
    short: 'CQ==',
    odd: 'CQ==',
    invalid: 'a\ufffd',
    'otel.zipkin.debug': true,
    'network.peer.address': '1.2.3.4',
    'net.peer.port': 99n,
    'http.status_code': 503n,
  })
  assert.equal(span.status.code, 2)
  assert.deepEqual(span.events, [{ time: '150000', name: 'event', attributes: {}, dropped: 0 }])
})

test('answers broken Thrift with a fault', () => {
  const whole = spans([
    [1, i64(1)],
    [4, i64(2)],
    [3, binary('name')],
    [6, list([annotation(100, 'sr', HOST)])],
  ])
  for (let cut = 0; cut < whole.length; cut++) {
    const result = readZipkinThrift(whole.subarray(0, cut))

    assert.ok(isTranslateFault(result), `cut at ${cut}`)
  }
  for (const bytes of [
    Buffer.from('[{"traceId":"1"}]'),
    Buffer.of(12, 0x7f, 0xff, 0xff, 0xff),
    Buffer.of(12, 0xff, 0xff, 0xff, 0xff),
    Buffer.concat([whole, Buffer.of(0)]),
    Buffer.from(spans([[3, binary('no ids')]])),
  ]) {
    assert.ok(isTranslateFault(readZipkinThrift(bytes)))
  }
})

test('bounds the nesting of fields that nobody knows', () => {
  const deep = Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.of(15, 0, 0, 0, 1)))
  const result = readZipkinThrift(Buffer.concat([Buffer.of(12, 0, 0, 0, 1, 15, 0, 99), deep]))

  assert.ok(isTranslateFault(result))
  assert.equal(result.fault, 'depth')
})

function spans(...structs: (readonly [number, Thrift])[][]): Buffer {
  return list(structs.map(struct))[1]
}

function annotation(time: number, value: string, host?: Thrift): Thrift {
  return struct([
    [1, i64(time)],
    [2, binary(value)],
    [3, host],
  ])
}

function tag(key: string, type: number, value: Buffer, host?: Thrift): Thrift {
  return struct([
    [1, binary(key)],
    [2, binary(value)],
    [3, i32(type)],
    [4, host],
  ])
}
