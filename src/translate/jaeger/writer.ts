/**
 * OTLP as Jaeger's protobuf, by https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/ and
 * https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/. What the readers make of it again is what was there,
 * but for attributes of scopes and links, which Jaeger has no place for.
 */
import { KeyValueCursor, readAnyValue } from '../../otlp/any-value.ts'
import { SpanView } from '../../otlp/traces-view.ts'
import {
  BYTES,
  equalsText,
  FieldCursor,
  readDouble,
  readString,
  readVarint32,
  readVarint64,
} from '../../otlp/wire-reader.ts'
import { Writer } from '../../otlp/wire-writer.ts'
import { valueJson } from '../value-text.ts'
import { BINARY, BOOL, FLOAT64, INT64 } from './tag-sink.ts'
import * as T from './tags.ts'

const NO_BYTES = new Uint8Array(0)
const GIGA = 1_000_000_000n
const SAMPLED = 1

/** Names of Jaeger's tag for the kind, by number. */
const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer']
const STATUSES = ['', 'OK', 'ERROR']

/** Field numbers of Jaeger's Span. */
const TAGS = 8
const LOGS = 9
const PROCESS = 10
const WARNINGS = 12

const CHILD_OF = 0
const FOLLOWS_FROM = 1

/** Writes spans one by one; `process` is that of the resource begun last. */
export class SpanWriter {
  /** Content of the Process message. */
  process: Uint8Array = NO_BYTES
  readonly span = new SpanView()
  readonly #out = new Writer(4096)
  readonly #field = new FieldCursor()
  readonly #pair = new KeyValueCursor()
  readonly #value = new FieldCursor()
  #bytes: Uint8Array = NO_BYTES
  #scopeName = ''
  #scopeVersion = ''
  #hasWarnings = false

  /** Begins a resource, whose content this is. */
  beginResource(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes
    const out = this.#out.reset()
    const service = this.#service(start, end)
    if (service !== '') out.string(1, service)
    const field = this.#field
    field.reset(bytes, start, end)
    while (field.next()) {
      if (field.number !== 1 || field.wire !== BYTES) continue
      this.#pair.reset(bytes, field.start, field.end)
      if (!this.#isKey(T.SERVICE_KEY)) this.#attribute(2)
    }
    this.process = out.finish()
  }

  /** The service's name; that of no service when there are no attributes at all. */
  #service(start: number, end: number): string {
    const field = this.#field
    field.reset(this.#bytes, start, end)
    let hasAny = false
    while (field.next()) {
      if (field.number !== 1 || field.wire !== BYTES) continue
      hasAny = true
      this.#pair.reset(this.#bytes, field.start, field.end)
      if (!this.#isKey(T.SERVICE_KEY)) continue
      const value = this.#pair.value()
      return typeof value === 'string' ? value : ''
    }
    return hasAny ? '' : T.NO_SERVICE
  }

  /** Begins a scope, whose content this is. */
  beginScope(bytes: Uint8Array, start: number, end: number): void {
    this.#scopeName = this.#scopeVersion = ''
    const field = this.#field
    field.reset(bytes, start, end)
    while (field.next()) {
      if (field.number === 1) this.#scopeName = readString(bytes, field.start, field.end)
      else if (field.number === 2) this.#scopeVersion = readString(bytes, field.start, field.end)
    }
  }

  /** Content of the Span message; its process is inside when `isAlone`. */
  write(bytes: Uint8Array, start: number, end: number, isAlone: boolean): Uint8Array {
    this.#bytes = bytes
    const { span } = this
    const out = this.#out.reset()
    span.reset(bytes, start, end)
    const trace = idBytes(span.traceId, 16)
    out.bytes(1, trace)
    out.bytes(2, idBytes(span.spanId, 8))
    const { name } = span
    if (name !== '') out.string(3, name)
    this.#references(trace)
    if ((span.flags & SAMPLED) !== 0) out.varint(5, SAMPLED)
    time(out, 6, span.startTimeUnixNano)
    time(out, 7, span.endTimeUnixNano - span.startTimeUnixNano)
    this.#tags(start, end)
    this.#logs()
    if (isAlone) out.bytes(PROCESS, this.process)
    if (this.#hasWarnings) this.#warnings()
    return out.finish()
  }

  /** The parent comes first, where backends look for it; a link to it only says what kind of parent it is. */
  #references(trace: Uint8Array): void {
    const { span } = this
    const { traceId, parentSpanId: parent, links } = span
    let type = CHILD_OF
    if (parent !== '') {
      links.rewind()
      while (links.next()) {
        const link = links.current
        if (link.traceId === traceId && link.spanId === parent) type = linkType(link)
      }
      this.#reference(trace, idBytes(parent, 8), type)
    }
    links.rewind()
    while (links.next()) {
      const link = links.current
      if (parent !== '' && link.traceId === traceId && link.spanId === parent) continue
      this.#reference(idBytes(link.traceId, 16), idBytes(link.spanId, 8), linkType(link))
    }
  }

  #reference(trace: Uint8Array, span: Uint8Array, type: number): void {
    const out = this.#out.begin(4).bytes(1, trace).bytes(2, span)
    if (type !== CHILD_OF) out.varint(3, type)
    out.end()
  }

  #tags(start: number, end: number): void {
    const { span } = this
    this.#hasWarnings = false
    if (this.#scopeName !== '') this.#text('otel.scope.name', this.#scopeName)
    if (this.#scopeVersion !== '') this.#text('otel.scope.version', this.#scopeVersion)
    const field = this.#field
    field.reset(this.#bytes, start, end)
    while (field.next()) {
      if (field.number !== 9 || field.wire !== BYTES) continue
      this.#pair.reset(this.#bytes, field.start, field.end)
      if (this.#isKey(T.WARNINGS_KEY) && Array.isArray(this.#pair.value())) this.#hasWarnings = true
      else this.#attribute(TAGS)
    }
    const kind = KINDS[span.kind] ?? ''
    if (kind !== '') this.#text('span.kind', kind)
    const status = STATUSES[span.statusCode] ?? ''
    if (status !== '') this.#text('otel.status_code', status)
    if (status === 'ERROR') {
      this.#out.begin(TAGS).string(1, 'error').varint(2, BOOL).varint(4, 1).end()
    }
    const { statusMessage, traceState } = span
    // A description without a code must not be told, says the specification.
    if (status !== '' && statusMessage !== '') this.#text('otel.status_description', statusMessage)
    if (traceState !== '') this.#text('w3c.tracestate', traceState)
    this.#count('otel.dropped_attributes_count', span.droppedAttributesCount)
    this.#count('otel.dropped_events_count', span.droppedEventsCount)
    this.#count('otel.dropped_links_count', span.droppedLinksCount)
  }

  #text(key: string, text: string): void {
    this.#out.begin(TAGS).string(1, key).string(3, text).end()
  }

  #count(key: string, count: number): void {
    if (count > 0) this.#out.begin(TAGS).string(1, key).varint(2, INT64).varint(5, count).end()
  }

  #isKey(key: string): boolean {
    return equalsText(this.#bytes, this.#pair.keyStart, this.#pair.keyEnd, key)
  }

  // hot: bench/micro/jaeger.ts
  /** Writes the attribute at the pair as a KeyValue field; default values are left out, as protobuf does. */
  #attribute(number: number): void {
    const pair = this.#pair
    this.#out.begin(number).bytes(1, this.#bytes.subarray(pair.keyStart, pair.keyEnd))
    this.#attributeValue()
    this.#out.end()
  }

  #attributeValue(): void {
    const bytes = this.#bytes
    const pair = this.#pair
    const out = this.#out
    const value = this.#value
    value.reset(bytes, pair.valueStart, pair.valueEnd)
    let member = 0
    let start = 0
    let end = 0
    while (value.next()) {
      if (value.number > 7) continue
      member = value.number
      start = value.start
      end = value.end
    }
    if (member === 1) {
      if (end > start) out.bytes(3, bytes.subarray(start, end))
    } else if (member === 2) {
      out.varint(2, BOOL)
      if (readVarint32(bytes, start) !== 0) out.varint(4, 1)
    } else if (member === 3) {
      const int = readVarint64(bytes, start)
      out.varint(2, INT64)
      if (int !== 0n) out.varint64(5, int)
    } else if (member === 4) {
      const double = readDouble(bytes, start)
      out.varint(2, FLOAT64)
      if (!Object.is(double, 0)) out.double(6, double)
    } else if (member === 7) {
      out.varint(2, BINARY)
      if (end > start) out.bytes(7, bytes.subarray(start, end))
    } else if (member !== 0) {
      out.string(3, valueJson(readAnyValue(bytes, pair.valueStart, pair.valueEnd)))
    }
  }

  #logs(): void {
    const { events } = this.span
    events.rewind()
    while (events.next()) {
      const event = events.current
      const out = this.#out.begin(LOGS)
      time(out, 1, event.timeUnixNano)
      const { name } = event
      if (name !== '' && !event.attributes.find('event')) {
        out.begin(2).string(1, 'event').string(3, name).end()
      }
      const { attributes } = event
      attributes.rewind()
      while (attributes.next()) {
        this.#pairAt(attributes.fieldStart, attributes.fieldEnd)
        this.#attribute(2)
      }
      out.end()
    }
  }

  /** Goes to the KeyValue that is the field `start..end`. */
  #pairAt(start: number, end: number): void {
    const field = this.#field
    field.reset(this.#bytes, start, end)
    field.next()
    this.#pair.reset(this.#bytes, field.start, field.end)
  }

  #warnings(): void {
    const value = this.span.attributes.get(T.WARNINGS_KEY)
    if (!Array.isArray(value)) return
    for (const warning of value) {
      this.#out.string(WARNINGS, typeof warning === 'string' ? warning : valueJson(warning))
    }
  }
}

function linkType(link: SpanView['links']['current']): number {
  return link.attributes.hasText(T.REF_TYPE_KEY, T.CHILD_OF) ? CHILD_OF : FOLLOWS_FROM
}

/** A Timestamp or Duration; what is zero is left out inside. */
function time(out: Writer, number: number, nanos: bigint): void {
  out.begin(number)
  const seconds = nanos / GIGA
  const rest = Number(nanos % GIGA)
  if (seconds !== 0n) out.varint64(1, seconds)
  if (rest !== 0) out.varint64(2, BigInt(rest))
  out.end()
}

/** An id in hexadecimal as bytes of that length; one of another length is zero. */
function idBytes(hex: string, length: number): Uint8Array {
  return hex.length === 2 * length ? Buffer.from(hex, 'hex') : new Uint8Array(length)
}
