/** The same spans through the Go collector's `span_metrics` and through ours: the same series with the same values. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import { Random } from '../../src/cli/generate/random.ts'
import { factory } from '../../src/connectors/spanmetrics/factory.ts'
import { type Json, makeConnector } from '../connectors/json-batch.ts'
import { type SpanFacts, span, textOf, request as traces } from '../connectors/spans.ts'
import { freePorts } from '../harness/ports.ts'
import { startProcess, waitForPort } from '../harness/process.ts'
import { GO_SPANMETRICS, goCollector } from './peers.ts'

const OUT = 'metrics/red'
const FLUSH_MS = 60_000
const PATIENCE_MS = 20_000

const dimensions = [{ name: 'http.method' }, { name: 'code', default: '0' }, { name: 'zone' }]
const delta = 'AGGREGATION_TEMPORALITY_DELTA'
const CASES: Readonly<Record<string, object>> = {
  defaults: {},
  dimensions: { dimensions },
  'dimensions of one metric': {
    dimensions: [{ name: 'zone' }],
    calls_dimensions: [{ name: 'code' }],
    histogram: { dimensions: [{ name: 'http.method', default: 'none' }], unit: 's' },
  },
  globs: { dimensions: [{ glob: 'k8s.*.name' }, { glob: '{db,http}.**' }, { name: 'code' }] },
  'fewer dimensions': { exclude_dimensions: ['span.name', 'span.kind', 'service.name'] },
  'explicit buckets': {
    histogram: { explicit: { buckets: ['100us', '1ms', '2ms', '6ms', '1s'] }, unit: 's' },
  },
  'exponential histograms': { histogram: { exponential: { max_size: 20 } }, dimensions },
  'exponential histograms of the default size': { histogram: { exponential: {} } },
  'no histograms': { histogram: { disable: true }, namespace: 'red' },
  'no namespace': { namespace: '' },
  deltas: { aggregation_temporality: delta, dimensions },
  events: {
    events: { enabled: true, dimensions: [{ name: 'exception.type' }, { name: 'zone' }] },
    dimensions: [{ name: 'http.method' }],
  },
  'key attributes': { resource_metrics_key_attributes: ['service.name'], dimensions },
  'how it was sampled': { enable_metrics_sampling_method: true },
  'names of scopes': { include_instrumentation_scope: ['lib'] },
  'few series': { aggregation_cardinality_limit: 1 },
}

test('makes the metrics that the Go collector makes', { timeout: 180_000 }, async t => {
  const requests = makeRequests()
  const names = Object.keys(CASES)
  const theirs = await askGo(names, requests)
  for (const name of names) {
    await t.test(name, async () => {
      const ours = readSeries(await askOurs(CASES[name], requests))
      assert.deepEqual(comparable(ours, name), comparable(theirs.get(name)!, name))
    })
  }
})

/** Which spans find room under a limit is the order of the document in both, but the names of the rest are not kept. */
function comparable(series: Series, name: string): unknown {
  assert.ok(series.size > 0, `${name} has no series`)
  return [...series].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Some hundred spans of four resources, with attributes of every kind and in every place. */
function makeRequests(): Json[] {
  const random = new Random(7)
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]
  const facts = (i: number): SpanFacts => ({
    name: pick(['GET /', 'POST /cart', 'größe', '']),
    kind: random.below(6),
    status: random.below(3),
    ms: pick([0, 0.05, 1, 2, 3.7, 250, 1400, 15_000, 20_000, -5]),
    trace: i + 1,
    id: i + 1,
    state: pick(['', 'ot=th:8', 'ot=th:c', 'ot=th:0', 'vendor=1', 'ot=rv:00000000000001', 'bad=']),
    attributes: {
      ...(random.chance(0.7) ? { 'http.method': pick(['GET', 'PUT']) } : {}),
      ...(random.chance(0.7) ? { code: pick<Json>([200n, '200', 500n, 200.5, true, '']) } : {}),
      ...(random.chance(0.3) ? { zone: 'own' } : {}),
      ...(random.chance(0.3) ? { 'k8s.pod.name': pick(['p1', 'p2']), 'k8s.a.b.name': 'x' } : {}),
      ...(random.chance(0.2)
        ? { 'db.system': { arrayValue: { values: [{ intValue: '1' }] } } }
        : {}),
    },
    events: random.chance(0.3) ? [{ 'exception.type': pick(['A', 'B']) }, { zone: 'event' }] : [],
  })
  const resources: Record<string, Json>[] = [
    { 'service.name': 'shop', zone: 'a', 'k8s.node.name': 'n' },
    { 'service.name': 'shop', zone: 'b', 'process.pid': 7n },
    { 'service.name': 'web', 'http.version': '1.1' },
    { 'host.name': 'nobody' },
  ]
  return Array.from({ length: 12 }, (_, i) => {
    const spans = Array.from({ length: 40 }, (_, k) => span(facts(i * 40 + k)))
    const scope = i % 2 === 0 ? { name: 'lib', version: '1' } : { name: 'other' }
    // One resource has one scope: series that differ in the scope only are one there and two here.
    return traces(spans, resources[i % resources.length], scope)
  })
}

async function askOurs(section: object, requests: readonly Json[]): Promise<Json[]> {
  const kit = makeConnector(factory, section, { [OUT]: 'metrics' })
  await kit.connector.start(undefined as never)
  for (const each of requests) assert.equal(await kit.send('traces', each), 'accepted')
  await kit.services.clock.advance(FLUSH_MS)
  await kit.services.clock.advance(FLUSH_MS)
  const got = kit.got(OUT)
  await kit.connector.stop(AbortSignal.timeout(1000))
  kit.assertSettled()
  return got
}

async function askGo(
  names: readonly string[],
  requests: readonly Json[],
): Promise<ReadonlyMap<string, Series>> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-spanmetrics-'))
  const [port] = await freePorts(1)
  const file = (i: number): string => join(folder, `${i}.jsonl`)
  const each = (make: (name: string, i: number) => [string, object]) =>
    Object.fromEntries(names.map(make))
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    connectors: each((name, i) => [
      `span_metrics/${i}`,
      { ...CASES[name], metrics_flush_interval: '1s' },
    ]),
    exporters: each((_, i) => [`file/${i}`, { path: file(i), flush_interval: '100ms' }]),
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        traces: { receivers: ['otlp'], exporters: names.map((_, i) => `span_metrics/${i}`) },
        ...each((_, i) => [
          `metrics/${i}`,
          { receivers: [`span_metrics/${i}`], exporters: [`file/${i}`] },
        ]),
      },
    },
  }
  const yaml = `yaml:${JSON.stringify(config).replaceAll('$', () => '$$')}`
  const go = await startProcess(goCollector(GO_SPANMETRICS), ['--config', yaml], port)
  try {
    await waitForPort(port, PATIENCE_MS)
    for (const body of requests) await post(port, body)
    // Two flushes after the last span: the first of a cumulative count may still say 0.
    const before = names.map((_, i) => linesOf(file(i)).length)
    const until = Date.now() + PATIENCE_MS
    while (names.some((_, i) => linesOf(file(i)).length < before[i] + 3)) {
      assert.ok(Date.now() < until, `the Go collector does not flush:\n${go.output()}`)
      await wait(100)
    }
    return new Map(names.map((name, i) => [name, readSeries(linesOf(file(i)))]))
  } finally {
    await go.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function linesOf(file: string): Json[] {
  if (!existsSync(file)) return []
  const text = readFileSync(file, 'utf8')
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

async function post(port: number, body: Json): Promise<void> {
  const answer = await request(`http://127.0.0.1:${port}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
  })
  assert.equal(answer.statusCode, 200, await answer.body.text())
}

type Series = Map<string, Json>

/** The last value of each cumulative series, the sum of each delta, without what differs from run to run. */
function readSeries(requests: readonly Json[]): Series {
  const series: Series = new Map()
  for (const each of requests) {
    for (const group of each.resourceMetrics ?? []) {
      for (const metric of group.scopeMetrics.flatMap((scope: Json) => scope.metrics ?? [])) {
        const data = metric.sum ?? metric.histogram ?? metric.exponentialHistogram
        for (const point of data?.dataPoints ?? []) {
          const attributes = (point.attributes ?? []).filter(
            ({ key }: Json) => key !== 'collector.instance.id',
          )
          const unit = metric.unit ?? ''
          const sorted = [...(group.resource?.attributes ?? [])].sort((a: Json, b: Json) =>
            a.key < b.key ? -1 : 1,
          )
          // With resources that fall together, which one lends its attributes is the first one in both.
          const key = `${textOf(sorted)} | ${metric.name} ${unit} | ${textOf(attributes)}`
          const value = numbersOf(point)
          const before = series.get(key)
          const isDelta = data.aggregationTemporality === 1
          series.set(key, isDelta && before !== undefined ? added(before, value) : value)
        }
      }
    }
  }
  return series
}

function numbersOf(point: Json): Json {
  const numbers = (list: Json[] = []): number[] => list.map(Number)
  if (point.asInt !== undefined) return { asInt: Number(point.asInt) }
  const base = { count: Number(point.count ?? 0), sum: rounded(point.sum ?? 0) }
  if (point.positive === undefined && point.scale === undefined && point.bucketCounts) {
    return { ...base, bounds: numbers(point.explicitBounds), counts: numbers(point.bucketCounts) }
  }
  return {
    ...base,
    scale: point.scale ?? 0,
    zeroCount: Number(point.zeroCount ?? 0),
    min: point.min ?? 0,
    max: point.max ?? 0,
    offset: point.positive?.offset ?? 0,
    counts: numbers(point.positive?.bucketCounts),
  }
}

/** Sums of doubles depend on the order of batches. */
function rounded(sum: number): number {
  return Number(sum.toPrecision(12))
}

function added(a: Json, b: Json): Json {
  if (a.asInt !== undefined) return { asInt: a.asInt + b.asInt }
  const counts = a.counts.map((count: number, i: number) => count + b.counts[i])
  return { ...a, count: a.count + b.count, sum: rounded(a.sum + b.sum), counts }
}
