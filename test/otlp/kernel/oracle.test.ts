/** The kernel against implementations that share no code with it: protobufjs, and what the OpenTelemetry JS SDK sends. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { SeverityNumber } from '@opentelemetry/api-logs'
import {
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
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
import fc from 'fast-check'
import { corpusRequest } from '../../../bench/corpus/requests.ts'
import { indexRequest } from '../../../src/otlp/kernel/kernel.ts'
import { isWireFault, type RequestIndex, ROW } from '../../../src/otlp/request-index.ts'
import { REQUEST_MESSAGE } from '../../../src/otlp/schema.ts'
import { SIGNALS } from '../../../src/otlp/signal.ts'
import { decode } from '../oracle.ts'
import { randomRequest } from './random-request.ts'

test('takes random requests that protobufjs can decode', () => {
  fc.assert(
    fc.property(fc.constantFrom(...SIGNALS), fc.nat(), (signal, seed) => {
      const { bytes } = randomRequest(signal, seed, { plain: true })

      assert.ok(!isWireFault(indexRequest(signal, bytes)))
      assert.doesNotThrow(() => decode(REQUEST_MESSAGE[signal], bytes))
    }),
    { numRuns: 1500 },
  )
})

test('finds as many items as protobufjs', () => {
  const traces = decode('TracesRequest', corpusRequest('traces', { items: 33 }))
  const logs = decode('LogsRequest', corpusRequest('logs', { items: 34 }))
  const metrics = decode('MetricsRequest', corpusRequest('metrics', { items: 35 }))
  const points = metrics.resourceMetrics[0].scopeMetrics[0].metrics.flatMap(
    // biome-ignore lint/suspicious/noExplicitAny: whichever member of the oneof is there
    (metric: any) =>
      (
        metric.gauge ??
        metric.sum ??
        metric.histogram ??
        metric.exponentialHistogram ??
        metric.summary
      ).dataPoints,
  )

  const items = SIGNALS.map((signal, i) =>
    rowCounts(indexRequest(signal, corpusRequest(signal, { items: [33, 35, 34][i] }))).at(-1),
  )

  assert.equal(items[0], traces.resourceSpans[0].scopeSpans[0].spans.length)
  assert.equal(items[1], points.length)
  assert.equal(items[2], logs.resourceLogs[0].scopeLogs[0].logRecords.length)
})

test('finds the spans that the SDK serialized', () => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  for (const scope of ['a', 'b']) {
    const tracer = provider.getTracer(scope, '1.0')
    for (let i = 0; i < 7; i++) {
      const attributes = { text: 'größe', whole: i, half: i / 2, list: ['a', 'b'], yes: true }
      tracer.startSpan(`span ${i}`, { attributes, kind: 2 }).addEvent('e', { n: i }).end()
    }
  }

  const bytes = ProtobufTraceSerializer.serializeRequest(exporter.getFinishedSpans())!

  assert.deepEqual(rowCounts(indexRequest('traces', bytes)), [1, 2, 14])
})

test('finds the log records that the SDK serialized', () => {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] })
  const logger = provider.getLogger('a')
  for (let i = 0; i < 9; i++) {
    const body = i % 2 === 0 ? 'a line of text' : { nested: { list: [1, 'two', 3.5] } }
    logger.emit({ body, severityNumber: SeverityNumber.WARN, attributes: { i } })
  }

  const bytes = ProtobufLogsSerializer.serializeRequest(exporter.getFinishedLogRecords())!

  assert.deepEqual(rowCounts(indexRequest('logs', bytes)), [1, 1, 9])
})

test('finds the data points that the SDK serialized', async t => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const views = [
    {
      instrumentName: 'sizes',
      aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } as const,
    },
  ]
  const provider = new MeterProvider({ readers: [reader], views })
  t.after(() => provider.shutdown())
  const meter = provider.getMeter('a')
  const sizes = meter.createHistogram('sizes')
  const times = meter.createHistogram('times')
  for (let i = 0; i < 40; i++) {
    meter.createCounter('calls').add(1, { shard: i % 4 })
    sizes.record(i * 100)
    times.record(i, { route: i % 2 })
  }
  await provider.forceFlush()

  const bytes = ProtobufMetricsSerializer.serializeRequest(exporter.getMetrics()[0])!

  assert.deepEqual(rowCounts(indexRequest('metrics', bytes)), [1, 1, 3, 3, 7])
})

function rowCounts(result: ReturnType<typeof indexRequest>): number[] {
  assert.ok(!isWireFault(result), JSON.stringify(result))
  return (result as RequestIndex).levels.map(rows => rows.length / ROW)
}
