/**
 * The OTLP messages as data, from the published specification (opentelemetry-proto 1.11): field numbers, JSON names and types.
 * The validator's tables, the JSON codec and the printers are made from this one place.
 */
import type { Signal } from './signal.ts'

/** How a field is written: scalar kinds by protobuf name; `id` is bytes that JSON writes as hex. */
export type FieldKind =
  | 'string'
  | 'bytes'
  | 'id'
  | 'bool'
  | 'int32'
  | 'sint32'
  | 'uint32'
  | 'fixed32'
  | 'int64'
  | 'uint64'
  | 'fixed64'
  | 'sfixed64'
  | 'double'
  | 'enum'
  | 'message'

export interface Field {
  readonly number: number
  /** lowerCamelCase, as in JSON. */
  readonly name: string
  readonly kind: FieldKind
  readonly repeated: boolean
  /** Of kind `message`: which. Of kind `enum`: which. */
  readonly type: string
  /** Presence counts, even of a default value: a member of the message's oneof, or `optional`. */
  readonly oneof: boolean
  /** Declared `optional` in proto3: presence counts, but unlike a oneof's member it stands beside the others. */
  readonly optional: boolean
}

export interface Message {
  readonly name: string
  readonly fields: readonly Field[]
}

/** `number name kind [type]`; a leading `*` on the kind means repeated, `|` means member of a oneof, `?` proto3 optional. */
const SOURCE: Readonly<Record<string, readonly string[]>> = {
  TracesRequest: ['1 resourceSpans *message ResourceSpans'],
  ResourceSpans: [
    '1 resource message Resource',
    '2 scopeSpans *message ScopeSpans',
    '3 schemaUrl string',
  ],
  ScopeSpans: ['1 scope message Scope', '2 spans *message Span', '3 schemaUrl string'],
  Span: [
    '1 traceId id',
    '2 spanId id',
    '3 traceState string',
    '4 parentSpanId id',
    '5 name string',
    '6 kind enum SpanKind',
    '7 startTimeUnixNano fixed64',
    '8 endTimeUnixNano fixed64',
    '9 attributes *message KeyValue',
    '10 droppedAttributesCount uint32',
    '11 events *message Event',
    '12 droppedEventsCount uint32',
    '13 links *message Link',
    '14 droppedLinksCount uint32',
    '15 status message Status',
    '16 flags fixed32',
  ],
  Event: [
    '1 timeUnixNano fixed64',
    '2 name string',
    '3 attributes *message KeyValue',
    '4 droppedAttributesCount uint32',
  ],
  Link: [
    '1 traceId id',
    '2 spanId id',
    '3 traceState string',
    '4 attributes *message KeyValue',
    '5 droppedAttributesCount uint32',
    '6 flags fixed32',
  ],
  Status: ['2 message string', '3 code enum StatusCode'],

  MetricsRequest: ['1 resourceMetrics *message ResourceMetrics'],
  ResourceMetrics: [
    '1 resource message Resource',
    '2 scopeMetrics *message ScopeMetrics',
    '3 schemaUrl string',
  ],
  ScopeMetrics: ['1 scope message Scope', '2 metrics *message Metric', '3 schemaUrl string'],
  Metric: [
    '1 name string',
    '2 description string',
    '3 unit string',
    '5 gauge |message Gauge',
    '7 sum |message Sum',
    '9 histogram |message Histogram',
    '10 exponentialHistogram |message ExponentialHistogram',
    '11 summary |message Summary',
    '12 metadata *message KeyValue',
  ],
  Gauge: ['1 dataPoints *message NumberDataPoint'],
  Sum: [
    '1 dataPoints *message NumberDataPoint',
    '2 aggregationTemporality enum AggregationTemporality',
    '3 isMonotonic bool',
  ],
  Histogram: [
    '1 dataPoints *message HistogramDataPoint',
    '2 aggregationTemporality enum AggregationTemporality',
  ],
  ExponentialHistogram: [
    '1 dataPoints *message ExponentialHistogramDataPoint',
    '2 aggregationTemporality enum AggregationTemporality',
  ],
  Summary: ['1 dataPoints *message SummaryDataPoint'],
  NumberDataPoint: [
    '2 startTimeUnixNano fixed64',
    '3 timeUnixNano fixed64',
    '4 asDouble |double',
    '5 exemplars *message Exemplar',
    '6 asInt |sfixed64',
    '7 attributes *message KeyValue',
    '8 flags uint32',
  ],
  HistogramDataPoint: [
    '2 startTimeUnixNano fixed64',
    '3 timeUnixNano fixed64',
    '4 count fixed64',
    '5 sum ?double',
    '6 bucketCounts *fixed64',
    '7 explicitBounds *double',
    '8 exemplars *message Exemplar',
    '9 attributes *message KeyValue',
    '10 flags uint32',
    '11 min ?double',
    '12 max ?double',
  ],
  ExponentialHistogramDataPoint: [
    '1 attributes *message KeyValue',
    '2 startTimeUnixNano fixed64',
    '3 timeUnixNano fixed64',
    '4 count fixed64',
    '5 sum ?double',
    '6 scale sint32',
    '7 zeroCount fixed64',
    '8 positive message Buckets',
    '9 negative message Buckets',
    '10 flags uint32',
    '11 exemplars *message Exemplar',
    '12 min ?double',
    '13 max ?double',
    '14 zeroThreshold double',
  ],
  Buckets: ['1 offset sint32', '2 bucketCounts *uint64'],
  SummaryDataPoint: [
    '2 startTimeUnixNano fixed64',
    '3 timeUnixNano fixed64',
    '4 count fixed64',
    '5 sum double',
    '6 quantileValues *message ValueAtQuantile',
    '7 attributes *message KeyValue',
    '8 flags uint32',
  ],
  ValueAtQuantile: ['1 quantile double', '2 value double'],
  Exemplar: [
    '2 timeUnixNano fixed64',
    '3 asDouble |double',
    '4 spanId id',
    '5 traceId id',
    '6 asInt |sfixed64',
    '7 filteredAttributes *message KeyValue',
  ],

  LogsRequest: ['1 resourceLogs *message ResourceLogs'],
  ResourceLogs: [
    '1 resource message Resource',
    '2 scopeLogs *message ScopeLogs',
    '3 schemaUrl string',
  ],
  ScopeLogs: ['1 scope message Scope', '2 logRecords *message LogRecord', '3 schemaUrl string'],
  LogRecord: [
    '1 timeUnixNano fixed64',
    '2 severityNumber enum SeverityNumber',
    '3 severityText string',
    '5 body message AnyValue',
    '6 attributes *message KeyValue',
    '7 droppedAttributesCount uint32',
    '8 flags fixed32',
    '9 traceId id',
    '10 spanId id',
    '11 observedTimeUnixNano fixed64',
    '12 eventName string',
  ],

  Resource: [
    '1 attributes *message KeyValue',
    '2 droppedAttributesCount uint32',
    '3 entityRefs *message EntityRef',
  ],
  EntityRef: [
    '1 schemaUrl string',
    '2 type string',
    '3 idKeys *string',
    '4 descriptionKeys *string',
  ],
  Scope: [
    '1 name string',
    '2 version string',
    '3 attributes *message KeyValue',
    '4 droppedAttributesCount uint32',
  ],
  KeyValue: ['1 key string', '2 value message AnyValue', '3 keyStrindex int32'],
  AnyValue: [
    '1 stringValue |string',
    '2 boolValue |bool',
    '3 intValue |int64',
    '4 doubleValue |double',
    '5 arrayValue |message ArrayValue',
    '6 kvlistValue |message KeyValueList',
    '7 bytesValue |bytes',
    '8 stringValueStrindex |int32',
  ],
  ArrayValue: ['1 values *message AnyValue'],
  KeyValueList: ['1 values *message KeyValue'],
}

/** Enum names, for lenient reading of JSON; writers always emit numbers. */
export const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  SpanKind: {
    SPAN_KIND_UNSPECIFIED: 0,
    SPAN_KIND_INTERNAL: 1,
    SPAN_KIND_SERVER: 2,
    SPAN_KIND_CLIENT: 3,
    SPAN_KIND_PRODUCER: 4,
    SPAN_KIND_CONSUMER: 5,
  },
  StatusCode: { STATUS_CODE_UNSET: 0, STATUS_CODE_OK: 1, STATUS_CODE_ERROR: 2 },
  AggregationTemporality: {
    AGGREGATION_TEMPORALITY_UNSPECIFIED: 0,
    AGGREGATION_TEMPORALITY_DELTA: 1,
    AGGREGATION_TEMPORALITY_CUMULATIVE: 2,
  },
  SeverityNumber: Object.fromEntries([
    ['SEVERITY_NUMBER_UNSPECIFIED', 0],
    ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((level, i) =>
      ['', '2', '3', '4'].map((step, j) => [`SEVERITY_NUMBER_${level}${step}`, i * 4 + j + 1]),
    ),
  ]),
}

/** By message name. */
export const MESSAGES: ReadonlyMap<string, Message> = new Map(
  Object.entries(SOURCE).map(([name, fields]) => [name, { name, fields: fields.map(parseField) }]),
)

/** The export request message of each signal. */
export const REQUEST_MESSAGE: Readonly<Record<Signal, string>> = {
  traces: 'TracesRequest',
  metrics: 'MetricsRequest',
  logs: 'LogsRequest',
}

function parseField(text: string): Field {
  const [number, name, marked, type = ''] = text.split(' ')
  const mark = /^[*|?]/.exec(marked)?.[0] ?? ''
  return {
    number: Number(number),
    name,
    kind: marked.slice(mark.length) as FieldKind,
    repeated: mark === '*',
    type,
    oneof: mark === '|' || mark === '?',
    optional: mark === '?',
  }
}
