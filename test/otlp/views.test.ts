/** Views say what protobufjs decodes, item by item, with one view moved over all of them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type AnyValue, readAnyValue } from '../../src/otlp/any-value.ts'
import type { AttributesView } from '../../src/otlp/attributes-view.ts'
import { LogsView } from '../../src/otlp/logs-view.ts'
import { MetricsView } from '../../src/otlp/metrics-view.ts'
import type { ExemplarView } from '../../src/otlp/points-view.ts'
import type { RepeatedView } from '../../src/otlp/repeated-view.ts'
import type { RequestView } from '../../src/otlp/request-view.ts'
import type { Signal } from '../../src/otlp/signal.ts'
import { TracesView } from '../../src/otlp/traces-view.ts'
import { encode } from './oracle.ts'
import {
  arbitraryRequest,
  decodeRequest,
  listItems,
  type Model,
  type Request,
  requestOf,
} from './request-models.ts'

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex')
const int = (text: string | undefined) => BigInt(text ?? 0)

function modelValue(value: Model): AnyValue {
  if (value === undefined) return null
  if (value.stringValue !== undefined) return value.stringValue
  if (value.boolValue !== undefined) return value.boolValue
  if (value.intValue !== undefined) return BigInt(value.intValue)
  if (value.doubleValue !== undefined) return value.doubleValue
  if (value.bytesValue !== undefined) return hex(value.bytesValue)
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(modelValue)
  if (value.kvlistValue !== undefined) {
    const pairs = (value.kvlistValue.values ?? []) as Model[]
    return new Map(pairs.map(pair => [pair.key ?? '', modelValue(pair.value)]))
  }
  return null
}

/** Bytes as hex, so that Buffer and Uint8Array compare. */
function plain(value: AnyValue): AnyValue {
  if (value instanceof Uint8Array) return hex(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, plain(inner)]))
  return value
}

function checkAttributes(view: AttributesView, models: Model[] | undefined): void {
  const pairs: (readonly [string, AnyValue])[] = []
  view.rewind()
  while (view.next()) pairs.push([view.key, plain(view.value)])

  const expected = (models ?? []).map(pair => [pair.key ?? '', modelValue(pair.value)] as const)
  assert.deepEqual(pairs, expected)
  for (const [key, value] of expected) {
    const [, first] = expected.find(([other]) => other === key)!
    assert.deepEqual(plain(view.get(key) as AnyValue), first)
    if (typeof value === 'string' && value === first && !isBytes(models!, key)) {
      assert.equal(view.hasText(key, value), true)
      assert.equal(view.hasText(key, `${value}x`), false)
    }
  }
  assert.equal(view.get('no such key'), undefined)
}

function isBytes(models: Model[], key: string): boolean {
  return models.find(pair => (pair.key ?? '') === key)?.value?.bytesValue !== undefined
}

function checkGroups(view: RequestView, resource: Model, scope: Model): void {
  assert.equal(view.resource.schemaUrl, resource.schemaUrl ?? '')
  const dropped = resource.resource?.droppedAttributesCount ?? 0
  assert.equal(view.resource.droppedAttributesCount, dropped)
  checkAttributes(view.resource.attributes, resource.resource?.attributes)
  assert.equal(view.scope.schemaUrl, scope.schemaUrl ?? '')
  assert.equal(view.scope.name, scope.scope?.name ?? '')
  assert.equal(view.scope.version, scope.scope?.version ?? '')
  assert.equal(view.scope.droppedAttributesCount, scope.scope?.droppedAttributesCount ?? 0)
  checkAttributes(view.scope.attributes, scope.scope?.attributes)
}

function forAll(signal: Signal, numRuns: number, check: (request: Request) => void): void {
  fc.assert(fc.property(arbitraryRequest(signal), check), { numRuns })
}

const pathsOf = (request: Request): Model[][] =>
  listItems(request.signal, decodeRequest(request.signal, request.bytes))

test('reads spans with their events and links', () => {
  const view = new TracesView()
  forAll('traces', 60, request => {
    view.reset(request.bytes, request.index)
    const paths = pathsOf(request)
    assert.equal(view.items, paths.length)
    for (const [i, [resource, scope, model]] of paths.entries()) {
      const span = view.moveTo(i)
      checkGroups(view, resource, scope)
      assert.equal(span.traceId, hex(model.traceId))
      assert.equal(span.spanId, hex(model.spanId))
      assert.equal(span.parentSpanId, hex(model.parentSpanId))
      assert.equal(span.traceState, model.traceState ?? '')
      assert.equal(span.name, model.name ?? '')
      assert.ok(span.nameEquals(model.name ?? ''))
      assert.equal(span.kind, (model.kind ?? 0) >>> 0)
      assert.equal(span.startTimeUnixNano, int(model.startTimeUnixNano))
      assert.equal(span.endTimeUnixNano, int(model.endTimeUnixNano))
      assert.equal(span.statusCode, (model.status?.code ?? 0) >>> 0)
      assert.equal(span.statusMessage, model.status?.message ?? '')
      assert.equal(span.flags, model.flags ?? 0)
      assert.equal(span.droppedAttributesCount, model.droppedAttributesCount ?? 0)
      assert.equal(span.droppedEventsCount, model.droppedEventsCount ?? 0)
      assert.equal(span.droppedLinksCount, model.droppedLinksCount ?? 0)
      checkAttributes(span.attributes, model.attributes)
      assert.equal(span.events.length, model.events?.length ?? 0)
      for (const event of model.events ?? []) {
        assert.ok(span.events.next())
        assert.equal(span.events.current.name, event.name ?? '')
        assert.equal(span.events.current.timeUnixNano, int(event.timeUnixNano))
        checkAttributes(span.events.current.attributes, event.attributes)
      }
      assert.equal(span.events.next(), false)
      for (const link of model.links ?? []) {
        assert.ok(span.links.next())
        assert.equal(span.links.current.traceId, hex(link.traceId))
        assert.equal(span.links.current.flags, link.flags ?? 0)
        checkAttributes(span.links.current.attributes, link.attributes)
      }
    }
  })
})

test('reads log records', () => {
  const view = new LogsView()
  forAll('logs', 60, request => {
    view.reset(request.bytes, request.index)
    for (const [i, [resource, scope, model]] of pathsOf(request).entries()) {
      const record = view.moveTo(i)
      checkGroups(view, resource, scope)
      assert.equal(record.timeUnixNano, int(model.timeUnixNano))
      assert.equal(record.observedTimeUnixNano, int(model.observedTimeUnixNano))
      assert.equal(record.severityNumber, (model.severityNumber ?? 0) >>> 0)
      assert.equal(record.severityText, model.severityText ?? '')
      assert.deepEqual(plain(record.body), modelValue(model.body))
      assert.equal(record.flags, model.flags ?? 0)
      assert.equal(record.traceId, hex(model.traceId))
      assert.equal(record.spanId, hex(model.spanId))
      assert.equal(record.eventName, model.eventName ?? '')
      checkAttributes(record.attributes, model.attributes)
    }
  })
})

const KINDS = {
  gauge: 'gauge',
  sum: 'sum',
  histogram: 'histogram',
  exponential_histogram: 'exponentialHistogram',
  summary: 'summary',
} as const

test('reads metrics of all five kinds', () => {
  const view = new MetricsView()
  const seen = new Set<string>()
  forAll('metrics', 200, request => {
    view.reset(request.bytes, request.index)
    for (const [i, [resource, scope, metric, data, model]] of pathsOf(request).entries()) {
      const point = view.moveTo(i)
      checkGroups(view, resource, scope)
      assert.equal(view.metric.name, metric.name ?? '')
      assert.equal(view.metric.unit, metric.unit ?? '')
      assert.equal(view.metric.description, metric.description ?? '')
      assert.equal(metric[KINDS[view.metric.kind]], data)
      assert.equal(view.metric.temporality, (data.aggregationTemporality ?? 0) >>> 0)
      assert.equal(view.metric.isMonotonic, data.isMonotonic ?? false)
      checkAttributes(view.metric.metadata, metric.metadata)
      seen.add(view.metric.kind)
      checkPoint(point, model)
    }
  })
  assert.equal(seen.size, 5)
})

function checkPoint(point: ReturnType<MetricsView['moveTo']>, model: Model): void {
  assert.equal(point.startTimeUnixNano, int(model.startTimeUnixNano))
  assert.equal(point.timeUnixNano, int(model.timeUnixNano))
  assert.equal(point.flags, model.flags ?? 0)
  checkAttributes(point.attributes, model.attributes)
  if (point.kind === 'number') {
    assert.deepEqual(point.value, numberOf(model))
    checkExemplars(point.exemplars, model.exemplars)
    return
  }
  assert.equal(point.count, int(model.count))
  if (point.kind === 'summary') {
    assert.deepEqual(point.sum, model.sum ?? 0)
    for (const quantile of model.quantileValues ?? []) {
      assert.ok(point.quantiles.next())
      assert.deepEqual(point.quantiles.current.quantile, quantile.quantile ?? 0)
      assert.deepEqual(point.quantiles.current.value, quantile.value ?? 0)
    }
    return
  }
  assert.deepEqual([point.sum, point.min, point.max], [model.sum, model.min, model.max])
  checkExemplars(point.exemplars, model.exemplars)
  if (point.kind === 'histogram') {
    assert.deepEqual(point.bucketCounts, (model.bucketCounts ?? []).map(BigInt))
    assert.deepEqual(point.explicitBounds, model.explicitBounds ?? [])
    return
  }
  assert.equal(point.scale, model.scale ?? 0)
  assert.equal(point.zeroCount, int(model.zeroCount))
  assert.deepEqual(point.zeroThreshold, model.zeroThreshold ?? 0)
  for (const side of ['positive', 'negative'] as const) {
    assert.equal(point[side].offset, model[side]?.offset ?? 0)
    assert.deepEqual(point[side].bucketCounts, (model[side]?.bucketCounts ?? []).map(BigInt))
  }
}

function numberOf(model: Model): number | bigint | null {
  if (model.asInt !== undefined) return BigInt(model.asInt)
  return model.asDouble ?? null
}

function checkExemplars(view: RepeatedView<ExemplarView>, models: Model[] | undefined): void {
  for (const model of models ?? []) {
    assert.ok(view.next())
    assert.equal(view.current.timeUnixNano, int(model.timeUnixNano))
    assert.deepEqual(view.current.value, numberOf(model))
    assert.equal(view.current.traceId, hex(model.traceId))
    checkAttributes(view.current.attributes, model.filteredAttributes)
  }
  assert.equal(view.next(), false)
}

test('reads a resource and a status that come in several pieces as one', () => {
  const pair = (key: string) => ({ key, value: { stringValue: key } })
  const resources = ['a', 'b'].map(key => encode('Resource', { attributes: [pair(key)] }))
  const status = [encode('Status', { code: 2 }), encode('Status', { message: 'm' })]
  const span = Buffer.concat(status.map(piece => Buffer.from([0x7a, piece.length, ...piece])))
  const scope = Buffer.from([0x12, span.length, ...span])
  const pieces = resources.map(piece => Buffer.from([0x0a, piece.length, ...piece]))
  const group = Buffer.concat([...pieces, Buffer.from([0x12, scope.length, ...scope])])
  const request = requestOf('traces', Buffer.from([0x0a, group.length, ...group]))
  const view = new TracesView()
  view.reset(request.bytes, request.index)

  view.moveTo(0)

  assert.deepEqual([...view.resource.attributes.toMap().keys()], ['a', 'b'])
  assert.equal(view.resource.attributes.get('b'), 'b')
  assert.equal(view.span.statusCode, 2)
  assert.equal(view.span.statusMessage, 'm')
})

test('reads what nests deeper than asked as null', () => {
  const leaf = { stringValue: 'deep' }
  const list = { arrayValue: { values: [{ arrayValue: { values: [leaf] } }] } }
  const map = { kvlistValue: { values: [{ key: 'a', value: list }] } }
  const bytes = encode('AnyValue', map)

  assert.deepEqual(readAnyValue(bytes, 0, bytes.length, 3), new Map([['a', [['deep']]]]))
  assert.deepEqual(readAnyValue(bytes, 0, bytes.length, 2), new Map([['a', [null]]]))
  assert.equal(readAnyValue(bytes, 0, bytes.length, 0), null)
})
