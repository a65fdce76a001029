/**
 * OTLP messages as objects, for printing only: protobufjs types built from `otlp/schema.ts`. Apart from the exporter so that
 * protobufjs is loaded only by a configuration that prints more than counts.
 */
import protobuf from 'protobufjs/light.js'
import type { Signal } from '../../core/signal.ts'
import { ENUMS, type Field, MESSAGES, REQUEST_MESSAGE } from '../../otlp/schema.ts'

/** 64-bit integers as protobufjs gives them; printed by `String()`, exact. */
export type Integer = { toString(): string; toNumber(): number }

/** An absent field is an empty list. */
export type Bytes = Uint8Array | readonly number[]

export interface AnyValue {
  readonly stringValue: string
  readonly boolValue: boolean
  readonly intValue: Integer
  readonly doubleValue: number
  readonly arrayValue: { readonly values: readonly AnyValue[] }
  readonly kvlistValue: { readonly values: readonly KeyValue[] }
  readonly bytesValue: Bytes
}

/** A message that is absent is null; scalars have their default. */
export interface KeyValue {
  readonly key: string
  readonly value: AnyValue | null
}

export interface EntityRef {
  readonly schemaUrl: string
  readonly type: string
  readonly idKeys: readonly string[]
  readonly descriptionKeys: readonly string[]
}

export interface Resource {
  readonly attributes: readonly KeyValue[]
  readonly entityRefs: readonly EntityRef[]
}

export interface Scope {
  readonly name: string
  readonly version: string
  readonly attributes: readonly KeyValue[]
}

export interface ResourceGroup<S> {
  readonly resource: Resource | null
  readonly schemaUrl: string
  readonly scopes: readonly S[]
}

export interface SpanEvent {
  readonly timeUnixNano: Integer
  readonly name: string
  readonly attributes: readonly KeyValue[]
  readonly droppedAttributesCount: number
}

export interface SpanLink {
  readonly traceId: Bytes
  readonly spanId: Bytes
  readonly traceState: string
  readonly attributes: readonly KeyValue[]
  readonly droppedAttributesCount: number
}

export interface Span {
  readonly traceId: Bytes
  readonly spanId: Bytes
  readonly parentSpanId: Bytes
  readonly traceState: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: Integer
  readonly endTimeUnixNano: Integer
  readonly attributes: readonly KeyValue[]
  readonly droppedAttributesCount: number
  readonly events: readonly SpanEvent[]
  readonly droppedEventsCount: number
  readonly links: readonly SpanLink[]
  readonly droppedLinksCount: number
  readonly status: { readonly code: number; readonly message: string } | null
}

export interface LogRecord {
  readonly timeUnixNano: Integer
  readonly observedTimeUnixNano: Integer
  readonly severityNumber: number
  readonly severityText: string
  readonly body: AnyValue | null
  readonly attributes: readonly KeyValue[]
  readonly flags: number
  readonly traceId: Bytes
  readonly spanId: Bytes
  readonly eventName: string
}

export interface Exemplar {
  readonly timeUnixNano: Integer
  readonly asDouble: number
  readonly asInt: Integer
  readonly traceId: Bytes
  readonly spanId: Bytes
  readonly filteredAttributes: readonly KeyValue[]
}

interface Point {
  readonly startTimeUnixNano: Integer
  readonly timeUnixNano: Integer
  readonly attributes: readonly KeyValue[]
}

export interface NumberPoint extends Point {
  readonly asDouble: number
  readonly asInt: Integer
  readonly exemplars: readonly Exemplar[]
}

/** What both kinds of histogram share; `sum`, `min` and `max` may be absent (see `isPresent`). */
export interface DistributionPoint extends Point {
  readonly count: Integer
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly exemplars: readonly Exemplar[]
}

export interface HistogramPoint extends DistributionPoint {
  readonly bucketCounts: readonly Integer[]
  readonly explicitBounds: readonly number[]
}

export interface Buckets {
  readonly offset: number
  readonly bucketCounts: readonly Integer[]
}

export interface ExponentialPoint extends DistributionPoint {
  readonly scale: number
  readonly zeroCount: Integer
  readonly positive: Buckets | null
  readonly negative: Buckets | null
}

export interface SummaryPoint extends Point {
  readonly count: Integer
  readonly sum: number
  readonly quantileValues: readonly { readonly quantile: number; readonly value: number }[]
}

export interface Metric {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly metadata: readonly KeyValue[]
  readonly gauge: { readonly dataPoints: readonly NumberPoint[] }
  readonly sum: {
    readonly dataPoints: readonly NumberPoint[]
    readonly aggregationTemporality: number
    readonly isMonotonic: boolean
  }
  readonly histogram: {
    readonly dataPoints: readonly HistogramPoint[]
    readonly aggregationTemporality: number
  }
  readonly exponentialHistogram: {
    readonly dataPoints: readonly ExponentialPoint[]
    readonly aggregationTemporality: number
  }
  readonly summary: { readonly dataPoints: readonly SummaryPoint[] }
}

export interface ScopeGroup<I> {
  readonly scope: Scope | null
  readonly schemaUrl: string
  readonly items: readonly I[]
}

export interface Item {
  readonly traces: Span
  readonly metrics: Metric
  readonly logs: LogRecord
}

/** A request with the same three levels for every signal. */
export type Request<S extends Signal> = readonly ResourceGroup<ScopeGroup<Item[S]>>[]

/** Whether a field that may be absent was on the wire; defaults live on the prototype. */
export function isPresent(message: object, field: string): boolean {
  return Object.hasOwn(message, field)
}

/** Where a request of the signal keeps its three levels. */
const LEVELS: Readonly<Record<Signal, readonly [string, string, string]>> = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
}

let types: protobuf.Root | undefined

/** Throws what protobufjs throws: on bytes that are not OTLP, or nested deeper than it allows. */
export function decodeRequest<S extends Signal>(signal: S, bytes: Uint8Array): Request<S> {
  types ??= buildTypes()
  const request = types.lookupType(REQUEST_MESSAGE[signal]).decode(bytes) as unknown as Levels
  const [resources, scopes, items] = LEVELS[signal]
  return (request[resources] as Levels[]).map(group => ({
    resource: group.resource as Resource | null,
    schemaUrl: group.schemaUrl as string,
    scopes: (group[scopes] as Levels[]).map(inner => ({
      scope: inner.scope as Scope | null,
      schemaUrl: inner.schemaUrl as string,
      items: inner[items] as Item[S][],
    })),
  }))
}

type Levels = Readonly<Record<string, unknown>>

function buildTypes(): protobuf.Root {
  const root = new protobuf.Root()
  for (const [name, values] of Object.entries(ENUMS)) root.add(new protobuf.Enum(name, values))
  for (const { name, fields } of MESSAGES.values()) {
    const type = new protobuf.Type(name)
    for (const field of fields) type.add(buildField(field))
    root.add(type)
  }
  root.resolveAll()
  return root
}

function buildField(field: Field): protobuf.Field {
  const type = field.type || (field.kind === 'id' ? 'bytes' : field.kind)
  return new protobuf.Field(field.name, field.number, type, field.repeated ? 'repeated' : undefined)
}
