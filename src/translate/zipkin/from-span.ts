/**
 * An OTLP span as Zipkin has it, before it is written in one of its formats: one object that moves from span to span.
 * Mapping: https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/zipkin/ and the generic one beside it; resource,
 * links and trace state, which it leaves open, as the Go collector has them.
 */
import type { AttributesView } from '../../otlp/attributes-view.ts'
import type { RequestView } from '../../otlp/request-view.ts'
import type { EventView, SpanView } from '../../otlp/traces-view.ts'
import { mapJson, valueText } from '../value-text.ts'
import { findRemote, HOST_KEYS, type Host, takeLocal } from './hosts.ts'
import { LINK_PREFIX } from './tags.ts'

/** What stands for a service without a name, and where a name is taken from then; upstream's order. */
export const UNKNOWN_SERVICE = 'unknown_service'
const OTHER_NAMES = ['faas.name', 'k8s.deployment.name', 'process.executable.name']

const KINDS = ['', '', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']
const INTERNAL = 1
const ERROR = 2
const STATUS = ['', 'OK', 'ERROR']

const NO_TAGS: ReadonlyMap<string, string> = new Map()

/** Keys that are looked for among all tags of a span, or put there, beside those of hosts and links. */
const OWN_KEYS: ReadonlySet<string> = new Set([
  ...HOST_KEYS,
  'error',
  'http.response.status_code',
  'http.status_code',
  'otel.dropped_attributes_count',
  'otel.dropped_events_count',
  'otel.dropped_links_count',
  'otel.status_code',
  'otel.zipkin.absentField.startTime',
  'otel.zipkin.debug',
  'otel.zipkin.shared',
  'span.kind',
  'w3c.tracestate',
])

const START_ABSENT = 'otel.zipkin.absentField.startTime'

export class ZipkinSpan {
  /** Hexadecimal; the trace's has 16 digits where the upper half is zero. */
  traceId = ''
  id = ''
  parentId = ''
  name = ''
  /** Empty where Zipkin has no such kind. */
  kind = ''
  /** Microseconds; 0 = absent. */
  timestamp = 0n
  duration = 0n
  shared = false
  debug = false
  readonly local: Host = { service: '', ip: '', port: 0 }
  readonly remote: Host = { service: '', ip: '', port: 0 }
  /** As many as `annotations` says. */
  readonly times: bigint[] = []
  readonly values: string[] = []
  annotations = 0
  readonly tags = new Map<string, string>()
  /** Tags out of resource and scope, to be written before `tags`; empty where they are merged into these. */
  common: ReadonlyMap<string, string> = NO_TAGS
  /** Grows whenever `common` may be others than before. */
  origin = 0
  /** What a service without a name is called. */
  unnamedService = UNKNOWN_SERVICE

  /** Of the resource and scope in which the spans stand. */
  #service = ''
  readonly #common = new Map<string, string>()
  /** No tag of them takes part in anything else. */
  #isPlain = false

  /** Resource and scope have changed. */
  moveOrigin(view: RequestView): void {
    const tags = this.#common
    tags.clear()
    this.origin++
    putAll(tags, view.resource.attributes)
    this.#service = takeService(tags) || this.unnamedService
    putAll(tags, view.scope.attributes)
    if (view.scope.name !== '') tags.set('otel.scope.name', view.scope.name)
    if (view.scope.version !== '') tags.set('otel.scope.version', view.scope.version)
    this.#isPlain = [...tags.keys()].every(isPlainKey)
  }

  /** Reads a span; false when it has no ids that Zipkin could know it by. */
  move(span: SpanView): boolean {
    const { tags } = this
    this.id = span.spanId
    this.traceId = span.traceId
    this.parentId = span.parentSpanId
    if (!isId(this.traceId, 32) || !isId(this.id, 16)) return false
    if (this.traceId.startsWith('0000000000000000')) this.traceId = this.traceId.slice(16)
    if (!isId(this.parentId, 16)) this.parentId = ''
    this.name = span.name
    this.kind = KINDS[span.kind] ?? ''
    this.#times(span)
    tags.clear()
    if (this.#isPlain && putApart(tags, span.attributes, this.#common)) this.common = this.#common
    else {
      this.common = NO_TAGS
      tags.clear()
      for (const [key, text] of this.#common) tags.set(key, text)
      putAll(tags, span.attributes)
    }
    this.#ownTags(span)
    takeLocal(tags, this.#service, this.local)
    findRemote(tags, this.kind, this.remote)
    this.#events(span)
    this.#links(span)
    this.#status(span)
    return true
  }

  #times(span: SpanView): void {
    const start = span.startTimeUnixNano
    const end = span.endTimeUnixNano
    this.timestamp = toMicros(start)
    const nanos = end - start
    // Clocks that ran backwards leave no duration; less than a microsecond is one.
    if (nanos <= 0n) this.duration = 0n
    else this.duration = nanos < 1000n ? 1n : toMicros(nanos)
    if (this.timestamp + this.duration > MAX_MICROS) this.duration = MAX_MICROS - this.timestamp
  }

  #ownTags(span: SpanView): void {
    const { tags } = this
    if (this.timestamp === 0n) tags.delete(START_ABSENT)
    this.shared = takeFlag(tags, 'otel.zipkin.shared')
    this.debug = takeFlag(tags, 'otel.zipkin.debug')
    if (span.traceState !== '') tags.set('w3c.tracestate', span.traceState)
    if (span.kind === INTERNAL) tags.set('span.kind', 'internal')
    putCount(tags, 'otel.dropped_attributes_count', span.droppedAttributesCount)
    putCount(tags, 'otel.dropped_events_count', span.droppedEventsCount)
    putCount(tags, 'otel.dropped_links_count', span.droppedLinksCount)
    const code = tags.get('http.response.status_code')
    if (code !== undefined && !tags.has('http.status_code')) tags.set('http.status_code', code)
  }

  #events(span: SpanView): void {
    const { events } = span
    let count = 0
    events.rewind()
    while (events.next()) {
      const time = toMicros(events.current.timeUnixNano)
      // Zipkin refuses a whole message for an annotation without a time.
      this.times[count] = time === 0n ? this.timestamp || 1n : time
      this.values[count++] = eventText(events.current)
    }
    this.annotations = count
  }

  #links(span: SpanView): void {
    const { links } = span
    links.rewind()
    for (let i = 0; links.next(); i++) {
      const link = links.current
      const attributes = mapJson(link.attributes.toMap())
      const text = `${link.traceId}|${link.spanId}|${link.traceState}|${attributes}|${link.droppedAttributesCount}`
      this.tags.set(`${LINK_PREFIX}${i}`, text)
    }
  }

  /** The description is the tag `error`; without one an attribute of that name may stay, which says more than nothing. */
  #status(span: SpanView): void {
    const { tags } = this
    const code = span.statusCode
    const before = tags.get('error')
    tags.delete('error')
    if (code !== ERROR && code !== 1) return
    tags.set('otel.status_code', STATUS[code])
    if (code !== ERROR) return
    const message = span.statusMessage
    const kept = before === undefined || before === 'false' || before === 'true' ? '' : before
    tags.set('error', message === '' ? kept : message)
  }
}

/** Whole microseconds that OTLP's nanoseconds have room for. */
const MAX_MICROS = 18_446_744_073_709_551n

/** Rounded to the nearest that OTLP can hold again. */
function toMicros(nanos: bigint): bigint {
  const micros = (nanos + 500n) / 1000n
  return micros > MAX_MICROS ? MAX_MICROS : micros
}

function isId(id: string, digits: number): boolean {
  return id.length === digits && /[^0]/.test(id)
}

/** Of a key that occurs twice the last one counts, and what is nearer to the span. */
function putAll(tags: Map<string, string>, attributes: AttributesView): void {
  attributes.rewind()
  while (attributes.next()) tags.set(attributes.key, valueText(attributes.value))
}

/** The same, as long as none of the keys is among the `others`; else false. */
function putApart(
  tags: Map<string, string>,
  attributes: AttributesView,
  others: ReadonlyMap<string, string>,
): boolean {
  attributes.rewind()
  while (attributes.next()) {
    const { key } = attributes
    if (others.has(key)) return false
    tags.set(key, valueText(attributes.value))
  }
  return true
}

function isPlainKey(key: string): boolean {
  return !OWN_KEYS.has(key) && !key.startsWith(LINK_PREFIX)
}

function putCount(tags: Map<string, string>, key: string, count: number): void {
  if (count > 0) tags.set(key, String(count))
}

function takeFlag(tags: Map<string, string>, key: string): boolean {
  if (tags.get(key) !== 'true') return false
  return tags.delete(key)
}

function takeService(tags: Map<string, string>): string {
  const name = tags.get('service.name')
  if (name !== undefined && name !== '') {
    tags.delete('service.name')
    return name
  }
  for (const key of OTHER_NAMES) {
    const other = tags.get(key)
    if (other === undefined || other === '') continue
    tags.delete(key)
    tags.set('otlp.service.name.source', key)
    return other
  }
  return ''
}

/** `"name": {"key":"value"}`, the name alone when there are no attributes. */
function eventText(event: EventView): string {
  const attributes = event.attributes.toMap() as Map<string, string | bigint>
  const dropped = event.droppedAttributesCount
  if (attributes.size === 0 && dropped === 0) return event.name
  if (dropped > 0) attributes.set('otel.dropped_attributes_count', BigInt(dropped))
  return `${JSON.stringify(event.name)}: ${mapJson(attributes)}`
}
