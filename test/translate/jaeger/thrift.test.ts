import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  readJaegerAgentBinary,
  readJaegerAgentCompact,
  readJaegerThriftBinary,
  readJaegerThriftCompact,
} from '../../../src/translate/jaeger/thrift.ts'
import { bad, good, type PlainSpan, plain } from './plain.ts'
import {
  type BatchModel,
  makeBatch,
  makeMessage,
  type Protocol,
  type SpanModel,
  type TagModel,
} from './thrift-maker.ts'

const PROTOCOLS: readonly Protocol[] = ['binary', 'compact']
const READERS = { binary: readJaegerThriftBinary, compact: readJaegerThriftCompact }
const AGENTS = { binary: readJaegerAgentBinary, compact: readJaegerAgentCompact }
const START = 1_485_467_191_639_875

function batchOf(...spans: SpanModel[]): BatchModel {
  return { process: { serviceName: 'api' }, spans }
}

function read(batch: BatchModel): PlainSpan[] {
  const [one, other] = PROTOCOLS.map(p => plain(good(READERS[p](makeBatch(batch, p)))))
  assert.deepEqual(one, other)
  return one
}

function readSpan(span: SpanModel): PlainSpan {
  const [made] = read(batchOf({ traceIdLow: 1, spanId: 2, startTime: START, ...span }))
  assert.ok(made)
  return made
}

function text(key: string, vStr: string): TagModel {
  return { key, vType: 'STRING', vStr }
}

describe('Jaeger Thrift', () => {
  it('keeps ids of 64 and 128 bits, flags and times', () => {
    const span = readSpan({
      traceIdHigh: -1n,
      traceIdLow: 0x8000_0000_0000_0001n,
      spanId: -2n,
      parentSpanId: 3,
      operationName: 'größe',
      flags: 3,
      duration: 25,
    })
    assert.equal(span.traceId, 'ffffffffffffffff8000000000000001')
    assert.equal(span.spanId, 'fffffffffffffffe')
    assert.equal(span.parent, '0000000000000003')
    assert.equal(span.name, 'größe')
    assert.equal(span.flags, 1)
    assert.equal(span.start, '1485467191639875000')
    assert.equal(span.end, '1485467191639900000')
    assert.equal(readSpan({ traceIdLow: 5 }).traceId, '00000000000000000000000000000005')
  })

  it('keeps every type of tag, and of equal keys the last one', () => {
    const span = readSpan({
      tags: [
        text('a', 'first'),
        { key: 'b', vType: 'BOOL', vBool: true },
        { key: 'c', vType: 'LONG', vLong: -(2n ** 63n) },
        { key: 'a', vType: 'DOUBLE', vDouble: -0.5 },
        { key: 'd', vType: 'BINARY', vBinary: [0, 255] },
        { key: 'e', vType: 'STRING' },
        { key: 'f', vType: '9' },
        { key: 'g', vType: 'BOOL', vBool: false },
        text('long', 'x'.repeat(300)),
      ],
    })
    assert.deepEqual(span.attributes, {
      b: true,
      c: -(2n ** 63n),
      a: -0.5,
      d: 'bytes 00ff',
      e: '',
      f: '<Unknown Jaeger TagType "9">',
      g: false,
      long: 'x'.repeat(300),
    })
  })

  it('finds duplicates among many tags', () => {
    const tags = Array.from({ length: 1000 }, (_, i) => text(`k${i % 300}`, String(i)))
    const { attributes } = readSpan({ tags })
    assert.equal(Object.keys(attributes).length, 300)
    assert.equal(attributes.k99, '999')
    assert.equal(attributes.k100, '700')
  })

  it('makes kind, status, trace state, scope and dropped counts of their tags', () => {
    const span = readSpan({
      tags: [
        text('otel.scope.name', 'lib'),
        text('span.kind', 'consumer'),
        text('otel.scope.version', '1.2'),
        { key: 'error', vType: 'BOOL', vBool: true },
        text('otel.status_code', 'OK'),
        text('otel.status_description', 'it '.repeat(60)),
        text('w3c.tracestate', 'a=1'),
        { key: 'otel.dropped_attributes_count', vType: 'LONG', vLong: 7 },
        text('rest', 'stays'),
      ],
    })
    assert.equal(span.scope, 'lib 1.2')
    assert.equal(span.kind, 5)
    assert.deepEqual(span.status, { code: 2, message: 'it '.repeat(60) })
    assert.equal(span.state, 'a=1')
    assert.deepEqual(span.dropped, [7, 0, 0])
    assert.deepEqual(span.attributes, { rest: 'stays' })
  })

  for (const [title, tags, code, message, left] of STATUS_CASES()) {
    it(`reads the status of ${title}`, () => {
      const { status, attributes } = readSpan({ tags })
      assert.deepEqual(status, { code, message })
      assert.deepEqual(Object.keys(attributes), left)
    })
  }

  it('makes events of logs, named by their field event', () => {
    const { events } = readSpan({
      logs: [
        { timestamp: START, fields: [text('event', 'name'), text('k', 'v'), text('k', 'w')] },
        { timestamp: 0 },
        { timestamp: -5, fields: [{ key: 'event', vType: 'LONG', vLong: 4 }] },
      ],
    })
    assert.deepEqual(events, [
      { time: '1485467191639875000', name: 'name', attributes: { k: 'w' } },
      { time: '0', name: '', attributes: {} },
      { time: '0', name: '', attributes: { event: 4n } },
    ])
  })

  it('finds the parent among references of the same trace, and makes links of the others', () => {
    const references = [
      { refType: 'CHILD_OF', traceIdLow: 9, spanId: 40 },
      { refType: 'FOLLOWS_FROM', traceIdLow: 1, spanId: 41 },
      { refType: 'CHILD_OF', traceIdLow: 1, spanId: 42 },
    ]
    const child = readSpan({ references })
    assert.equal(child.parent, '000000000000002a')
    assert.deepEqual(
      child.links.map(link => (link as { spanId: string }).spanId),
      ['0000000000000028', '0000000000000029'],
    )
    const follower = readSpan({ references: references.slice(0, 2) })
    assert.equal(follower.parent, '0000000000000029')
    assert.equal(follower.links.length, 2)
    const foreign = readSpan({ references: references.slice(0, 1) })
    assert.equal(foreign.parent, '')
    assert.equal(foreign.links.length, 1)
  })

  it('names the host and the exporter of the process', () => {
    const tags = [
      text('hostname', 'h'),
      text('jaeger.version', 'Go-2.30'),
      text('x', '1'),
      text('x', '2'),
    ]
    const batch = { process: { serviceName: 'api', tags }, spans: [{ traceIdLow: 1, spanId: 1 }] }
    assert.deepEqual(read(batch)[0]?.resource, {
      'service.name': 'api',
      x: '2',
      'host.name': 'h',
      'opencensus.exporterversion': 'Jaeger-Go-2.30',
    })
    const own = [...tags, text('host.name', 'other')]
    const [span] = read({ ...batch, process: { serviceName: '', tags: own } })
    assert.equal(span?.resource.hostname, 'h')
    assert.equal(span?.resource['service.name'], undefined)
  })

  it('takes zero and negative times as none, and refuses those that OTLP cannot hold', () => {
    assert.equal(readSpan({ startTime: 0, duration: 0 }).start, '0')
    assert.equal(readSpan({ startTime: -1 }).start, '0')
    const late = readSpan({ startTime: (2n ** 63n - 1n) / 1000n })
    assert.equal(late.start, '9223372036854775000')
    for (const protocol of PROTOCOLS) {
      const beyond = batchOf(
        { traceIdLow: 1, spanId: 1 },
        { traceIdLow: 1, spanId: 2, startTime: START, duration: 2n ** 62n },
      )
      const fault = bad(READERS[protocol](makeBatch(beyond, protocol)))
      assert.equal(fault.fault, 'range')
      assert.match(fault.message, /spans\[1\]/)
    }
  })

  it('mends strings that are not UTF-8', () => {
    for (const protocol of PROTOCOLS) {
      const bytes = makeBatch(batchOf({ traceIdLow: 1, operationName: 'abcd' }), protocol)
      bytes[bytes.indexOf('abcd') + 1] = 0xff
      assert.equal(plain(good(READERS[protocol](bytes)))[0]?.name, 'a\ufffdcd')
    }
  })

  it('leaves out spans that say nothing, and answers an empty request for no spans', () => {
    assert.equal(read(batchOf({}, { traceIdLow: 1, spanId: 1 }, {})).length, 1)
    assert.equal(good(READERS.binary(makeBatch(batchOf(), 'binary'))).length, 0)
  })

  it('reads a batch whose spans stand before its process', () => {
    const span = makeBatch(batchOf({ traceIdLow: 1, spanId: 7, operationName: 'n' }), 'binary')
    // Fields: process up to the list of spans, the list, sequence number, stop.
    const list = span.indexOf(Buffer.from([15, 0, 2]))
    const tail = span.length - 12
    const turned = Buffer.concat([
      span.subarray(list, tail),
      span.subarray(0, list),
      span.subarray(tail),
    ])
    const [read] = plain(good(readJaegerThriftBinary(turned)))
    assert.equal(read?.name, 'n')
    assert.deepEqual(read?.resource, { 'service.name': 'api' })
  })

  it('reads emitBatch messages of the agent', () => {
    const batch = batchOf({ traceIdLow: 1, spanId: 7, operationName: 'n' })
    const expected = read(batch)
    for (const protocol of PROTOCOLS) {
      assert.deepEqual(plain(good(AGENTS[protocol](makeMessage(batch, protocol)))), expected)
    }
    const older = makeMessage(batch, 'binary', false)
    assert.deepEqual(plain(good(readJaegerAgentBinary(older))), expected)
  })

  it('refuses messages of other methods, types and versions', () => {
    for (const protocol of PROTOCOLS) {
      const renamed = makeMessage(batchOf(), protocol)
      renamed[renamed.indexOf('emitBatch')] = 0x45
      assert.match(bad(AGENTS[protocol](renamed)).message, /emitBatch/)
      const exception = makeMessage(batchOf(), protocol)
      if (protocol === 'binary') exception[3] = 3
      else exception[1] = (3 << 5) | 1
      assert.match(bad(AGENTS[protocol](exception)).message, /oneway/)
    }
    assert.equal(bad(readJaegerAgentCompact(Buffer.from([0x81, 0x21, 0, 0]))).fault, 'syntax')
    assert.equal(bad(readJaegerAgentBinary(Buffer.from([0x80, 2, 0, 1]))).fault, 'syntax')
  })

  it('says what is missing and where', () => {
    assert.deepEqual(bad(readJaegerThriftBinary(Buffer.from([0]))), {
      fault: 'value',
      offset: 1,
      message: 'expected field 1 of a Batch, which is required',
    })
    const trailing = Buffer.concat([makeBatch(batchOf(), 'compact'), Buffer.from([0])])
    assert.match(bad(readJaegerThriftCompact(trailing)).message, /nothing after/)
  })

  it('refuses containers that claim more than the bytes hold, at once', () => {
    const head = Buffer.from([12, 0, 1, 11, 0, 1, 0, 0, 0, 0, 0, 15, 0, 2, 12])
    const started = process.hrtime.bigint()
    for (const count of [0x7fff_ffff, -1, 1000]) {
      const size = Buffer.alloc(4)
      size.writeInt32BE(count)
      assert.equal(bad(readJaegerThriftBinary(Buffer.concat([head, size]))).fault, 'syntax')
    }
    const compact = Buffer.from([0x1c, 0x18, 0, 0, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f])
    assert.equal(bad(readJaegerThriftCompact(compact)).fault, 'syntax')
    assert.ok(process.hrtime.bigint() - started < 1_000_000_000n)
  })

  it('bounds the depth of what it steps over, and the tags of a span', () => {
    const deep = Buffer.concat(Array.from({ length: 200 }, () => Buffer.from([12, 0, 9])))
    assert.equal(bad(readJaegerThriftBinary(deep)).fault, 'depth')
    const tags = Array.from({ length: 65_536 }, () => text('', ''))
    const crowded = makeBatch(batchOf({ traceIdLow: 1, tags }), 'compact')
    assert.equal(bad(readJaegerThriftCompact(crowded)).fault, 'too_large')
  })
})

function STATUS_CASES(): [string, TagModel[], number, string, string[]][] {
  const long = (key: string, vLong: number): TagModel => ({ key, vType: 'LONG', vLong })
  const flag = (vBool: boolean): TagModel => ({ key: 'error', vType: 'BOOL', vBool })
  return [
    ['error: false', [flag(false)], 0, '', ['error']],
    ['error as text', [text('error', 'true')], 0, '', ['error']],
    [
      'error with a reason of HTTP',
      [flag(true), text('http.status_message', 'm')],
      2,
      'm',
      ['http.status_message'],
    ],
    ['a code in lower case', [text('otel.status_code', 'ok')], 1, '', []],
    [
      'an unknown code',
      [text('otel.status_code', 'x'), long('http.status_code', 500)],
      0,
      '',
      ['http.status_code'],
    ],
    [
      'a description alone',
      [text('otel.status_description', 'd')],
      0,
      '',
      ['otel.status_description'],
    ],
    ['HTTP 500', [long('http.status_code', 500)], 2, '', ['http.status_code']],
    [
      'HTTP 500 in the new key',
      [long('http.response.status_code', 500)],
      2,
      '',
      ['http.response.status_code'],
    ],
    [
      'HTTP 404 as text, client',
      [text('http.status_code', '404'), text('span.kind', 'client')],
      2,
      '',
      ['http.status_code'],
    ],
    [
      'HTTP 404 of a server',
      [long('http.status_code', 404), text('span.kind', 'server')],
      0,
      '',
      ['http.status_code'],
    ],
    ['HTTP 200', [long('http.status_code', 200)], 0, '', ['http.status_code']],
    ['HTTP nonsense', [text('http.status_code', '5xx')], 0, '', ['http.status_code']],
  ]
}
