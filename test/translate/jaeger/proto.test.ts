import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  readJaegerBatch,
  readJaegerRequest,
  readJaegerSpan,
} from '../../../src/translate/jaeger/proto.ts'
import { encodeJaeger } from './oracle.ts'
import { bad, good, type PlainSpan, plain } from './plain.ts'

const TRACE = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex')
const ID = Buffer.from('1112131415161718', 'hex')
const IDS = { trace_id: TRACE, span_id: ID }

function readBatch(model: object): PlainSpan[] {
  return plain(good(readJaegerBatch(encodeJaeger('Batch', model))))
}

function readSpan(model: object): PlainSpan {
  const [span] = plain(good(readJaegerSpan(encodeJaeger('Span', { ...IDS, ...model }))))
  assert.ok(span)
  return span
}

describe('Jaeger protobuf', () => {
  it('reads a request, a batch and a single span alike', () => {
    const span = {
      ...IDS,
      operation_name: 'get',
      flags: 1,
      start_time: { seconds: 1_485_467_191, nanos: 639_875_001 },
      duration: { nanos: 22_938_000 },
      references: [{ trace_id: TRACE, span_id: Buffer.alloc(8, 3) }],
      tags: [
        { key: 'span.kind', v_str: 'server' },
        { key: 'i', v_type: 2, v_int64: '-5' },
        { key: 'f', v_type: 3, v_float64: 1.5 },
        { key: 'b', v_type: 1, v_bool: true },
        { key: 'x', v_type: 4, v_binary: Buffer.from([1]) },
      ],
      logs: [
        {
          timestamp: { seconds: 5 },
          fields: [
            { key: 'event', v_str: 'e' },
            { key: 'k', v_str: 'v' },
          ],
        },
      ],
    }
    const process = { service_name: 'api', tags: [{ key: 'hostname', v_str: 'h' }] }
    const batch = { spans: [span], process }
    const [one] = readBatch(batch)
    assert.deepEqual(one, {
      resource: { 'service.name': 'api', 'host.name': 'h' },
      scope: ' ',
      traceId: TRACE.toString('hex'),
      spanId: ID.toString('hex'),
      parent: '0303030303030303',
      name: 'get',
      kind: 2,
      start: '1485467191639875001',
      end: '1485467191662813001',
      status: { code: 0, message: '' },
      state: '',
      flags: 1,
      dropped: [0, 0, 0],
      attributes: { i: -5n, f: 1.5, b: true, x: 'bytes 01' },
      events: [{ time: '5000000000', name: 'e', attributes: { k: 'v' } }],
      links: [],
    })
    const request = encodeJaeger('PostSpansRequest', { batch })
    assert.deepEqual(plain(good(readJaegerRequest(request))), [one])
    const alone = encodeJaeger('Span', { ...span, process })
    assert.deepEqual(plain(good(readJaegerSpan(alone))), [one])
  })

  it('puts a span with a process of its own under that one', () => {
    const spans = [
      { ...IDS, operation_name: 'a' },
      { ...IDS, operation_name: 'b', process: { service_name: 'other' } },
      { ...IDS, operation_name: 'c' },
      { ...IDS, operation_name: 'd', process: { service_name: 'api' } },
    ]
    const read = readBatch({ spans, process: { service_name: 'api' } })
    assert.deepEqual(
      read.map(span => [span.name, span.resource['service.name']]),
      [
        ['a', 'api'],
        ['c', 'api'],
        ['d', 'api'],
        ['b', 'other'],
      ],
    )
  })

  it('groups spans by their scope; a version without a name stays a tag', () => {
    const read = readBatch({
      spans: [
        {
          ...IDS,
          tags: [
            { key: 'otel.scope.name', v_str: 's' },
            { key: 'otel.scope.version', v_str: '1' },
          ],
        },
        { ...IDS, tags: [{ key: 'otel.scope.version', v_str: '1' }] },
      ],
    })
    assert.deepEqual(
      read.map(span => [span.scope, span.attributes]),
      [
        ['s 1', {}],
        [' ', { 'otel.scope.version': '1' }],
      ],
    )
  })

  it('has no service where OTLP had no resource', () => {
    const [span] = readBatch({
      spans: [IDS],
      process: { service_name: 'OTLPResourceNoServiceName' },
    })
    assert.deepEqual(span?.resource, {})
  })

  it('keeps warnings where Jaeger keeps them', () => {
    const { attributes } = readSpan({ warnings: ['clock skew', 'ö'], tags: [{ key: 'k' }] })
    assert.deepEqual(attributes, { k: '', '@jaeger@warnings': ['clock skew', 'ö'] })
    const crowded = encodeJaeger('Span', { ...IDS, warnings: Array(1025).fill('') })
    assert.equal(bad(readJaegerSpan(crowded)).fault, 'too_large')
  })

  it('takes the zero time of Go as none, and negative durations as they are', () => {
    const never = readSpan({ start_time: { seconds: -62_135_596_800 } })
    assert.deepEqual([never.start, never.end], ['0', '0'])
    const back = readSpan({ start_time: { seconds: 10 }, duration: { seconds: -1, nanos: -5 } })
    assert.deepEqual([back.start, back.end], ['10000000000', '8999999995'])
    const late = encodeJaeger('Span', { ...IDS, start_time: { seconds: '9223372037' } })
    assert.equal(bad(readJaegerSpan(late)).fault, 'range')
    const later = encodeJaeger('Span', { ...IDS, start_time: { seconds: '9223372036854775807' } })
    assert.equal(bad(readJaegerSpan(later)).fault, 'range')
  })

  it('takes ids of 8 bytes for traces, and refuses other lengths', () => {
    assert.equal(readSpan({ trace_id: ID }).traceId, `${'0'.repeat(16)}1112131415161718`)
    for (const ids of [{ trace_id: Buffer.alloc(15) }, { span_id: Buffer.alloc(4) }]) {
      const fault = bad(
        readJaegerBatch(encodeJaeger('Batch', { spans: [IDS, { ...IDS, ...ids }] })),
      )
      assert.equal(fault.fault, 'value')
      assert.match(fault.message, /^spans\[1\]: expected an id of/)
    }
  })

  it('passes over fields that a process does not have, of every wire type', () => {
    // After a name: a varint, 4 bytes, 8 bytes, bytes; then a tag without anything.
    const fields = ['7001', '7501020304', '710102030405060708', '720101', '1200']
    for (const field of fields) {
      const process = Buffer.from(`0a0161${field}${field}`, 'hex')
      const span = encodeJaeger('Span', { ...IDS, operation_name: 'get' })
      const bytes = Buffer.concat([span, Buffer.from([0x52, process.length]), process])

      const [{ resource }] = plain(good(readJaegerSpan(bytes)))

      assert.equal(resource['service.name'], 'a')
    }
  })

  it('refuses fields that run past their end', () => {
    const bytes = encodeJaeger('Batch', { spans: [{ ...IDS, operation_name: 'get' }] })
    for (let end = 1; end < bytes.length; end++) {
      assert.equal(bad(readJaegerBatch(bytes.subarray(0, end))).fault, 'syntax')
    }
    assert.equal(good(readJaegerBatch(new Uint8Array(0))).length, 0)
  })
})
