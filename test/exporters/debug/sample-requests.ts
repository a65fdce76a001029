/** Requests with every field that the debug exporter prints, encoded by protobufjs from the schema. */
import protobuf from 'protobufjs/light.js'
import type { Signal } from '../../../src/core/signal.ts'
import { MESSAGES, REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'

const NANOS = '1767225600123456789'
const LATER = '1767225601500000000'

export function encodeRequest(signal: Signal, request: object): Uint8Array {
  const type = buildRoot().lookupType(REQUEST_MESSAGE[signal])
  return type.encode(type.fromObject(request)).finish()
}

function buildRoot(): protobuf.Root {
  const root = new protobuf.Root()
  for (const { name, fields } of MESSAGES.values()) {
    const type = new protobuf.Type(name)
    for (const { name: field, number, kind, type: ref, repeated } of fields) {
      const wire = kind === 'id' ? 'bytes' : kind === 'enum' ? 'int32' : ref || kind
      const rule = repeated ? 'repeated' : undefined
      type.add(new protobuf.Field(field, number, wire, rule))
    }
    root.add(type)
  }
  root.resolveAll()
  return root
}

function id(hex: string): Buffer {
  return Buffer.from(hex, 'hex')
}

function text(key: string, stringValue: string) {
  return { key, value: { stringValue } }
}

const TRACE_ID = id('0102030405060708090a0b0c0d0e0f10')
const SPAN_ID = id('1112131415161718')

const EVERY_VALUE = [
  text('text', 'a "b" <c>'),
  { key: 'yes', value: { boolValue: true } },
  { key: 'big', value: { intValue: '9007199254740993' } },
  { key: 'small', value: { doubleValue: 1e-7 } },
  { key: 'whole', value: { doubleValue: 3 } },
  { key: 'bytes', value: { bytesValue: Buffer.from('bytes') } },
  { key: 'list', value: { arrayValue: { values: [{ intValue: 1 }, { stringValue: 'x' }, {}] } } },
  { key: 'map', value: { kvlistValue: { values: [text('z', '1'), text('a', '2')] } } },
  { key: 'empty', value: {} },
  { key: 'absent' },
]

const RESOURCE = {
  attributes: [text('service.name', 'checkout'), ...EVERY_VALUE],
  entityRefs: [
    {
      type: 'service',
      schemaUrl: 'https://s',
      idKeys: ['service.name'],
      descriptionKeys: ['text'],
    },
  ],
}
const SCOPE = { name: 'shop', version: '1.2.3', attributes: [text('scope', 'yes')] }
const URLS = { schemaUrl: 'https://opentelemetry.io/schemas/1.38.0' }

const TRACES = {
  resourceSpans: [
    {
      ...URLS,
      resource: RESOURCE,
      scopeSpans: [
        {
          ...URLS,
          scope: SCOPE,
          spans: [
            {
              traceId: TRACE_ID,
              spanId: SPAN_ID,
              parentSpanId: id('2122232425262728'),
              traceState: 'ot=th:0',
              name: 'POST /checkout',
              kind: 2,
              startTimeUnixNano: NANOS,
              endTimeUnixNano: LATER,
              attributes: EVERY_VALUE,
              droppedAttributesCount: 1,
              events: [
                { name: 'retry', timeUnixNano: NANOS, attributes: [text('n', '1')] },
                { name: 'bare', timeUnixNano: LATER, droppedAttributesCount: 2 },
              ],
              droppedEventsCount: 3,
              links: [
                { traceId: TRACE_ID, spanId: SPAN_ID, attributes: [text('why', 'batch')] },
                { traceState: 'a=b', droppedAttributesCount: 4 },
              ],
              droppedLinksCount: 5,
              status: { code: 2, message: 'card refused' },
            },
            { name: 'nothing set' },
          ],
        },
      ],
    },
    { scopeSpans: [{ spans: [{ name: 'second resource', kind: 1, status: { code: 1 } }] }] },
  ],
}

const LOGS = {
  resourceLogs: [
    {
      resource: RESOURCE,
      scopeLogs: [
        {
          ...URLS,
          scope: SCOPE,
          logRecords: [
            {
              timeUnixNano: NANOS,
              observedTimeUnixNano: LATER,
              severityNumber: 9,
              severityText: 'INFO',
              body: { stringValue: 'first line\nsecond line' },
              attributes: EVERY_VALUE,
              traceId: TRACE_ID,
              spanId: SPAN_ID,
              flags: 1,
              eventName: 'order.placed',
            },
            { severityNumber: 24, body: { kvlistValue: { values: [text('k', 'v')] } } },
            {},
          ],
        },
      ],
    },
  ],
}

const POINT = { startTimeUnixNano: NANOS, timeUnixNano: LATER, attributes: [text('code', '200')] }
const EXEMPLARS = [
  {
    timeUnixNano: NANOS,
    asDouble: 0.25,
    traceId: TRACE_ID,
    spanId: SPAN_ID,
    filteredAttributes: [text('user', 'u1')],
  },
  { timeUnixNano: NANOS, asInt: 7 },
]
const SPREAD = { count: 5, sum: 99.573, min: 0.017, max: 8.13, exemplars: EXEMPLARS }

const METRICS = {
  resourceMetrics: [
    {
      resource: RESOURCE,
      scopeMetrics: [
        {
          scope: SCOPE,
          metrics: [
            {
              name: 'queue.depth',
              description: 'waiting',
              unit: '{message}',
              metadata: [text('origin', 'agent')],
              gauge: { dataPoints: [{ ...POINT, asInt: '-9007199254740993' }, { ...POINT }] },
            },
            {
              name: 'cpu',
              sum: {
                aggregationTemporality: 2,
                isMonotonic: true,
                dataPoints: [
                  { ...POINT, asDouble: 0.00001, exemplars: EXEMPLARS },
                  { ...POINT, asDouble: 1e21 },
                ],
              },
            },
            {
              name: 'duration',
              histogram: {
                aggregationTemporality: 1,
                dataPoints: [
                  {
                    ...POINT,
                    ...SPREAD,
                    explicitBounds: [0.125, 0.5, 1],
                    bucketCounts: [1, 2, 0, 2],
                  },
                  { ...POINT, count: 1 },
                ],
              },
            },
            {
              name: 'exponential',
              exponentialHistogram: {
                aggregationTemporality: 1,
                dataPoints: [
                  {
                    ...POINT,
                    ...SPREAD,
                    scale: 1,
                    zeroCount: 3,
                    positive: { offset: 1, bucketCounts: [40, 50] },
                    negative: { offset: -2, bucketCounts: [10, 20] },
                  },
                  { ...POINT, count: 0, scale: -1 },
                ],
              },
            },
            {
              name: 'summary',
              summary: {
                dataPoints: [
                  { ...POINT, count: 2, sum: 3.5, quantileValues: [{ quantile: 0.99, value: 15 }] },
                ],
              },
            },
            { name: 'empty' },
          ],
        },
      ],
    },
  ],
}

export const SAMPLES: Readonly<Record<Signal, Uint8Array>> = {
  traces: encodeRequest('traces', TRACES),
  metrics: encodeRequest('metrics', METRICS),
  logs: encodeRequest('logs', LOGS),
}
