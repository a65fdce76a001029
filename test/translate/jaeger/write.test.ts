import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readJaegerBatchJson, readJaegerSpanJson } from '../../../src/translate/jaeger/json.ts'
import {
  readJaegerBatch,
  readJaegerRequest,
  readJaegerSpan,
} from '../../../src/translate/jaeger/proto.ts'
import {
  writeJaegerBatches,
  writeJaegerRequests,
  writeJaegerSpans,
  writeJaegerSpansJson,
} from '../../../src/translate/jaeger/write.ts'
import { encode } from '../../otlp/oracle.ts'
import { decodeJaeger } from './oracle.ts'
import { good, plain } from './plain.ts'

const TRACE = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex')
const ID = Buffer.from('1112131415161718', 'hex')
const PARENT = Buffer.from('2122232425262728', 'hex')
const LINKED = Buffer.concat([PARENT, PARENT])

function requestOf(span: object, resource?: object, scope?: object): Uint8Array {
  const one = { traceId: TRACE, spanId: ID, ...span }
  const scopeSpans = [{ scope, spans: [one] }]
  return encode('TracesRequest', { resourceSpans: [{ resource, scopeSpans }] })
}

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever shape the message has
function written(request: Uint8Array): any {
  const [batch] = writeJaegerBatches(request)
  return decodeJaeger('Batch', batch ?? new Uint8Array(0))
}

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever shape the message has
function tagsOf(list: any[] = []): Record<string, unknown> {
  return Object.fromEntries(
    list.map(tag => [
      tag.key,
      tag.v_str ?? tag.v_int64 ?? tag.v_bool ?? tag.v_float64 ?? tag.v_binary,
    ]),
  )
}

function text(key: string, stringValue: string): object {
  return { key, value: { stringValue } }
}

const FULL = requestOf(
  {
    parentSpanId: PARENT,
    traceState: 'a=1',
    name: 'get',
    kind: 3,
    flags: 1,
    startTimeUnixNano: '1485467191639875001',
    endTimeUnixNano: '1485467191662813000',
    droppedAttributesCount: 4,
    droppedEventsCount: 5,
    droppedLinksCount: 6,
    status: { code: 2, message: 'broken' },
    attributes: [
      text('s', 'ö'),
      { key: 'i', value: { intValue: '-5' } },
      { key: 'zero', value: { intValue: '0' } },
      { key: 'f', value: { doubleValue: 0.25 } },
      { key: 'b', value: { boolValue: true } },
      { key: 'no', value: { boolValue: false } },
      { key: 'x', value: { bytesValue: Buffer.from([0, 255]) } },
      { key: '@jaeger@warnings', value: { arrayValue: { values: [{ stringValue: 'w' }] } } },
    ],
    events: [
      { timeUnixNano: '1485467191639875002', name: 'e', attributes: [text('k', 'v')] },
      { timeUnixNano: '1485467191639875003' },
    ],
    links: [
      { traceId: LINKED, spanId: ID, attributes: [text('opentracing.ref_type', 'follows_from')] },
      { traceId: TRACE, spanId: ID, attributes: [text('opentracing.ref_type', 'child_of')] },
    ],
  },
  { attributes: [text('service.name', 'api'), text('host.name', 'h')] },
  { name: 'lib', version: '1' },
)

describe('OTLP as Jaeger', () => {
  it('comes back the same from every form', () => {
    const request = requestOf(
      {
        kind: 1,
        name: 'n',
        parentSpanId: PARENT,
        status: { code: 1 },
        links: [
          {
            traceId: LINKED,
            spanId: ID,
            attributes: [text('opentracing.ref_type', 'follows_from')],
          },
        ],
      },
      { attributes: [text('service.name', 'api')] },
    )
    for (const original of [FULL, request]) {
      const expected = plain(original)
      assert.deepEqual(
        writeJaegerBatches(original).flatMap(b => plain(good(readJaegerBatch(b)))),
        expected,
      )
      assert.deepEqual(
        writeJaegerRequests(original).flatMap(b => plain(good(readJaegerRequest(b)))),
        expected,
      )
      for (const { value, traceId } of writeJaegerSpans(original)) {
        assert.equal(traceId, TRACE.toString('hex'))
        assert.deepEqual(plain(good(readJaegerSpan(value))), expected)
      }
      for (const { value } of writeJaegerSpansJson(original)) {
        assert.deepEqual(plain(good(readJaegerSpanJson(value))), expected)
        const batch = Buffer.from(`{"spans":[${Buffer.from(value).toString()}]}`)
        assert.deepEqual(plain(good(readJaegerBatchJson(batch))), expected)
      }
    }
  })

  it('is what another reader of protobuf expects', () => {
    const { spans, process } = written(FULL)
    const [span] = spans
    assert.equal(process.service_name, 'api')
    assert.deepEqual(tagsOf(process.tags), { 'host.name': 'h' })
    assert.deepEqual([span.trace_id, span.span_id], [TRACE, ID])
    assert.deepEqual(span.start_time, { seconds: '1485467191', nanos: 639_875_001 })
    assert.deepEqual(span.duration, { nanos: 22_937_999 })
    assert.equal(span.flags, 1)
    assert.deepEqual(span.warnings, ['w'])
    assert.deepEqual(
      span.references.map((ref: { ref_type?: number }) => ref.ref_type ?? 0),
      [0, 1, 0],
    )
    assert.deepEqual(tagsOf(span.tags), {
      'otel.scope.name': 'lib',
      'otel.scope.version': '1',
      s: 'ö',
      i: '-5',
      zero: undefined,
      f: 0.25,
      b: true,
      no: undefined,
      x: Buffer.from([0, 255]),
      'span.kind': 'client',
      'otel.status_code': 'ERROR',
      error: true,
      'otel.status_description': 'broken',
      'w3c.tracestate': 'a=1',
      'otel.dropped_attributes_count': '4',
      'otel.dropped_events_count': '5',
      'otel.dropped_links_count': '6',
    })
    assert.deepEqual(tagsOf(span.logs[0].fields), { event: 'e', k: 'v' })
  })

  it('writes JSON as Jaeger does: camel case, names of enums, no defaults', () => {
    const [message] = writeJaegerSpansJson(
      requestOf(
        {
          name: 'n',
          startTimeUnixNano: '10',
          endTimeUnixNano: '20',
          attributes: [{ key: 'i', value: { intValue: '7' } }],
        },
        { attributes: [text('service.name', 'api')] },
      ),
    )
    assert.equal(
      Buffer.from(message?.value ?? []).toString(),
      '{"traceId":"AQIDBAUGBwgJCgsMDQ4PEA==","spanId":"ERITFBUWFxg=","operationName":"n",' +
        '"startTime":"1970-01-01T00:00:00.000000010Z","duration":"0.000000010s",' +
        '"tags":[{"key":"i","vType":"INT64","vInt64":"7"}],"process":{"serviceName":"api"}}',
    )
  })

  it('makes JSON text of lists and maps, with keys in order', () => {
    const values = [
      { stringValue: 'a"' },
      { intValue: '9007199254740993' },
      { doubleValue: 1.5 },
      {},
    ]
    const map = [
      { key: 'z', value: { boolValue: true } },
      { key: 'b', value: { bytesValue: Buffer.from([1]) } },
    ]
    const { spans } = written(
      requestOf({
        attributes: [
          { key: 'list', value: { arrayValue: { values } } },
          { key: 'map', value: { kvlistValue: { values: map } } },
          { key: 'none' },
        ],
      }),
    )
    assert.deepEqual(tagsOf(spans[0].tags), {
      list: '["a\\"",9007199254740993,1.5,null]',
      map: '{"b":"AQ==","z":true}',
      none: undefined,
    })
  })

  it('tells no description of a status without a code', () => {
    const { spans } = written(requestOf({ status: { message: 'm' } }))
    assert.deepEqual(spans[0].tags ?? [], [])
  })

  it('says how the parent is one when a link to it does', () => {
    const link = {
      traceId: TRACE,
      spanId: PARENT,
      attributes: [text('opentracing.ref_type', 'follows_from')],
    }
    const { spans } = written(requestOf({ parentSpanId: PARENT, links: [link] }))
    assert.deepEqual(spans[0].references, [{ trace_id: TRACE, span_id: PARENT, ref_type: 1 }])
  })

  it('keeps an event attribute named event instead of the name', () => {
    const events = [{ name: 'n', attributes: [text('event', 'own')] }]
    const { spans } = written(requestOf({ events }))
    assert.deepEqual(tagsOf(spans[0].logs[0].fields), { event: 'own' })
  })

  it('names no service where there is no resource, and makes one batch for each', () => {
    const scopeSpans = [{ spans: [{ traceId: TRACE, spanId: ID }] }]
    const request = encode('TracesRequest', {
      resourceSpans: [
        { scopeSpans },
        {},
        { resource: { attributes: [text('k', 'v')] }, scopeSpans },
      ],
    })
    const batches = writeJaegerBatches(request).map(bytes => decodeJaeger('Batch', bytes))
    assert.deepEqual(
      batches.map(({ process }) => process.service_name ?? ''),
      ['OTLPResourceNoServiceName', ''],
    )
    assert.deepEqual(writeJaegerBatches(new Uint8Array(0)), [])
  })

  it('writes spans that end before they start', () => {
    const { spans } = written(
      requestOf({ startTimeUnixNano: '3000000000', endTimeUnixNano: '1500000000' }),
    )
    assert.deepEqual(spans[0].duration, { seconds: '-1', nanos: -500_000_000 })
    const [json] = writeJaegerSpansJson(
      requestOf({ startTimeUnixNano: '3000000000', endTimeUnixNano: '1500000000' }),
    )
    assert.match(Buffer.from(json?.value ?? []).toString(), /"duration":"-1.500s"/)
  })
})
