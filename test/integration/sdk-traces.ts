/** Traces of the JavaScript SDK that use all that its API offers, and what it was told about each span. */
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'

const KINDS = [
  SpanKind.INTERNAL,
  SpanKind.SERVER,
  SpanKind.CLIENT,
  SpanKind.PRODUCER,
  SpanKind.CONSUMER,
]
const ATTRIBUTES: Attributes = {
  text: 'grüße "x"\n',
  empty: '',
  whole: 42,
  negative: -7,
  fraction: 0.25,
  yes: true,
  no: false,
  texts: ['a', 'b'],
  numbers: [1, 2, 3],
}

/**
 * Sends traces of two services to all of the URLs (OTLP/HTTP); the spans as the SDK has them. The next service's spans have
 * the ones of the first as parents.
 */
export async function sendSdkTraces(
  urls: readonly string[],
  traces: number,
): Promise<ReadableSpan[]> {
  const kept = new InMemorySpanExporter()
  const providers = ['front', 'back'].map(service => {
    const exporters = urls.map(url => new BatchSpanProcessor(new OTLPTraceExporter({ url })))
    return new BasicTracerProvider({
      resource: resourceFromAttributes({
        'service.name': `sdk-${service}`,
        'service.version': '1.2.3',
        replicas: 3,
      }),
      spanProcessors: [...exporters, new SimpleSpanProcessor(kept)],
    })
  })
  const [front, back] = providers.map(provider => provider.getTracer('sdk-traces', '0.1'))
  let before: Span | null = null
  for (let n = 0; n < traces; n++) {
    const links = before === null ? [] : [{ context: before.spanContext() }]
    const root: Span = front.startSpan(
      `request ${n}`,
      { kind: SpanKind.SERVER, attributes: { n }, links },
      ROOT_CONTEXT,
    )
    for (const [i, kind] of KINDS.entries()) {
      const tracer = i % 2 === 0 ? front : back
      const child = tracer.startSpan(`step ${i}`, { kind, attributes: ATTRIBUTES }, within(root))
      const grandchild = back.startSpan('leaf', {}, within(child))
      grandchild.addEvent('cache miss', { key: 'k', size: 12 })
      grandchild.addEvent('plain')
      grandchild.end()
      if (i === 1) child.setStatus({ code: SpanStatusCode.ERROR, message: 'went wrong' })
      if (i === 2) child.setStatus({ code: SpanStatusCode.OK })
      if (i === 3) child.recordException(new TypeError('no such thing'))
      child.end()
    }
    root.end()
    before = root
  }
  for (const provider of providers) await provider.forceFlush()
  const spans = kept.getFinishedSpans()
  for (const provider of providers) await provider.shutdown()
  return spans.slice()
}

function within(span: Span): Context {
  return trace.setSpan(ROOT_CONTEXT, span)
}
