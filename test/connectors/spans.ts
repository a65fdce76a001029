/** One-line spans for connectors that make metrics, and those metrics as lines of text. */
import type { Json } from './json-batch.ts'

export const START_NANOS = 1_700_000_000_000_000_000n

export interface SpanFacts {
  readonly name?: string
  readonly kind?: number
  readonly status?: number
  /** Milliseconds. */
  readonly ms?: number
  readonly trace?: number
  readonly id?: number
  readonly parent?: number
  readonly state?: string
  readonly attributes?: Readonly<Record<string, Json>>
  readonly events?: readonly Readonly<Record<string, Json>>[]
}

export function hexId(number: number | undefined, digits: number): string {
  return number === undefined ? '' : number.toString(16).padStart(digits, '0')
}

/** A string, an integer (bigint), a double, a boolean, or an AnyValue as it stands. */
export function keyValues(attributes: Readonly<Record<string, Json>> = {}): Json[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: Json): Json {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'bigint') return { intValue: String(value) }
  if (typeof value === 'number') return { doubleValue: value }
  return typeof value === 'boolean' ? { boolValue: value } : value
}

export function span(facts: SpanFacts = {}): Json {
  const { name = 'GET /', kind = 2, status = 0, ms = 5, trace = 1, id = 1 } = facts
  return {
    traceId: hexId(trace, 32),
    spanId: hexId(id, 16),
    ...(facts.parent === undefined ? {} : { parentSpanId: hexId(facts.parent, 16) }),
    ...(facts.state === undefined ? {} : { traceState: facts.state }),
    name,
    kind,
    startTimeUnixNano: String(START_NANOS),
    endTimeUnixNano: String(START_NANOS + BigInt(Math.round(ms * 1e6))),
    attributes: keyValues(facts.attributes),
    events: (facts.events ?? []).map(each => ({ name: 'e', attributes: keyValues(each) })),
    ...(status === 0 ? {} : { status: { code: status } }),
  }
}

/** Spans of one resource and scope. */
export function request(
  spans: readonly Json[],
  resource: Readonly<Record<string, Json>> = { 'service.name': 'shop' },
  scope: Json = { name: 'lib' },
): Json {
  const scopeSpans = [{ scope, spans }]
  return { resourceSpans: [{ resource: { attributes: keyValues(resource) }, scopeSpans }] }
}

export function textOf(attributes: readonly Json[] = []): string {
  return attributes.map(({ key, value }) => `${key}=${Object.values(value)[0]}`).join(',')
}

export interface Point {
  readonly resource: string
  readonly metric: string
  readonly unit: string
  readonly temporality: number
  readonly attributes: string
  readonly point: Json
}

/** Every point of some requests. */
export function pointsOf(requests: readonly Json[]): Point[] {
  return requests.flatMap(each =>
    (each.resourceMetrics ?? []).flatMap((group: Json) =>
      (group.scopeMetrics ?? []).flatMap((scope: Json) =>
        (scope.metrics ?? []).flatMap((metric: Json) => {
          const data = metric.sum ?? metric.histogram ?? metric.exponentialHistogram ?? metric.gauge
          return (data.dataPoints ?? []).map((point: Json) => ({
            resource: textOf(group.resource?.attributes),
            metric: metric.name,
            unit: metric.unit ?? '',
            temporality: data.aggregationTemporality,
            attributes: textOf(point.attributes),
            point,
          }))
        }),
      ),
    ),
  )
}
