/** Items of a request as values in the short notation: what expectations are held against, and what people are shown. */
import type { AnyValue } from '../../../otlp/any-value.ts'
import type { AttributesView } from '../../../otlp/attributes-view.ts'
import { LogsView } from '../../../otlp/logs-view.ts'
import { MetricsView, type PointView } from '../../../otlp/metrics-view.ts'
import type { RequestIndex } from '../../../otlp/request-index.ts'
import type { RequestView } from '../../../otlp/request-view.ts'
import { TracesView } from '../../../otlp/traces-view.ts'
import { SPAN_KINDS } from './schema.ts'
import { severityName } from './severity.ts'

type Fields = Map<string, AnyValue>

/** One item with what is around it. Keys are those of the short notation. */
export interface DescribedItem {
  readonly kind: 'span' | 'log' | 'metric'
  readonly resource: Fields
  readonly scope: Fields
  /** Of a data point: those of its metric, and its own. */
  readonly fields: Fields
  readonly attributes: Fields
  /** For headlines: span or metric name, start of a log body. */
  readonly title: string
}

const STATUS_CODES = ['UNSET', 'OK', 'ERROR']
const TEMPORALITIES = ['unspecified', 'delta', 'cumulative']
const MAX_TITLE = 80

export class ItemReader {
  readonly #traces = new TracesView()
  readonly #logs = new LogsView()
  readonly #metrics = new MetricsView()

  read(bytes: Uint8Array, index: RequestIndex, item: number): DescribedItem {
    if (index.signal === 'traces') return this.#span(bytes, index, item)
    return index.signal === 'logs' ? this.#log(bytes, index, item) : this.#point(bytes, index, item)
  }

  #span(bytes: Uint8Array, index: RequestIndex, item: number): DescribedItem {
    const view = this.#traces
    view.reset(bytes, index)
    const span = view.moveTo(item)
    const attributes = span.attributes.toMap()
    const fields: Fields = new Map<string, AnyValue>([
      ['name', span.name],
      ['kind', SPAN_KINDS[span.kind] ?? String(span.kind)],
      [
        'status',
        new Map([
          ['code', STATUS_CODES[span.statusCode] ?? String(span.statusCode)],
          ['message', span.statusMessage],
        ]),
      ],
      ['attributes', attributes],
      ['trace_id', span.traceId],
      ['span_id', span.spanId],
      ['parent_span_id', span.parentSpanId],
      ['trace_state', span.traceState],
      ['flags', BigInt(span.flags)],
      ['start', span.startTimeUnixNano],
      ['duration', `${span.durationNano / 1e6}ms`],
      ['events', eventsOf(span)],
      ['links', linksOf(span)],
    ])
    return { kind: 'span', ...around(view), fields, attributes, title: cut(span.name) }
  }

  #log(bytes: Uint8Array, index: RequestIndex, item: number): DescribedItem {
    const view = this.#logs
    view.reset(bytes, index)
    const record = view.moveTo(item)
    const attributes = record.attributes.toMap()
    const { body } = record
    const fields: Fields = new Map<string, AnyValue>([
      ['body', body],
      ['severity', severityName(record.severityNumber)],
      ['severity_text', record.severityText],
      ['event_name', record.eventName],
      ['attributes', attributes],
      ['trace_id', record.traceId],
      ['span_id', record.spanId],
      ['flags', BigInt(record.flags)],
      ['time', record.timeUnixNano],
    ])
    const title = cut(typeof body === 'string' ? body : record.eventName)
    return { kind: 'log', ...around(view), fields, attributes, title }
  }

  #point(bytes: Uint8Array, index: RequestIndex, item: number): DescribedItem {
    const view = this.#metrics
    view.reset(bytes, index)
    const point = view.moveTo(item)
    const { metric } = view
    const attributes = point.attributes.toMap()
    const fields: Fields = new Map<string, AnyValue>([
      ['name', metric.name],
      ['description', metric.description],
      ['unit', metric.unit],
      ['type', metric.kind],
      ['temporality', TEMPORALITIES[metric.temporality] ?? String(metric.temporality)],
      ['monotonic', metric.isMonotonic],
      ['attributes', attributes],
      ['time', point.timeUnixNano],
      ['start', point.startTimeUnixNano],
      ['flags', BigInt(point.flags)],
      ...pointFields(point),
    ])
    return { kind: 'metric', ...around(view), fields, attributes, title: cut(metric.name) }
  }
}

function around({ resource, scope }: RequestView): Pick<DescribedItem, 'resource' | 'scope'> {
  return {
    resource: resource.attributes.toMap(),
    scope: new Map<string, AnyValue>([
      ['name', scope.name],
      ['version', scope.version],
      ['attributes', scope.attributes.toMap()],
      ['schema_url', scope.schemaUrl],
    ]),
  }
}

function eventsOf(span: TracesView['span']): AnyValue[] {
  const found: AnyValue[] = []
  const { events } = span
  events.rewind()
  while (events.next()) {
    const { name, timeUnixNano, attributes } = events.current
    found.push(described({ name, time: timeUnixNano }, attributes))
  }
  return found
}

function linksOf(span: TracesView['span']): AnyValue[] {
  const found: AnyValue[] = []
  const { links } = span
  links.rewind()
  while (links.next()) {
    const { traceId, spanId, traceState, attributes } = links.current
    found.push(
      described({ trace_id: traceId, span_id: spanId, trace_state: traceState }, attributes),
    )
  }
  return found
}

function described(fields: Readonly<Record<string, AnyValue>>, attributes: AttributesView): Fields {
  return new Map<string, AnyValue>([...Object.entries(fields), ['attributes', attributes.toMap()]])
}

function pointFields(point: PointView): [string, AnyValue][] {
  if (point.kind === 'number') return [['value', point.value]]
  const fields: [string, AnyValue][] = [
    ['count', point.count],
    ['sum', point.sum ?? null],
  ]
  if (point.kind === 'histogram') {
    fields.push(['bounds', point.explicitBounds], ['buckets', point.bucketCounts])
    fields.push(['min', point.min ?? null], ['max', point.max ?? null])
  } else if (point.kind === 'exponential_histogram') {
    fields.push(['scale', BigInt(point.scale)], ['zero_count', point.zeroCount])
  }
  return fields
}

function cut(title: string): string {
  const line = title.replace(/\s+/g, ' ')
  return line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE - 1)}…` : line
}
