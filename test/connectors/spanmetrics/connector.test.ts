/** `spanmetrics`: which series spans make, what their points say, how long they are kept, and where the bounds are. */
import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import fc from 'fast-check'
import { judgeSection } from '../../../src/config/judge.ts'
import { factory } from '../../../src/connectors/spanmetrics/factory.ts'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../../src/core/batch.ts'
import { busy } from '../../../src/core/outcome.ts'
import { Payload } from '../../../src/core/payload.ts'
import { indexRequestReference } from '../../../src/otlp/kernel/reference.ts'
import { isWireFault } from '../../../src/otlp/request-index.ts'
import { arbitraryRequest } from '../../otlp/request-models.ts'
import { type Json, jsonBatch, makeConnector, toJson } from '../json-batch.ts'
import { type Point, pointsOf, request, type SpanFacts, START_NANOS, span } from '../spans.ts'

const OUT = 'metrics/red'
const NEVER = new AbortController().signal
const FLUSH_MS = 60_000
const CALLS = 'traces.span.metrics.calls'
const DURATION = 'traces.span.metrics.duration'
const EVENTS = 'traces.span.metrics.events'
const DELTA = { aggregation_temporality: 'AGGREGATION_TEMPORALITY_DELTA' }
/** Names what tests do not look at. */
const PLAIN = { exclude_dimensions: ['collector.instance.id', 'span.kind', 'status.code'] }

async function make(section: object = PLAIN) {
  const kit = makeConnector(factory, section, { [OUT]: 'metrics' })
  await kit.connector.start(undefined as never)
  return {
    ...kit,
    spans: (facts: readonly SpanFacts[], resource?: Record<string, Json>, scope?: Json) =>
      kit.send('traces', request(facts.map(span), resource, scope)),
    /** Lets a flush interval go by; the points that came then. */
    async flush(ms = FLUSH_MS): Promise<Point[]> {
      const before = kit.got(OUT).length
      await kit.services.clock.advance(ms)
      return pointsOf(kit.got(OUT).slice(before))
    },
    async stop(): Promise<void> {
      await kit.connector.stop(NEVER)
      kit.assertSettled()
      assert.equal(kit.services.memory.reservedBytes, 0, 'memory is still reserved')
    },
  }
}

/** Counts of calls by their attributes, ordered. */
function calls(points: readonly Point[], metric = CALLS): string[] {
  return points
    .filter(each => each.metric === metric)
    .map(({ attributes, point }) => `${attributes} = ${point.asInt}`)
    .sort()
}

function durations(points: readonly Point[]): Point[] {
  return points.filter(({ metric }) => metric === DURATION)
}

/** Bytes of a protobuf message under construction; texts by character. */
type Bytes = readonly (number | string)[]

function field(...bytes: Bytes): number[] {
  return bytes.map(byte => (typeof byte === 'string' ? byte.charCodeAt(0) : byte))
}

function sized(...fields: readonly Bytes[]): number[] {
  const content = field(...fields.flat())
  return [content.length, ...content]
}

describe('spanmetrics', () => {
  it('counts calls and durations by service, name, kind and status', async () => {
    const kit = await make({})
    const facts = [{ ms: 5 }, { ms: 3000 }, { name: 'POST /', kind: 3, status: 2, ms: 1 }]
    assert.equal(await kit.spans(facts), 'accepted')

    await kit.flush()
    const points = await kit.flush()

    const own = points.map(point => ({
      ...point,
      attributes: point.attributes.replace(/collector.instance.id=[-0-9a-f]{36}/, 'instance'),
    }))
    assert.deepEqual(calls(own), [
      'service.name=shop,span.name=GET /,span.kind=SPAN_KIND_SERVER,status.code=STATUS_CODE_UNSET,instance = 2',
      'service.name=shop,span.name=POST /,span.kind=SPAN_KIND_CLIENT,status.code=STATUS_CODE_ERROR,instance = 1',
    ])
    const [get, post] = durations(own)
    assert.equal(get.unit, 'ms')
    assert.deepEqual(
      get.point.explicitBounds,
      [2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10000, 15000],
    )
    assert.deepEqual(
      get.point.bucketCounts.map(Number),
      [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
    )
    assert.equal(get.point.count, '2')
    assert.equal(get.point.sum, 3005)
    assert.equal(post.point.sum, 1)
    assert.equal(points[0].resource, 'service.name=shop')
    assert.equal(points[0].temporality, 2)
    await kit.stop()
  })

  it('tells a new cumulative count as 0 first, so that its rise is seen', async () => {
    const kit = await make()
    await kit.spans([{}, {}])

    const first = await kit.flush()
    const second = await kit.flush()

    assert.deepEqual(calls(first), ['service.name=shop,span.name=GET / = 0'])
    assert.deepEqual(calls(second), ['service.name=shop,span.name=GET / = 2'])
    assert.equal(durations(first)[0].point.count, '2')
    assert.equal(first[0].point.startTimeUnixNano, second[0].point.startTimeUnixNano)
    await kit.stop()
  })

  it('takes dimensions from the span, then from its resource, then from the default', async () => {
    const dimensions = [{ name: 'a' }, { name: 'b', default: 'none' }, { name: 'c' }]
    const kit = await make({ ...PLAIN, dimensions })
    const resource = { 'service.name': 'shop', a: 'of the resource' }
    await kit.spans(
      [{ attributes: { a: 'own', b: 7n } }, {}, { attributes: { c: true } }],
      resource,
    )

    await kit.flush()
    const points = await kit.flush()

    const base = 'service.name=shop,span.name=GET /'
    assert.deepEqual(calls(points), [
      `${base},a=of the resource,b=none = 1`,
      `${base},a=of the resource,b=none,c=true = 1`,
      `${base},a=own,b=7 = 1`,
    ])
    await kit.stop()
  })

  it('counts values that read the same as one, whatever their kind', async () => {
    const kit = await make({ ...PLAIN, dimensions: [{ name: 'code' }] })
    const values = ['200', 200n, 200, { intValue: '268435456' }, 268435456n, -1n, '-1']
    await kit.spans(values.map(code => ({ attributes: { code } })))

    await kit.flush()
    const points = await kit.flush()

    const base = 'service.name=shop,span.name=GET /'
    assert.deepEqual(calls(points), [
      `${base},code=-1 = 2`,
      `${base},code=200 = 3`,
      `${base},code=268435456 = 2`,
    ])
    await kit.stop()
  })

  it('gives calls and durations dimensions of their own', async () => {
    const kit = await make({
      ...PLAIN,
      calls_dimensions: [{ name: 'url' }],
      histogram: { dimensions: [{ name: 'scheme' }] },
    })
    await kit.spans([
      { attributes: { url: '/a', scheme: 'http' } },
      { attributes: { url: '/b', scheme: 'http' } },
    ])

    await kit.flush()
    const points = await kit.flush()

    const base = 'service.name=shop,span.name=GET /'
    assert.deepEqual(calls(points), [`${base},url=/a = 1`, `${base},url=/b = 1`])
    const kept = durations(points)
    assert.deepEqual(
      kept.map(({ attributes }) => attributes),
      [`${base},scheme=http`],
    )
    assert.equal(kept[0].point.count, '2')
    await kit.stop()
  })

  it('takes every attribute whose key a glob matches', async () => {
    const kit = await make({
      ...PLAIN,
      dimensions: [{ glob: 'k8s.*.name' }, { glob: 'db.**' }],
    })
    const attributes = { 'k8s.pod.name': 'p', 'k8s.pod.label.name': 'no', 'db.x.y': 'd', z: 'no' }
    await kit.spans([{ attributes }], { 'service.name': 'shop', 'k8s.node.name': 'n' })

    await kit.flush()
    const points = await kit.flush()

    assert.deepEqual(calls(points), [
      'service.name=shop,span.name=GET /,db.x.y=d,k8s.pod.name=p,k8s.node.name=n = 1',
    ])
    await kit.stop()
  })

  it('keeps exponential histograms', async () => {
    const kit = await make({ ...PLAIN, histogram: { exponential: { max_size: 4 }, unit: 's' } })
    await kit.spans([{ ms: 0 }, { ms: 1000 }, { ms: 2000 }, { ms: 4000 }, { ms: 8000 }])

    const [{ unit, point }] = durations(await kit.flush())

    assert.equal(unit, 's')
    assert.equal(point.count, '5')
    assert.equal(point.sum, 15)
    assert.equal(point.zeroCount, '1')
    assert.equal(point.scale ?? 0, 0)
    assert.equal(point.positive.offset, -1)
    assert.deepEqual(point.positive.bucketCounts, ['1', '1', '1', '1'])
    assert.equal(point.max, 8000 / 1000)
    await kit.stop()
  })

  it('tells deltas without a gap between them', async () => {
    const kit = await make({ ...PLAIN, ...DELTA })
    await kit.spans([{}])
    const [first] = await kit.flush()
    await kit.spans([{}, {}])
    const [second] = await kit.flush()
    const nothing = await kit.flush()

    assert.deepEqual([first.temporality, first.point.asInt], [1, '1'])
    assert.equal(second.point.asInt, '2')
    assert.equal(second.point.startTimeUnixNano, first.point.timeUnixNano)
    assert.deepEqual(nothing, [])
    await kit.stop()
  })

  it('counts what is over the cardinality limit in one series', async () => {
    const kit = await make({ ...PLAIN, aggregation_cardinality_limit: 2 })
    await kit.spans(['a', 'b', 'c', 'd', 'a'].map(name => ({ name })))

    await kit.flush()
    const points = await kit.flush()

    assert.deepEqual(calls(points), [
      'otel.metric.overflow=true = 2',
      'service.name=shop,span.name=a = 2',
      'service.name=shop,span.name=b = 1',
    ])
    assert.equal(kit.services.meter.total('millrace_spanmetrics_overflowed'), 2)
    await kit.stop()
  })

  it('keeps no more series than max_series, whatever resources come', async () => {
    const kit = await make({ ...PLAIN, max_series: 2 })
    for (let i = 0; i < 5; i++) await kit.spans([{}], { 'service.name': `s${i}` })

    await kit.flush()
    const points = (await kit.flush()).filter(({ metric }) => metric === CALLS)

    assert.deepEqual(points.map(({ resource, point }) => `${resource} ${point.asInt}`).sort(), [
      ' 3',
      'service.name=s0 1',
      'service.name=s1 1',
    ])
    assert.equal(kit.services.meter.total('millrace_spanmetrics_series'), 2)
    await kit.stop()
  })

  it('counts in one series when memory is short, and loses nothing', async () => {
    const kit = await make()
    kit.services.memory.limitBytes = 3000
    await kit.spans(['a', 'b', 'c', 'd', 'e', 'f'].map(name => ({ name })))
    kit.services.memory.limitBytes = Number.MAX_SAFE_INTEGER

    await kit.flush()
    const points = await kit.flush()

    const counts = calls(points).map(line => Number(line.split(' = ')[1]))
    assert.equal(
      counts.reduce((sum, each) => sum + each, 0),
      6,
    )
    assert.ok(counts.length < 6)
    await kit.stop()
  })

  it('counts a name that is too long for a key with what is too much', async () => {
    const kit = await make()
    await kit.spans([{ name: 'x'.repeat(70_000) }, { name: 'short' }])

    await kit.flush()
    const points = await kit.flush()

    assert.deepEqual(calls(points), [
      'otel.metric.overflow=true = 1',
      'service.name=shop,span.name=short = 1',
    ])
    await kit.stop()
  })

  it('forgets resources and series that nothing comes of', async () => {
    const kit = await make({ ...PLAIN, metrics_expiration: '5m', series_expiration: '2m' })
    await kit.spans([{ name: 'old' }])
    await kit.flush()
    await kit.spans([{ name: 'new' }])
    await kit.flush()
    const withoutOld = await kit.flush()
    await kit.flush(2 * FLUSH_MS)
    await kit.flush(2 * FLUSH_MS)
    const nothing = await kit.flush()

    assert.deepEqual(calls(withoutOld), ['service.name=shop,span.name=new = 1'])
    assert.deepEqual(nothing, [])
    assert.equal(kit.services.memory.reservedBytes > 0, true, 'the sink still holds batches')
    await kit.stop()
  })

  it('tells resources over the cache size once more and forgets them', async () => {
    const kit = await make({ ...PLAIN, resource_metrics_cache_size: 1 })
    await kit.spans([{}], { 'service.name': 'a' })
    await kit.spans([{}], { 'service.name': 'b' })

    const first = await kit.flush()
    const second = await kit.flush()

    const resources = (points: Point[]) => [...new Set(points.map(each => each.resource))].sort()
    assert.deepEqual(resources(first), ['service.name=a', 'service.name=b'])
    assert.deepEqual(resources(second), ['service.name=b'])
    await kit.stop()
  })

  it('knows a resource again whose attributes come in another order', async () => {
    const kit = await make()
    await kit.spans([{}], { 'service.name': 'shop', 'host.name': 'h' })
    await kit.spans([{}], { 'host.name': 'h', 'service.name': 'shop' })

    await kit.flush()

    assert.deepEqual(calls(await kit.flush()), ['service.name=shop,span.name=GET / = 2'])
    await kit.stop()
  })

  it('tells resources apart by the attributes that are named for it', async () => {
    const kit = await make({ ...PLAIN, resource_metrics_key_attributes: ['host.name'] })
    await kit.spans([{}], { 'service.name': 'a', 'host.name': 'h', 'process.pid': 1n })
    await kit.spans([{}], { 'service.name': 'a', 'host.name': 'h', 'process.pid': 2n })
    await kit.spans([{}], { 'service.name': 'b', 'host.name': 'h', 'process.pid': 3n })

    await kit.flush()
    const points = await kit.flush()

    assert.equal(new Set(points.map(({ resource }) => resource)).size, 1)
    assert.deepEqual(calls(points), [
      'service.name=a,span.name=GET / = 2',
      'service.name=b,span.name=GET / = 1',
    ])
    await kit.stop()
  })

  it('names spans as examples, the first ones of each interval', async () => {
    const kit = await make({ ...PLAIN, exemplars: { enabled: true, max_per_data_point: 2 } })
    await kit.spans([{ id: 1, ms: 1 }, { id: 2, ms: 2 }, { id: 3 }, { trace: 0, id: 4 }])

    const first = await kit.flush()
    const second = await kit.flush()

    const ids = (point: Json) =>
      (point.exemplars ?? []).map((each: Json) => Number(`0x${each.spanId}`))
    assert.deepEqual(
      first.map(({ point }) => ids(point)),
      [
        [1, 2],
        [1, 2],
      ],
    )
    assert.equal(first[1].point.exemplars[1].asDouble, 2)
    assert.deepEqual(
      second.map(({ point }) => ids(point)),
      [[], []],
    )
    await kit.stop()
  })

  it('counts events with dimensions of theirs', async () => {
    const events = { enabled: true, dimensions: [{ name: 'exception.type' }] }
    const kit = await make({ ...PLAIN, events })
    await kit.spans([
      { events: [{ 'exception.type': 'A' }, { 'exception.type': 'B' }] },
      { events: [{ 'exception.type': 'A' }, {}] },
      {},
    ])

    await kit.flush()

    const base = 'service.name=shop,span.name=GET /'
    assert.deepEqual(calls(await kit.flush(), EVENTS), [
      `${base} = 1`,
      `${base},exception.type=A = 2`,
      `${base},exception.type=B = 1`,
    ])
    await kit.stop()
  })

  it('counts sampled spans for as many as they stand for, unless told otherwise', async () => {
    const states = ['ot=th:c', 'ot=th:8', 'ot=th:0', 'vendor=x', 'ot=th:zz', '']
    const method = { ...PLAIN, enable_metrics_sampling_method: true }
    const weighted = await make(method)
    const plain = await make({ ...method, weighting: 'none' })
    for (const kit of [weighted, plain]) {
      await kit.spans(states.map(state => ({ state })))
      await kit.flush()
    }

    const points = await weighted.flush()

    const base = 'service.name=shop,span.name=GET /'
    assert.deepEqual(calls(points), [
      `${base},sampling.method=counted = 3`,
      `${base},sampling.method=extrapolated = 7`,
    ])
    assert.deepEqual(
      durations(points).map(({ point }) => point.count),
      ['7', '3'],
    )
    assert.deepEqual(calls(await plain.flush()), [`${base},sampling.method=counted = 6`])
    await weighted.stop()
    await plain.stop()
  })

  it('tells the scopes that are listed, each apart', async () => {
    const kit = await make({ ...PLAIN, include_instrumentation_scope: ['express'] })
    for (const scope of [
      { name: 'express', version: '1' },
      { name: 'express' },
      { name: 'other' },
    ]) {
      await kit.spans([{}], undefined, scope)
    }

    await kit.flush()

    const base = 'service.name=shop,span.name=GET /'
    const name = 'span.instrumentation.scope.name=express'
    assert.deepEqual(calls(await kit.flush()), [
      `${base} = 1`,
      `${base},${name} = 1`,
      `${base},${name},span.instrumentation.scope.version=1 = 1`,
    ])
    await kit.stop()
  })

  it('does not count spans of resources without a name, and says so', async () => {
    const kit = await make()

    assert.equal(await kit.spans([{}, {}], { host: 'h' }), 'accepted')

    assert.deepEqual(await kit.flush(), [])
    const [row] = kit.services.ledger.rows()
    assert.deepEqual(row.dropped, [
      { stage: 'it', reason: 'no_service_name', intentional: false, items: 2 },
    ])
    await kit.stop()
  })

  it('goes on counting while the pipeline behind is busy, and makes up for it later', async () => {
    const kit = await make({ ...PLAIN, ...DELTA })
    const sink = kit.sinks.get(OUT)!
    sink.answer = () => busy(1000)
    await kit.spans([{}])
    await kit.flush()
    await kit.spans([{}, {}])
    await kit.flush()
    sink.answer = () => ({ kind: 'accepted' })

    const points = await kit.flush()

    const counts = points.filter(({ metric }) => metric === CALLS).map(({ point }) => point.asInt)
    assert.deepEqual(counts, ['1', '2'])
    assert.ok(kit.services.meter.total('millrace_spanmetrics_postponed_flushes') > 0)
    await kit.stop()
  })

  it('outlives a fault while it tells its counts, says so, and tells them later', async () => {
    const kit = await make()
    await kit.spans([{}])
    const { memory, meter } = kit.services
    const { tryReserve } = memory
    memory.tryReserve = () => assert.fail('no luck')

    const broken = await kit.flush()
    memory.tryReserve = tryReserve
    await kit.flush()

    assert.deepEqual(broken, [])
    assert.equal(meter.total('millrace_spanmetrics_failed_flushes'), 1)
    assert.equal(calls(await kit.flush()).length, 1)
    await kit.stop()
  })

  for (const [title, section] of Object.entries({ deltas: DELTA, totals: {} })) {
    it(`tells what it has counted when it stops, as ${title}`, async () => {
      const kit = await make({ ...PLAIN, ...section })
      await kit.spans([{}, {}])

      await kit.connector.stop(NEVER)

      assert.deepEqual(calls(pointsOf(kit.got(OUT))), ['service.name=shop,span.name=GET / = 2'])
      assert.equal((await kit.send('traces', request([span()]))) === 'busy', true)
      await kit.stop()
    })
  }

  it('tells the count of a series that is told once only', async () => {
    const kit = await make({ ...PLAIN, series_expiration: '10s' })
    await kit.spans([{}, {}])

    assert.deepEqual(calls(await kit.flush()), ['service.name=shop,span.name=GET / = 2'])
    assert.deepEqual(await kit.flush(), [])
    await kit.stop()
  })

  it('tells the count of a resource that is told once only', async () => {
    const kit = await make({ ...PLAIN, resource_metrics_cache_size: 1 })
    await kit.spans([{}, {}], { 'service.name': 'first' })
    await kit.spans([{}], { 'service.name': 'second' })

    const points = await kit.flush()

    assert.deepEqual(calls(points), [
      'service.name=first,span.name=GET / = 2',
      'service.name=second,span.name=GET / = 0',
    ])
    await kit.stop()
  })

  it('tells what it has counted at the stop although the pipeline behind was busy before', async () => {
    const kit = await make({ ...PLAIN, ...DELTA })
    const sink = kit.sinks.get(OUT)!
    sink.answer = () => busy(50)
    await kit.spans([{}])
    await kit.flush()
    await kit.spans([{}, {}])

    const stopped = kit.connector.stop(NEVER)
    sink.answer = () => ({ kind: 'accepted' })
    await kit.services.clock.advance(1000)
    await stopped

    const points = pointsOf(kit.got(OUT)).filter(({ metric }) => metric === CALLS)
    assert.deepEqual(
      points.map(({ point }) => point.asInt),
      ['1', '2'],
    )
    await kit.stop()
  })

  it('drops what nobody takes until the deadline of the stop, and says so', async () => {
    const kit = await make({ ...PLAIN, ...DELTA })
    kit.sinks.get(OUT)!.answer = () => busy(50)
    await kit.spans([{}])

    await kit.connector.stop(AbortSignal.abort())

    const row = kit.services.ledger.rows().find(({ signal }) => signal === 'metrics')!
    assert.deepEqual(row.dropped, [
      { stage: 'it', reason: 'shutdown', intentional: false, items: 2 },
    ])
    await kit.stop()
  })

  it('keeps tenants apart', async () => {
    const kit = await make({ ...PLAIN, max_series: 1 })
    const batch = (tenant: string) => {
      const made = jsonBatch('traces', request([span()]), NO_CONTEXT, () => {})
      kit.services.ledger.accepted(tenant, 'traces', 1)
      return new Batch('traces', tenant, NO_CONTEXT, made.parts)
    }
    for (const tenant of ['a', 'b', 'a']) await kit.connector.consume(batch(tenant))
    await kit.flush()

    await kit.flush()

    const last = kit.sinks.get(OUT)!.batches.slice(-2)
    const counts = last.map(each => {
      const [{ point }] = pointsOf([toJson(each)])
      return `${each.tenant} ${point.asInt}`
    })
    assert.deepEqual(counts, ['a 2', 'b 1'])
    assert.equal(kit.services.meter.total('millrace_spanmetrics_overflowed'), 0)
    await kit.stop()
  })

  it('reads spans however their bytes are laid out', async () => {
    const kit = await make({ ...PLAIN, dimensions: [{ name: 'k' }], exclude_dimensions: [] })
    // Value before key, a tag in more bytes than it needs, the name twice, a status in two pieces.
    const pair = field(
      0xca,
      0,
      ...sized(
        field(0x12, ...sized(field(0x0a, ...sized([...'v'])))),
        field(0x0a, ...sized([...'k'])),
      ),
    )
    const bytes = Buffer.from(
      field(
        0x0a,
        ...sized(
          field(
            0x0a,
            ...sized(
              field(
                0x0a,
                ...sized(
                  field(0x0a, ...sized([...'service.name'])),
                  field(0x12, ...sized(field(0x0a, ...sized([...'s'])))),
                ),
              ),
            ),
          ),
          field(
            0x12,
            ...sized(
              field(
                0x12,
                ...sized(
                  field(0x2a, ...sized([...'x'])),
                  pair,
                  field(0xaa, 0x80, 0, ...sized([...'name'])),
                  field(0x7a, ...sized(field(0x98, 0, 2))),
                  field(0x7a, ...sized(field(0x12, ...sized([...'m'])))),
                ),
              ),
            ),
          ),
        ),
      ),
    )
    const index = indexRequestReference('traces', bytes)
    assert.ok(!isWireFault(index), JSON.stringify(index))
    const part = { payload: new Payload(bytes), index, selection: null, edits: null, items: 1 }
    kit.services.ledger.accepted(DEFAULT_TENANT, 'traces', 1)
    await kit.connector.consume(new Batch('traces', DEFAULT_TENANT, NO_CONTEXT, [part]))

    const points = await kit.flush()

    assert.match(
      points[0].attributes,
      /span.name=name,span.kind=SPAN_KIND_UNSPECIFIED,status.code=STATUS_CODE_ERROR,.*,k=v$/,
    )
    await kit.stop()
  })

  it('splits what is a lot into several requests', async () => {
    const kit = await make({ ...PLAIN, ...DELTA })
    await kit.spans(Array.from({ length: 9000 }, (_, i) => ({ name: `n${i}` })))

    await kit.flush()
    // It may take several turns of the event loop; a stop waits for it.
    await kit.connector.stop(NEVER)
    const points = pointsOf(kit.got(OUT))

    assert.ok(kit.got(OUT).length > 1)
    assert.equal(calls(points).length, 9000)
    assert.equal(durations(points).length, 9000)
    assert.equal(new Set(points.map(({ resource }) => resource)).size, 1)
    await kit.stop()
  })

  it('adds up to the spans that came, whatever they look like', async () => {
    const facts = fc.record({
      name: fc.constantFrom('a', 'ab', 'ä', '', 'a\u0000b'),
      kind: fc.integer({ min: 0, max: 5 }),
      status: fc.integer({ min: 0, max: 2 }),
      ms: fc.integer({ min: -5, max: 20_000 }),
      attributes: fc.dictionary(
        fc.constantFrom('k', 'kk', 'other'),
        fc.oneof(fc.string(), fc.bigInt({ min: -5n, max: 300_000_000n }), fc.boolean()),
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(facts, { minLength: 1, maxLength: 30 }), async all => {
        const excluded = ['collector.instance.id']
        const dimensions = [{ name: 'k' }, { name: 'kk', default: 'no' }]
        const kit = await make({ ...DELTA, exclude_dimensions: excluded, dimensions })
        await kit.spans(all)
        const points = await kit.flush()
        const expected = new Map<string, number>()
        for (const { name, kind, status, attributes } of all) {
          const own = Object.hasOwn(attributes, 'k') ? String(attributes.k) : null
          const other = Object.hasOwn(attributes, 'kk') ? String(attributes.kk) : 'no'
          const key = JSON.stringify([name, kind, status, own, other])
          expected.set(key, (expected.get(key) ?? 0) + 1)
        }
        const counts = points.filter(({ metric }) => metric === CALLS)
        assert.deepEqual(
          counts.map(({ point }) => Number(point.asInt)).sort(),
          [...expected.values()].sort(),
        )
        const sum = durations(points).reduce((total, { point }) => total + point.sum, 0)
        assert.equal(
          sum,
          all.reduce((total, { ms }) => total + Math.max(0, ms), 0),
        )
        await kit.stop()
      }),
      { numRuns: 40 },
    )
  })
})

test('accounts for every span and every byte, whatever spans come to spanmetrics', async () => {
  for (const { bytes, index } of fc.sample(arbitraryRequest('traces'), { numRuns: 150, seed: 1 })) {
    const kit = await make({
      ...PLAIN,
      dimensions: [{ glob: '[!sc]**' }],
      exemplars: { enabled: true },
      events: { enabled: true, dimensions: [{ name: 'b' }] },
    })
    const part = {
      payload: new Payload(bytes),
      index,
      selection: null,
      edits: null,
      items: index.items,
    }
    kit.services.ledger.accepted(DEFAULT_TENANT, 'traces', index.items)
    const batch = new Batch('traces', DEFAULT_TENANT, NO_CONTEXT, [part])
    assert.equal((await kit.connector.consume(batch)).kind, 'accepted')
    await kit.flush()
    await kit.stop()
  }
})

describe('configuration of spanmetrics', () => {
  const faults = (section: object): string[] =>
    judgeSection(factory.config, section).faults.map(fault => JSON.stringify(fault))

  it('refuses what upstream refuses', () => {
    const cases: [object, RegExp][] = [
      [{ dimensions: [{ name: 'span.name' }] }, /duplicate dimension name/],
      [{ dimensions: [{ name: 'a' }, { name: 'a' }] }, /duplicate dimension name/],
      [{ dimensions: [{}] }, /neither name nor glob/],
      [{ dimensions: [{ name: 'a', glob: 'b*' }] }, /both name and glob/],
      [{ dimensions: [{ glob: 'b*', default: 'x' }] }, /not supported beside/],
      [{ dimensions: [{ glob: 'b[' }] }, /class that does not end/],
      [{ dimensions: [{ name: 'abc' }, { glob: 'a*' }] }, /covers the dimension abc/],
      [{ events: { enabled: true } }, /no dimensions configured/],
      [{ histogram: { explicit: {}, exponential: {} } }, /either `explicit` or `exponential`/],
      [{ histogram: { explicit: { buckets: ['2s', '1s'] } } }, /do not ascend/],
      [{ histogram: { unit: 'h' } }, /not a unit/],
      [{ ...DELTA, metric_timestamp_cache_size: 0 }, /delta timestamp cache size/],
      [{ metrics_flush_interval: '0s' }, /may not be 0/],
      [{ aggregation_cardinality_limit: -1 }, /small|>=0/],
    ]
    for (const [section, message] of cases) assert.match(faults(section).join(), message)
  })

  it('takes the defaults of upstream', () => {
    const { config } = judgeSection(factory.config, {}) as { config: Json }

    assert.equal(config.namespace, 'traces.span.metrics')
    assert.equal(config.metrics_flush_interval, 60_000)
    assert.equal(config.resource_metrics_cache_size, 1000)
    assert.equal(config.exemplars.max_per_data_point, 5)
    assert.equal(config.histogram.unit, 'ms')
    assert.equal(START_NANOS > 0n, true)
  })
})
