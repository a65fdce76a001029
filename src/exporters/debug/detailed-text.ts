/** Verbosity `detailed`: every field of every item, in the collector's words. */
import type { Signal } from '../../core/signal.ts'
import { hex, pushAttributes, timestamp, typedValue } from './go-text.ts'
import type {
  Item,
  LogRecord,
  Metric,
  Request,
  Resource,
  Scope,
  Span,
  SpanEvent,
  SpanLink,
} from './messages.ts'
import { pushMetric } from './metric-text.ts'

/** What the first two levels are called; logs say `ResourceLog` but `ScopeLogs`, as the collector does. */
const NOUNS: Readonly<Record<Signal, readonly [string, string, string]>> = {
  traces: ['ResourceSpans', 'ScopeSpans', 'Span'],
  metrics: ['ResourceMetrics', 'ScopeMetrics', 'Metric'],
  logs: ['ResourceLog', 'ScopeLogs', 'LogRecord'],
}

const SPAN_KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer']
const STATUS_CODES = ['Unset', 'Ok', 'Error']
const SEVERITY_LEVELS = ['Trace', 'Debug', 'Info', 'Warn', 'Error', 'Fatal']

export function detailedText<S extends Signal>(signal: S, request: Request<S>): string {
  const [resourceNoun, scopeNoun, itemNoun] = NOUNS[signal]
  const lines: string[] = []
  request.forEach(({ resource, schemaUrl, scopes }, i) => {
    lines.push(`${resourceNoun} #${i}`, `Resource SchemaURL: ${schemaUrl}`)
    pushResource(lines, resource)
    scopes.forEach(({ scope, schemaUrl: scopeUrl, items }, j) => {
      lines.push(`${scopeNoun} #${j}`, `${scopeNoun} SchemaURL: ${scopeUrl}`)
      pushScope(lines, scope)
      items.forEach((item, k) => {
        lines.push(`${itemNoun} #${k}`)
        pushItem(lines, signal, item)
      })
    })
  })
  return lines.map(line => `${line}\n`).join('')
}

function pushItem<S extends Signal>(lines: string[], signal: S, item: Item[S]): void {
  if (signal === 'traces') pushSpan(lines, item as Span)
  else if (signal === 'logs') pushLogRecord(lines, item as LogRecord)
  else pushMetric(lines, item as Metric)
}

function pushResource(lines: string[], resource: Resource | null): void {
  if (resource === null) return
  pushAttributes(lines, 'Resource attributes', resource.attributes)
  if (resource.entityRefs.length === 0) return
  lines.push('Resource entity refs:')
  resource.entityRefs.forEach((ref, i) => {
    lines.push(`     -> Entity ref #${i}:`, `          -> Type: ${ref.type}`)
    if (ref.schemaUrl !== '') lines.push(`          -> Schema URL: ${ref.schemaUrl}`)
    pushKeys(lines, 'ID keys', ref.idKeys)
    pushKeys(lines, 'Description keys', ref.descriptionKeys)
  })
}

function pushKeys(lines: string[], header: string, keys: readonly string[]): void {
  if (keys.length === 0) return
  lines.push(`          -> ${header}:`)
  for (const key of keys) lines.push(`               -> ${key}`)
}

function pushScope(lines: string[], scope: Scope | null): void {
  lines.push(`InstrumentationScope ${scope?.name ?? ''} ${scope?.version ?? ''}`)
  pushAttributes(lines, 'InstrumentationScope attributes', scope?.attributes ?? [])
}

function pushSpan(lines: string[], span: Span): void {
  const field = (name: string, value: string | number) =>
    lines.push(`    ${name.padEnd(15)}: ${value}`)
  field('Trace ID', hex(span.traceId))
  field('Parent ID', hex(span.parentSpanId))
  field('ID', hex(span.spanId))
  field('Name', span.name)
  field('Kind', SPAN_KINDS[span.kind] ?? '')
  if (span.traceState !== '') field('TraceState', span.traceState)
  field('Start time', timestamp(span.startTimeUnixNano))
  field('End time', timestamp(span.endTimeUnixNano))
  field('Status code', STATUS_CODES[span.status?.code ?? 0] ?? '')
  field('Status message', span.status?.message ?? '')
  field('DroppedAttributesCount', span.droppedAttributesCount)
  field('DroppedEventsCount', span.droppedEventsCount)
  field('DroppedLinksCount', span.droppedLinksCount)
  pushAttributes(lines, 'Attributes', span.attributes)
  if (span.events.length > 0) lines.push('Events:')
  span.events.forEach((event, i) => {
    pushEvent(lines, event, i)
  })
  if (span.links.length > 0) lines.push('Links:')
  span.links.forEach((link, i) => {
    pushLink(lines, link, i)
  })
}

function pushEvent(lines: string[], event: SpanEvent, i: number): void {
  lines.push(
    `SpanEvent #${i}`,
    `     -> Name: ${event.name}`,
    `     -> Timestamp: ${timestamp(event.timeUnixNano)}`,
    `     -> DroppedAttributesCount: ${event.droppedAttributesCount}`,
  )
  // The second colon is the collector's; people compare the two texts.
  pushAttributes(lines, '     -> Attributes:', event.attributes, '     ')
}

function pushLink(lines: string[], link: SpanLink, i: number): void {
  lines.push(
    `SpanLink #${i}`,
    `     -> Trace ID: ${hex(link.traceId)}`,
    `     -> ID: ${hex(link.spanId)}`,
    `     -> TraceState: ${link.traceState}`,
    `     -> DroppedAttributesCount: ${link.droppedAttributesCount}`,
  )
  pushAttributes(lines, '     -> Attributes:', link.attributes, '     ')
}

function pushLogRecord(lines: string[], record: LogRecord): void {
  lines.push(
    `ObservedTimestamp: ${timestamp(record.observedTimeUnixNano)}`,
    `Timestamp: ${timestamp(record.timeUnixNano)}`,
    `SeverityText: ${record.severityText}`,
    `SeverityNumber: ${severityName(record.severityNumber)}(${record.severityNumber})`,
  )
  if (record.eventName !== '') lines.push(`EventName: ${record.eventName}`)
  lines.push(`Body: ${typedValue(record.body)}`)
  pushAttributes(lines, 'Attributes', record.attributes)
  lines.push(
    `Trace ID: ${hex(record.traceId)}`,
    `Span ID: ${hex(record.spanId)}`,
    `Flags: ${record.flags}`,
  )
}

function severityName(severity: number): string {
  if (severity === 0) return 'Unspecified'
  const level = SEVERITY_LEVELS[(severity - 1) >> 2]
  if (level === undefined) return ''
  const step = (severity - 1) & 3
  return step === 0 ? level : `${level}${step + 1}`
}
