/** An invented application instrumented with the real OpenTelemetry JS SDK: traces, metrics and logs by one of the three OTLP exporters. */
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { SeverityNumber } from '@opentelemetry/api-logs'
import { OTLPLogExporter as GrpcLogs } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtoLogs } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as GrpcMetrics } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtoMetrics } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as GrpcTraces } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchLogRecordProcessor,
  LoggerProvider,
  type LogRecordExporter,
} from '@opentelemetry/sdk-logs'
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'

export type SdkProtocol = 'grpc' | 'http/protobuf' | 'http/json'

interface Exporters {
  readonly traces: SpanExporter
  readonly metrics: PushMetricExporter
  readonly logs: LogRecordExporter
}

/** Requests that the application pretends to serve each second. */
const REQUESTS_PER_SECOND = 40

export class SdkApp {
  readonly #traces: BasicTracerProvider
  readonly #metrics: MeterProvider
  readonly #logs: LoggerProvider
  readonly #timer: NodeJS.Timeout
  spans = 0
  logRecords = 0

  constructor(protocol: SdkProtocol, grpc: string, http: string) {
    const resource = resourceFromAttributes({
      'service.name': `demo-${protocol.replace('/', '-')}`,
      'service.version': '1.0.0',
    })
    const exporters = createExporters(protocol, grpc, http)
    const quick = { scheduledDelayMillis: 500 }
    this.#traces = new BasicTracerProvider({
      resource,
      spanProcessors: [new BatchSpanProcessor(exporters.traces, quick)],
    })
    const reader = new PeriodicExportingMetricReader({
      exporter: exporters.metrics,
      exportIntervalMillis: 1000,
      exportTimeoutMillis: 1000,
    })
    this.#metrics = new MeterProvider({ resource, readers: [reader] })
    this.#logs = new LoggerProvider({
      resource,
      processors: [new BatchLogRecordProcessor({ exporter: exporters.logs, ...quick })],
    })
    const meter = this.#metrics.getMeter('demo')
    const duration = meter.createHistogram('http.server.request.duration', { unit: 's' })
    const active = meter.createUpDownCounter('http.server.active_requests')
    this.#timer = setInterval(() => {
      active.add(1)
      const seconds = this.#serveOne()
      duration.record(seconds, { 'http.request.method': 'GET', 'http.route': '/items/:id' })
      active.add(-1)
    }, 1000 / REQUESTS_PER_SECOND)
  }

  /** Sends what is left. Everything made was handed to an exporter when this resolves. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#metrics.shutdown()
    await Promise.all([this.#traces.shutdown(), this.#logs.shutdown()])
  }

  /** One request: a server span with two client spans below it and a log record. */
  #serveOne(): number {
    const tracer = this.#traces.getTracer('demo', '1.0.0')
    const seconds = 0.005 + Math.random() * 0.05
    const failed = Math.random() < 0.02
    const startTime = Date.now() - seconds * 1000
    const server = tracer.startSpan('GET /items/:id', {
      kind: SpanKind.SERVER,
      startTime,
      attributes: { 'http.request.method': 'GET', 'http.route': '/items/:id' },
    })
    const inside = trace.setSpan(context.active(), server)
    for (const name of ['SELECT items', 'GET cache']) {
      const client = tracer.startSpan(name, { kind: SpanKind.CLIENT, startTime }, inside)
      client.addEvent('answered', { 'db.response.returned_rows': 3 })
      client.end()
    }
    if (failed) server.setStatus({ code: SpanStatusCode.ERROR, message: 'no such item' })
    server.end()
    this.#logs.getLogger('demo').emit({
      context: inside,
      severityNumber: failed ? SeverityNumber.ERROR : SeverityNumber.INFO,
      severityText: failed ? 'ERROR' : 'INFO',
      body: failed ? 'no such item' : 'item served',
      attributes: { 'item.id': Math.floor(Math.random() * 1000) },
    })
    this.spans += 3
    this.logRecords += 1
    return seconds
  }
}

function createExporters(protocol: SdkProtocol, grpc: string, http: string): Exporters {
  if (protocol === 'grpc') {
    const options = { url: `http://${grpc}` }
    return {
      traces: new GrpcTraces(options),
      metrics: new GrpcMetrics(options),
      logs: new GrpcLogs(options),
    }
  }
  const url = (signal: string) => ({ url: `http://${http}/v1/${signal}` })
  return protocol === 'http/json'
    ? {
        traces: new JsonTraces(url('traces')),
        metrics: new JsonMetrics(url('metrics')),
        logs: new JsonLogs(url('logs')),
      }
    : {
        traces: new ProtoTraces(url('traces')),
        metrics: new ProtoMetrics(url('metrics')),
        logs: new ProtoLogs(url('logs')),
      }
}
