/** The JSON of OpenTelemetry's own JavaScript serializers means the same as their protobuf. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import { SeverityNumber } from '@opentelemetry/api-logs'
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from '@opentelemetry/sdk-logs'
import {
  AggregationTemporality,
  AggregationType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { isJsonFault } from '../../../src/otlp/json/fault.ts'
import { REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'
import type { Signal } from '../../../src/otlp/signal.ts'
import { decode } from '../oracle.ts'
import { withoutDefaults } from './models.ts'

const resource = resourceFromAttributes({ 'service.name': 'shop', ints: [1, 2 ** 40], mixed: true })

test('traces of the SDK', () => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  })
  const tracer = provider.getTracer('lib', '1.0')
  const link = { traceId: 'aB'.repeat(16), spanId: '0c'.repeat(8), traceFlags: TraceFlags.SAMPLED }
  const span = tracer.startSpan('GET /', {
    kind: SpanKind.SERVER,
    links: [{ context: link, attributes: { n: -1.5 } }],
    attributes: { text: 'é😀"\\', whole: 3, big: 2 ** 53, yes: false, list: ['a', 'b'], empty: '' },
  })
  span.addEvent('event', { at: 'once' }).setStatus({ code: SpanStatusCode.ERROR, message: 'no' })
  span.end()
  tracer.startSpan('').end()

  const spans = exporter.getFinishedSpans()
  same(
    'traces',
    JsonTraceSerializer.serializeRequest(spans),
    ProtobufTraceSerializer.serializeRequest(spans),
  )
})

test('logs of the SDK', () => {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({
    resource,
    processors: [new SimpleLogRecordProcessor({ exporter })],
  })
  const logger = provider.getLogger('lib')
  logger.emit({
    body: 'text',
    severityNumber: SeverityNumber.ERROR,
    severityText: 'ERROR',
    eventName: 'e',
  })
  logger.emit({
    body: { map: { deep: [1, 'two', null, { x: 0.5 }] }, bytes: new Uint8Array([1, 255]) },
  })

  const records = exporter.getFinishedLogRecords()
  same(
    'logs',
    JsonLogsSerializer.serializeRequest(records),
    ProtobufLogsSerializer.serializeRequest(records),
  )
})

test('metrics of the SDK', async t => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({
    resource,
    readers: [reader],
    views: [
      { instrumentName: 'exp', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } },
    ],
  })
  t.after(() => provider.shutdown())
  const meter = provider.getMeter('lib')
  meter.createCounter('counter').add(3, { a: 1 })
  meter.createUpDownCounter('down').add(-2.5)
  meter.createGauge('zero').record(0)
  meter.createHistogram('histogram').record(12.5)
  const exponential = meter.createHistogram('exp')
  for (const x of [0, 0.001, 7, 1e9]) exponential.record(x)
  await reader.forceFlush()

  const [metrics] = exporter.getMetrics()
  same(
    'metrics',
    JsonMetricsSerializer.serializeRequest(metrics),
    ProtobufMetricsSerializer.serializeRequest(metrics),
  )
})

function same(
  signal: Signal,
  json: Uint8Array | undefined,
  protobuf: Uint8Array | undefined,
): void {
  assert.ok(json && protobuf)
  const bytes = decodeJson(signal, json)
  if (isJsonFault(bytes)) assert.fail(bytes.message)
  const name = REQUEST_MESSAGE[signal]
  assert.deepEqual(decode(name, bytes), withoutDefaults(name, decode(name, protobuf)))
}
