/** Single paths of contexts that the reference's own cases leave out: links, exemplars, request context, text of bodies. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { NO_CONTEXT, type RequestContext } from '../../../src/core/batch.ts'
import { encodeParts, flatten } from '../../../src/otlp/encode.ts'
import type { Signal } from '../../../src/otlp/signal.ts'
import { compileStatement, compileValue } from '../../../src/rules/compile.ts'
import type { ContextName } from '../../../src/rules/context.ts'
import { contextSpec, contextsOf } from '../../../src/rules/contexts/index.ts'
import { PartEditor } from '../../../src/rules/contexts/part-editor.ts'
import type { FunctionSpec } from '../../../src/rules/function.ts'
import { Time, TraceId, type Value } from '../../../src/rules/value.ts'
import { encode } from '../../otlp/oracle.ts'
import { decodeRequest, type Model, requestOf } from '../../otlp/request-models.ts'

const NAMES: Readonly<Record<Signal, string>> = {
  traces: 'TracesRequest',
  metrics: 'MetricsRequest',
  logs: 'LogsRequest',
}

const set: FunctionSpec = {
  name: 'set',
  kind: 'editor',
  params: [
    { name: 'Target', type: 'target' },
    { name: 'Value', type: 'any' },
  ],
  summary: '',
  example: { expr: '', result: '' },
  make:
    ([target, value]) =>
    scope => {
      target.set(scope, value(scope))
      return null
    },
}

function edit(
  signal: Signal,
  context: ContextName,
  model: Model,
  statements: readonly string[],
): Model {
  const options = { context: contextSpec(context), functions: [set] }
  const compiled = statements.map(text => compileStatement(text, options))
  const { bytes, index } = requestOf(signal, encode(NAMES[signal], model))
  const part = { payload: { bytes }, index, selection: null, edits: null, items: index.items }
  const editor = new PartEditor(signal)
  editor.open(part, NO_CONTEXT)
  editor.each(context, scope => {
    for (const { run } of compiled) run(scope)
  })
  return decodeRequest(signal, flatten(encodeParts([{ ...part, ...editor.finish() }])))
}

function read(
  signal: Signal,
  context: ContextName,
  model: Model,
  text: string,
  request: RequestContext = NO_CONTEXT,
): Value {
  const { get } = compileValue(text, { context: contextSpec(context), functions: [] })
  const { bytes, index } = requestOf(signal, encode(NAMES[signal], model))
  const editor = new PartEditor(signal)
  editor.open({ payload: { bytes }, index, selection: null, items: index.items }, request)
  const values: Value[] = []
  editor.each(context, scope => values.push(get(scope)))
  return values[0]
}

const spans = (span: Model) => ({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
const logs = (record: Model) => ({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] })
const metrics = (metric: Model) => ({
  resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }],
})

test('changes the links of a span one by one', () => {
  const model = spans({ name: 's', links: [{ flags: 1 }, { traceState: 'a=1' }] })

  const after = edit('traces', 'spanlink', model, [
    'set(attributes["of"], span.name)',
    'set(flags, 3)',
    'set(trace_id.string, "100f0e0d0c0b0a090807060504030201")',
  ])

  const { links } = after.resourceSpans[0].scopeSpans[0].spans[0]
  const attributes = [{ key: 'of', value: { stringValue: 's' } }]
  const traceId = Buffer.from('100f0e0d0c0b0a090807060504030201', 'hex')
  assert.deepEqual(links, [
    { traceId, attributes, flags: 3 },
    { traceId, traceState: 'a=1', attributes, flags: 3 },
  ])
})

test('changes the exemplars of points of every kind that has them', () => {
  const exemplars = [{ asDouble: 1.5 }]
  for (const kind of ['gauge', 'sum', 'histogram', 'exponentialHistogram']) {
    const after = edit(
      'metrics',
      'exemplar',
      metrics({ [kind]: { dataPoints: [{ exemplars }] } }),
      ['set(int_value, 7)', 'set(filtered_attributes["of"], metric.type)'],
    )

    const [point] = after.resourceMetrics[0].scopeMetrics[0].metrics[0][kind].dataPoints
    assert.equal(point.exemplars[0].asInt, '7')
    assert.equal(point.exemplars[0].asDouble, undefined)
    assert.equal(point.exemplars[0].filteredAttributes[0].key, 'of')
  }
})

test('sets a number of a point to the other member of its oneof', () => {
  const after = edit('metrics', 'datapoint', metrics({ gauge: { dataPoints: [{ asInt: '5' }] } }), [
    'set(value_double, 0.0)',
  ])

  const [point] = after.resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints
  assert.deepEqual(point, { asDouble: 0 })
})

test('exchanges the points of a metric for more and for fewer', () => {
  const two = metrics({ sum: { isMonotonic: true, dataPoints: [{ asInt: '1' }, { asInt: '2' }] } })
  const target = contextSpec('metric').resolve([{ name: 'data_points', keys: [] }])!
  const points = (...values: string[]) =>
    metrics({ sum: { dataPoints: values.map(asInt => ({ asInt })) } })

  for (const values of [['7'], ['7', '8'], ['7', '8', '9']]) {
    const list = read('metrics', 'metric', points(...values), 'data_points')
    const { bytes, index } = requestOf('metrics', encode('MetricsRequest', two))
    const part = { payload: { bytes }, index, selection: null, edits: null, items: index.items }
    const editor = new PartEditor('metrics')
    editor.open(part, NO_CONTEXT)
    editor.each('metric', scope => target.set(scope, list))
    const after = decodeRequest('metrics', flatten(encodeParts([{ ...part, ...editor.finish() }])))

    const { sum } = after.resourceMetrics[0].scopeMetrics[0].metrics[0]
    assert.deepEqual(sum, { isMonotonic: true, dataPoints: values.map(asInt => ({ asInt })) })
  }
})

test('reads what is known about the client, without regard to the case of names', () => {
  const request = { metadata: new Map([['x-tenant', ['a', 'b']]]), peer: '10.0.0.1:4317' }
  const ask = (text: string) => read('traces', 'span', spans({}), text, request)

  assert.equal(ask('otelcol.client.addr'), '10.0.0.1:4317')
  assert.deepEqual(ask('otelcol.client.metadata["X-Tenant"]'), ['a', 'b'])
  assert.equal(ask('otelcol.grpc.metadata["x-tenant"][1]'), 'b')
  assert.equal(ask('otelcol.client.metadata["other"]'), null)
  assert.equal(ask('otelcol.client.auth.attributes["subject"]'), null)
  assert.throws(() => ask('otelcol.client.metadata["x-tenant"][2]'), /out of bounds/)
})

test('empties the cache between items and hands out maps that later changes do not touch', () => {
  const { bytes, index } = requestOf(
    'logs',
    encode('LogsRequest', {
      resourceLogs: [{ scopeLogs: [{ logRecords: [{}, { severityText: 'x' }] }] }],
    }),
  )
  const cache = contextSpec('log').resolve([{ name: 'cache', keys: [] }])!
  const editor = new PartEditor('logs')
  editor.open({ payload: { bytes }, index, selection: null, items: index.items }, NO_CONTEXT)
  const seen: Value[] = []

  editor.each('log', scope => {
    seen.push(cache.get(scope))
    cache.keyed!.setKey(scope, 'a', 1n)
    const before = cache.get(scope)
    cache.keyed!.setKey(scope, 'a', 2n)
    seen.push(before)
  })

  assert.deepEqual(seen, [new Map(), new Map([['a', 1n]]), new Map(), new Map([['a', 1n]])])
  assert.equal(editor.finish().edits, null)
})

test('reads bodies as the text that the reference makes of them', () => {
  const text = (body: Model) => read('logs', 'log', logs({ body }), 'body.string')
  const values = (...values: Model[]) => ({ arrayValue: { values } })

  assert.equal(text({ stringValue: 'plain' }), 'plain')
  assert.equal(text({ doubleValue: 1e21 }), '1e+21')
  assert.equal(text({ bytesValue: Buffer.from([1, 2]) }), 'AQI=')
  assert.equal(text(values({ stringValue: '<x>' }, { intValue: '3' }, {})), '["<x>",3,null]')
  assert.equal(text(values({ doubleValue: Number.NaN })), '')
  assert.equal(
    text({ kvlistValue: { values: [{ key: 'a', value: { boolValue: true } }] } }),
    '{"a":true}',
  )
})

test('gives ids, times and counts of absent fields their zero', () => {
  assert.deepEqual(read('traces', 'span', spans({}), 'trace_id'), new TraceId(16))
  assert.equal(read('traces', 'span', spans({}), 'parent_span_id.string'), '0'.repeat(16))
  assert.deepEqual(read('logs', 'log', logs({}), 'time'), new Time(0n))
  assert.equal(read('logs', 'log', logs({}), 'attributes["none"]'), null)
})

test('names every path of every context only once, with and without the context before it', () => {
  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    for (const name of contextsOf(signal)) {
      const context = contextSpec(name)
      assert.equal(new Set(context.paths).size, context.paths.length)
      for (const path of context.paths) {
        const options = { context, functions: [] }
        assert.ok(compileValue(path, options))
        assert.ok(compileValue(`${name}.${path}`, options))
      }
    }
  }
})

test('refuses keys and sections that a path does not have', () => {
  const options = { context: contextSpec('span'), functions: [] }
  for (const text of [
    'name["x"]',
    'status["x"].code',
    'attributes.x',
    'events[0]',
    'metric.name',
  ]) {
    assert.throws(() => compileValue(text, options), { code: 'MILLRACE_RULES_UNKNOWN_NAME' })
  }
})
