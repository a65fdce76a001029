/** `prometheus`: what a scrape shows of the points that came, in each format, and what becomes of points that cannot be kept. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { request } from 'undici'
import { judgeSection } from '../../../src/config/judge.ts'
import { DEFAULT_TENANT } from '../../../src/core/batch.ts'
import type { Component } from '../../../src/core/component.ts'
import type { PrometheusConfig } from '../../../src/exporters/prometheus/config.ts'
import { PrometheusExporter } from '../../../src/exporters/prometheus/exporter.ts'
import { factory } from '../../../src/exporters/prometheus/factory.ts'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { assertBalanced, fakeHost, fakeServices } from '../../../src/testing/fakes.ts'
import type { Json } from '../../connectors/json-batch.ts'
import { keyValues } from '../../connectors/spans.ts'
import { arbitraryRequest } from '../../otlp/request-models.ts'
import { acceptBatch } from '../batch-of.ts'

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0'
const PROTOBUF =
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'
const DELTA = 1
const CUMULATIVE = 2
const PLAIN = { without_scope_info: true }
/** Nanoseconds. */
const at = (seconds: number): string => String(BigInt(Math.round(seconds * 1000)) * 1_000_000n)

async function start(
  t: TestContext,
  section: object = PLAIN,
  extensions = new Map<string, Component>(),
) {
  const services = fakeServices()
  const settings = { endpoint: '127.0.0.1:0', ...section }
  const { config, faults } = judgeSection(factory.config, settings)
  assert.deepEqual(faults, [])
  const context = { ...services, id: 'prometheus', config: config as PrometheusConfig }
  const exporter = new PrometheusExporter({ ...context, signals: ['metrics'] })
  await exporter.start(fakeHost(extensions))
  t.after(async () => {
    await exporter.stop()
    assertBalanced(services.ledger)
    assert.equal(services.memory.reservedBytes, 0, 'memory is still reserved')
  })
  return {
    services,
    exporter,
    send(metrics: readonly Json[], resource: Record<string, Json> = {}, tenant = DEFAULT_TENANT) {
      const scope = { name: 'lib', version: '2', attributes: keyValues({ team: 'a' }) }
      const scopeMetrics = [{ scope, metrics }]
      const group = { resource: { attributes: keyValues(resource) }, scopeMetrics }
      const bytes = decodeJson(
        'metrics',
        Buffer.from(JSON.stringify({ resourceMetrics: [group] }, stringify)),
      )
      assert.ok(bytes instanceof Uint8Array, JSON.stringify(bytes))
      const { batch, freed } = acceptBatch(services, 'metrics', bytes, null, tenant)
      assert.deepEqual(exporter.consume(batch), { kind: 'accepted' })
      assert.ok(freed())
    },
    async get(headers: Record<string, string> = {}) {
      const answer = await request(`http://127.0.0.1:${exporter.port}/metrics`, { headers })
      const body = Buffer.from(await answer.body.arrayBuffer())
      return { status: answer.statusCode, headers: answer.headers, body, text: body.toString() }
    },
    /** Samples without the comments. */
    async samples(headers: Record<string, string> = {}): Promise<string[]> {
      const { text } = await this.get(headers)
      return text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
    },
    drops: () =>
      services.ledger
        .rows()
        .flatMap(row => row.dropped.map(({ reason, items }) => `${reason} ${items}`)),
  }
}

function stringify(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

interface PointFacts {
  readonly value?: number
  readonly start?: number
  readonly time?: number
  readonly attributes?: Record<string, Json>
  readonly more?: object
}

function number({ value = 1, start = 1, time = 2, attributes = {}, more = {} }: PointFacts): Json {
  const times = { startTimeUnixNano: at(start), timeUnixNano: at(time) }
  return { asDouble: value, ...times, attributes: keyValues(attributes), ...more }
}

function sum(
  name: string,
  points: readonly PointFacts[],
  temporality = CUMULATIVE,
  more = {},
): Json {
  const dataPoints = points.map(number)
  return {
    name,
    sum: { aggregationTemporality: temporality, isMonotonic: true, dataPoints },
    ...more,
  }
}

function gauge(name: string, points: readonly PointFacts[], more = {}): Json {
  return { name, gauge: { dataPoints: points.map(number) }, ...more }
}

function histogram(name: string, points: readonly object[], temporality = CUMULATIVE): Json {
  const dataPoints = points.map(point => ({
    startTimeUnixNano: at(1),
    timeUnixNano: at(2),
    count: 6,
    sum: 10.5,
    bucketCounts: [1, 2, 3],
    explicitBounds: [0.5, 1],
    ...point,
  }))
  return { name, unit: 's', histogram: { aggregationTemporality: temporality, dataPoints } }
}

test('shows the last value of each series in the text format', async t => {
  const kit = await start(t, {})
  kit.send(
    [
      sum(
        'http.requests',
        [{ value: 5, attributes: { 'http.method': 'GET', n: 5n } }],
        CUMULATIVE,
        {
          description: 'All\nrequests, "quoted" \\',
        },
      ),
      gauge('temp', [{ value: -1.5 }], { unit: 'Cel' }),
    ],
    { 'service.name': 'shop', 'service.namespace': 'eu', 'service.instance.id': 'i-1', zone: 'a' },
  )

  const { text, headers } = await kit.get()

  const scope =
    'job="eu/shop",otel_scope_name="lib",otel_scope_schema_url="",otel_scope_team="a",otel_scope_version="2"'
  assert.deepEqual(text.split('\n'), [
    '# HELP http_requests_total All\\nrequests, "quoted" \\\\',
    '# TYPE http_requests_total counter',
    `http_requests_total{http_method="GET",instance="i-1",${scope.replace('job', 'job').replace(',otel', ',n="5",otel')}} 5`,
    '# HELP target_info Target metadata',
    '# TYPE target_info gauge',
    'target_info{instance="i-1",job="eu/shop",zone="a"} 1',
    '# HELP temp_celsius temp',
    '# TYPE temp_celsius gauge',
    `temp_celsius{instance="i-1",${scope}} -1.5`,
    '',
  ])
  assert.equal(
    headers['content-type'],
    'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
  )
  assert.equal(kit.services.meter.total('otelcol_exporter_sent_metric_points'), 2)
})

test('shows histograms with cumulated buckets, and summaries with quantiles', async t => {
  const kit = await start(t)
  const quantileValues = [
    { quantile: 0.99, value: 9 },
    { quantile: 0.5, value: 3 },
  ]
  const point = { startTimeUnixNano: at(1), timeUnixNano: at(2), count: 4, sum: 12, quantileValues }
  kit.send([histogram('wait', [{}]), { name: 'size', summary: { dataPoints: [point] } }])

  assert.deepEqual(await kit.samples(), [
    'size{quantile="0.5"} 3',
    'size{quantile="0.99"} 9',
    'size_sum 12',
    'size_count 4',
    'wait_seconds_bucket{le="0.5"} 1',
    'wait_seconds_bucket{le="1"} 3',
    'wait_seconds_bucket{le="+Inf"} 6',
    'wait_seconds_sum 10.5',
    'wait_seconds_count 6',
  ])
})

test('adds deltas up as long as each begins where the one before ended', async t => {
  const kit = await start(t)
  kit.send([sum('a', [{ value: 2, start: 1, time: 2 }], DELTA)])
  kit.send([sum('a', [{ value: 3, start: 2, time: 3 }], DELTA)])
  assert.deepEqual(await kit.samples(), ['a_total 5'])

  kit.send([sum('a', [{ value: 1, start: 5, time: 6 }], DELTA)])
  assert.deepEqual(await kit.samples(), ['a_total 1'])

  const next = { startTimeUnixNano: at(2), timeUnixNano: at(3) }
  kit.send([histogram('h', [{}, next], DELTA)])
  kit.send([histogram('h', [{ ...next, timeUnixNano: at(4) }], DELTA)])
  const counts = (await kit.samples()).filter(line => line.startsWith('h_seconds_'))
  assert.deepEqual(counts, [
    'h_seconds_bucket{le="0.5"} 2',
    'h_seconds_bucket{le="1"} 6',
    'h_seconds_bucket{le="+Inf"} 12',
    'h_seconds_sum 21',
    'h_seconds_count 12',
  ])
  assert.deepEqual(kit.drops(), ['misaligned_delta 1'])
})

test('drops what cannot be kept, and says why', async t => {
  const kit = await start(t, { ...PLAIN, max_series: 3 })
  const falling = { name: 'x', sum: { aggregationTemporality: DELTA, dataPoints: [number({})] } }
  kit.send([sum('a', [{ time: 5 }]), sum('a', [{ time: 4 }])])
  kit.send([falling, sum('b', [{}], 0), gauge('a_total', [{}]), gauge('\u{1f600}', [{}])])
  kit.send([
    gauge('b', [{ attributes: { n: 1n } }, { attributes: { n: 2n } }, { attributes: { n: 3n } }]),
  ])
  const coarse = { timeUnixNano: at(2), count: 1, scale: -5 }
  const exponential = { aggregationTemporality: CUMULATIVE, dataPoints: [coarse] }
  kit.send([{ name: 'e', exponentialHistogram: exponential }])

  assert.deepEqual((await kit.samples()).length, 3)
  assert.deepEqual(kit.drops().sort(), [
    'invalid_name 1',
    'out_of_order 1',
    'too_many_series 1',
    'type_conflict 1',
    'unsupported_scale 1',
    'unsupported_temporality 2',
  ])
  assert.equal(kit.services.meter.total('otelcol_exporter_send_failed_metric_points'), 7)
})

test('keeps no series when memory is short', async t => {
  const kit = await start(t)
  kit.services.memory.limitBytes = 10
  kit.send([gauge('a', [{}])])

  assert.deepEqual(await kit.samples(), [])
  assert.deepEqual(kit.drops(), ['out_of_memory 1'])
})

test('forgets series that have ended or of which nothing comes', async t => {
  const kit = await start(t, { ...PLAIN, metric_expiration: '1m' })
  kit.send([gauge('a', [{}]), gauge('b', [{}]), gauge('c', [{}])])
  kit.send([gauge('a', [{ more: { flags: 1 } }])])
  await kit.services.clock.advance(40_000)
  kit.send([gauge('b', [{ time: 3 }])])
  await kit.services.clock.advance(40_000)

  assert.deepEqual(await kit.samples(), ['b 1'])
})

test('answers in OpenMetrics with exemplars when that is on and asked for', async t => {
  const exemplar = {
    timeUnixNano: at(1.5),
    traceId: '0102030405060708090a0b0c0d0e0f10',
    spanId: '0102030405060708',
  }
  const kit = await start(t, { ...PLAIN, enable_open_metrics: true })
  const exemplars = [{ ...exemplar, asDouble: 0.7 }]
  kit.send([histogram('wait', [{ exemplars }]), sum('a', [{ value: 5, more: { exemplars } }])])

  const { text, headers } = await kit.get({ accept: `${OPENMETRICS},text/plain;q=0.5` })

  const ids = '{span_id="0102030405060708",trace_id="0102030405060708090a0b0c0d0e0f10"}'
  assert.deepEqual(text.split('\n'), [
    '# HELP a a',
    '# TYPE a counter',
    `a_total 5.0 # ${ids} 0.7 1.5`,
    '# HELP wait_seconds wait',
    '# TYPE wait_seconds histogram',
    'wait_seconds_bucket{le="0.5"} 1',
    `wait_seconds_bucket{le="1.0"} 3 # ${ids} 0.7 1.5`,
    'wait_seconds_bucket{le="+Inf"} 6',
    'wait_seconds_sum 10.5',
    'wait_seconds_count 6',
    '# EOF',
    '',
  ])
  assert.match(String(headers['content-type']), /^application\/openmetrics-text; version=1.0.0/)
  assert.ok(!(await kit.get()).text.includes('EOF'))
})

test('answers in protobuf with native histograms', async t => {
  const kit = await start(t)
  const point = {
    startTimeUnixNano: at(1),
    timeUnixNano: at(2),
    count: 13,
    sum: 5,
    scale: 0,
    zeroCount: 1,
    positive: { offset: -1, bucketCounts: [3, 0, 2, 0, 0, 0, 4] },
    negative: { offset: 2, bucketCounts: [3] },
  }
  const exponential = { aggregationTemporality: CUMULATIVE, dataPoints: [point] }
  kit.send([
    { name: 'e', exponentialHistogram: exponential },
    sum('a', [{ value: 5 }]),
    histogram('wait', [{}]),
  ])

  const { body, headers } = await kit.get({ accept: PROTOBUF })

  assert.match(String(headers['content-type']), /^application\/vnd.google.protobuf/)
  const [a, e, wait] = readFamilies(body)
  assert.deepEqual([a.name, a.type, a.metric[0].counter.value], ['a_total', 0, 5])
  const native = e.metric[0].histogram
  assert.deepEqual([native.sampleCount, native.schema, native.zeroCount], [13, 0, 1])
  assert.deepEqual(native.positiveSpan, [
    { offset: 0, length: 3 },
    { offset: 3, length: 1 },
  ])
  assert.deepEqual(native.positiveDelta, [3, -3, 2, 2])
  assert.deepEqual(native.negativeSpan, [{ offset: 3, length: 1 }])
  assert.deepEqual(
    wait.metric[0].histogram.bucket.map((each: Json) => [each.upperBound, each.cumulativeCount]),
    [
      [0.5, 1],
      [1, 3],
      [Number.POSITIVE_INFINITY, 6],
    ],
  )
  assert.deepEqual(await kit.samples(), [
    'a_total 5',
    'e_bucket{le="+Inf"} 13',
    'e_sum 5',
    'e_count 13',
    'wait_seconds_bucket{le="0.5"} 1',
    'wait_seconds_bucket{le="1"} 3',
    'wait_seconds_bucket{le="+Inf"} 6',
    'wait_seconds_sum 10.5',
    'wait_seconds_count 6',
  ])
})

test('adds up exponential histograms of different resolution', async t => {
  const kit = await start(t)
  const send = (point: object): void => {
    const dataPoints = [{ count: 0, sum: 0, ...point }]
    kit.send([{ name: 'e', exponentialHistogram: { aggregationTemporality: DELTA, dataPoints } }])
  }
  const fine = { scale: 1, positive: { offset: -3, bucketCounts: [1, 2, 3, 4] } }
  const coarse = { scale: 0, positive: { offset: 0, bucketCounts: [10] } }
  send({ startTimeUnixNano: at(1), timeUnixNano: at(2), count: 10, sum: 1, ...fine })
  send({ startTimeUnixNano: at(2), timeUnixNano: at(3), count: 10, sum: 2, ...coarse })

  const [e] = readFamilies((await kit.get({ accept: PROTOBUF })).body)

  const native = e.metric[0].histogram
  assert.deepEqual([native.schema, native.sampleCount, native.sampleSum], [0, 20, 3])
  assert.deepEqual(native.positiveSpan, [{ offset: -1, length: 3 }])
  // Buckets of 1, 2 + 3 and 4 + 10.
  assert.deepEqual(native.positiveDelta, [1, 4, 9])
})

test('makes labels of constants, resources and tenants, and keeps those apart that fall together', async t => {
  const kit = await start(t, {
    ...PLAIN,
    const_labels: { region: 'eu', 'a b': 1 },
    resource_to_telemetry_conversion: { enabled: true, exclude_service_attributes: true },
  })
  const attributes = { 'x.y': 'later', 'x-y': 'first', job: 'own', le: '1' }
  kit.send([gauge('a', [{ attributes }])], { 'service.name': 'shop', host: 'h' }, 'acme')

  assert.deepEqual(await kit.samples(), [
    'a{a_b="1",exported_job="own",exported_le="1",host="h",job="shop",region="eu",tenant="acme",x_y="first;later"} 1',
  ])
})

test('lets no sender write a label twice, which would make Prometheus refuse the whole page', async t => {
  const escaped = await start(t)
  const asIs = await start(t, { ...PLAIN, translation_strategy: 'NoTranslation' })
  const attributes = { __name__: 'own', '..name..': 'other', 'k.k': '1', k_k: '2' }
  for (const kit of [escaped, asIs]) {
    kit.send([gauge('a', [{ attributes }])])

    assert.deepEqual(await kit.samples(), ['a{exported___name__="other;own",k_k="1;2"} 1'])
  }
})

test('shows one target_info, whoever sends metrics of that name', async t => {
  const kit = await start(t)
  const resource = { 'service.name': 'shop', 'service.instance.id': '1' }
  kit.send([gauge('target_info', [{ attributes: { own: 'x' } }])], resource)

  const { text } = await kit.get()

  assert.equal(text.match(/# TYPE target_info gauge/g)?.length, 1)
  assert.deepEqual((await kit.samples()).sort(), [
    'target_info{instance="1",job="shop",own="x"} 1',
    'target_info{instance="1",job="shop"} 1',
  ])
})

test('lets nobody take the name target_info for something else', async t => {
  const kit = await start(t)
  const point = { startTimeUnixNano: at(1), timeUnixNano: at(2), count: 1, sum: 1 }
  const resource = { 'service.name': 'shop', 'service.instance.id': '1' }
  kit.send([{ name: 'target_info', summary: { dataPoints: [point] } }], resource)

  const { text } = await kit.get()

  assert.deepEqual(text.match(/# TYPE target_info.*/g), ['# TYPE target_info gauge'])
  assert.deepEqual(await kit.samples(), ['target_info{instance="1",job="shop"} 1'])
})

test('shows a series once, the newer one, when two have the same name and labels', async t => {
  const kit = await start(t)
  kit.send([gauge('a', [{ attributes: { 'k.k': 'v' }, time: 2 }])])
  kit.send([gauge('a', [{ attributes: { k_k: 'v' }, value: 7, time: 3 }])])

  assert.deepEqual(await kit.samples(), ['a{k_k="v"} 7'])
  assert.equal(kit.services.meter.total('millrace_prometheus_duplicates'), 1)
})

test('keeps names as they are for scrapers that take them', async t => {
  const kit = await start(t, { ...PLAIN, translation_strategy: 'NoTranslation' })
  kit.send([gauge('my.gauge', [{ attributes: { 'a.b': 'v"' } }])])

  const utf8 = { accept: 'text/plain;version=0.0.4;escaping=allow-utf-8' }
  assert.deepEqual(await kit.samples(utf8), ['{"my.gauge","a.b"="v\\""} 1'])
  assert.deepEqual(await kit.samples(), ['my_gauge{a_b="v\\""} 1'])
})

test('keeps large batches over several turns, in the order in which they came', async t => {
  const kit = await start(t)
  const points = Array.from({ length: 3000 }, (_, i) => ({ attributes: { n: BigInt(i) }, time: 2 }))
  const make = (value: number, time: number, list = points) => {
    const metrics = [
      gauge(
        'a',
        list.map(point => ({ ...point, value, time })),
      ),
    ]
    const resourceMetrics = [{ scopeMetrics: [{ metrics }] }]
    const bytes = decodeJson('metrics', Buffer.from(JSON.stringify({ resourceMetrics }, stringify)))
    assert.ok(bytes instanceof Uint8Array)
    return acceptBatch(kit.services, 'metrics', bytes).batch
  }

  const taken = [make(1, 2), make(2, 3), make(3, 4, points.slice(0, 1))].map(batch =>
    kit.exporter.consume(batch),
  )
  assert.ok(taken[0] instanceof Promise)
  await Promise.all(taken)

  const samples = await kit.samples()
  assert.equal(samples.length, 3000)
  assert.equal(samples.filter(line => line.endsWith(' 2')).length, 2999)
  assert.ok(samples.includes('a{n="0"} 3'))
  assert.deepEqual(kit.drops(), [])
})

test('tells times of points when it is told to', async t => {
  const kit = await start(t, { ...PLAIN, send_timestamps: true, enable_open_metrics: true })
  kit.send([gauge('a', [{ time: 2.5 }])])

  assert.deepEqual(await kit.samples(), ['a 1 2500'])
  assert.deepEqual(await kit.samples({ accept: OPENMETRICS }), ['a 1.0 2.5'])
})

test('compresses for those who take it, and answers nothing but scrapes', async t => {
  const kit = await start(t, { ...PLAIN, response_headers: { 'x-own': 'yes' } })
  kit.send([gauge('a', [{}])])

  const { headers, body } = await kit.get({ 'accept-encoding': 'gzip' })
  assert.equal(headers['content-encoding'], 'gzip')
  assert.equal(headers['x-own'], 'yes')
  assert.match(gunzipSync(body).toString(), /^a 1$/m)

  const base = `http://127.0.0.1:${kit.exporter.port}`
  const other = await request(`${base}/`)
  assert.equal(other.statusCode, 404)
  await other.body.dump()
  const posted = await request(`${base}/metrics`, { method: 'POST' })
  assert.equal(posted.statusCode, 405)
  await posted.body.dump()
})

test('answers only who shows who it is, where an authenticator is named', async t => {
  const authenticator = {
    start: async () => {},
    stop: async () => {},
    serverAuthenticator: {
      authenticate: ({ header }: { header(name: string): readonly string[] }) =>
        header('authorization')[0] === 'Bearer good'
          ? { kind: 'granted' }
          : { kind: 'denied', code: 'unauthenticated', reason: 'no_credentials', message: 'who?' },
    },
  } as unknown as Component
  const section = { ...PLAIN, auth: { authenticator: 'bearertokenauth' } }
  const kit = await start(t, section, new Map([['bearertokenauth', authenticator]]))
  kit.send([gauge('a', [{}])])

  assert.equal((await kit.get()).status, 401)
  assert.equal((await kit.get({ authorization: 'Bearer bad' })).status, 401)
  assert.deepEqual(await kit.samples({ authorization: 'Bearer good' }), ['a 1'])
})

test('does not start without the authenticator that it names', async () => {
  const services = fakeServices()
  const section = { endpoint: '127.0.0.1:0', auth: { authenticator: 'gone' } }
  const config = judgeSection(factory.config, section).config as PrometheusConfig
  const exporter = new PrometheusExporter({ ...services, id: 'p', config, signals: ['metrics'] })

  await assert.rejects(exporter.start(fakeHost()), /gone is not running/)
  await exporter.stop()
})

/** A sample of the text format: name, labels in braces, value. */
const SAMPLE =
  /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\[\\"n])*",?)*\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$/

test('shows a page that can be read whatever metrics come', async t => {
  const kit = await start(t, { enable_open_metrics: true })
  const requests = fc.sample(arbitraryRequest('metrics'), { numRuns: 150, seed: 1 })

  for (const { bytes } of requests) {
    const { batch, freed } = acceptBatch(kit.services, 'metrics', bytes)
    assert.equal((await kit.exporter.consume(batch)).kind, 'accepted')
    assert.ok(freed())
  }

  for (const line of await kit.samples()) assert.match(line, SAMPLE)
  const { text } = await kit.get({ accept: OPENMETRICS })
  assert.ok(text.endsWith('# EOF\n'))
  assert.ok(readFamilies((await kit.get({ accept: PROTOBUF })).body).length > 0)
})

const SCHEMA = `syntax = "proto2";
message LabelPair { optional string name = 1; optional string value = 2; }
message Number { optional double value = 1; }
message Bucket { optional uint64 cumulative_count = 1; optional double upper_bound = 2; }
message Span { optional sint32 offset = 1; optional uint32 length = 2; }
message Histogram {
  optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Bucket bucket = 3;
  optional sint32 schema = 5; optional double zero_threshold = 6; optional uint64 zero_count = 7;
  repeated Span negative_span = 9; repeated sint64 negative_delta = 10;
  repeated Span positive_span = 12; repeated sint64 positive_delta = 13;
}
message Metric {
  repeated LabelPair label = 1; optional Number gauge = 2; optional Number counter = 3;
  optional int64 timestamp_ms = 6; optional Histogram histogram = 7;
}
message MetricFamily {
  optional string name = 1; optional string help = 2; optional int32 type = 3; repeated Metric metric = 4;
}`

function readFamilies(body: Uint8Array): Json[] {
  const type = protobuf.parse(SCHEMA).root.lookupType('MetricFamily')
  const reader = protobuf.Reader.create(body)
  const families: Json[] = []
  while (reader.pos < reader.len) {
    const family = type.decodeDelimited(reader)
    families.push(type.toObject(family, { longs: Number, arrays: false }))
  }
  return families
}
