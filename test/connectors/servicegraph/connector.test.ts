/** `servicegraph`: which spans make an edge, what is said of it, what becomes of halves, and where the bounds are. */
import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import fc from 'fast-check'
import { judgeSection } from '../../../src/config/judge.ts'
import { factory } from '../../../src/connectors/servicegraph/factory.ts'
import { Batch, DEFAULT_TENANT, NO_CONTEXT } from '../../../src/core/batch.ts'
import { Payload } from '../../../src/core/payload.ts'
import { arbitraryRequest } from '../../otlp/request-models.ts'
import { type Json, makeConnector } from '../json-batch.ts'
import { type Point, pointsOf, request, type SpanFacts, span } from '../spans.ts'

const OUT = 'metrics/graph'
const NEVER = new AbortController().signal
const TOTAL = 'traces_service_graph_request_total'
const FAILED = 'traces_service_graph_request_failed_total'
const SERVER = 'traces_service_graph_request_server'
const CLIENT = 'traces_service_graph_request_client'
const KIND = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 }

async function make(section: object = {}) {
  const kit = makeConnector(factory, section, { [OUT]: 'metrics' })
  await kit.connector.start(undefined as never)
  return {
    ...kit,
    spans: (service: string, facts: readonly SpanFacts[], resource: Record<string, Json> = {}) =>
      kit.send('traces', request(facts.map(span), { 'service.name': service, ...resource })),
    async flush(ms = 60_000): Promise<Point[]> {
      const before = kit.got(OUT).length
      await kit.services.clock.advance(ms)
      return pointsOf(kit.got(OUT).slice(before))
    },
    total: (name: string) => kit.services.meter.total(`otelcol_connector_servicegraph_${name}`),
    async stop(): Promise<void> {
      await kit.connector.stop(NEVER)
      kit.assertSettled()
      assert.equal(kit.services.memory.reservedBytes, 0, 'memory is still reserved')
    },
  }
}

type Kit = Awaited<ReturnType<typeof make>>

function lines(points: readonly Point[], metric = TOTAL): string[] {
  return points
    .filter(each => each.metric === metric)
    .map(({ attributes, point }) => `${attributes} = ${point.asInt ?? point.count}`)
    .sort()
}

/** `web` calls `shop`: two spans of one request. */
async function call(kit: Kit, trace = 1, status = 0): Promise<void> {
  await kit.spans('web', [{ trace, id: 1, kind: KIND.client, ms: 30 }])
  await kit.spans('shop', [{ trace, id: 2, parent: 1, kind: KIND.server, ms: 20, status }])
}

function edge(client: string, server: string, type = '', failed = false): string {
  return `client=${client},server=${server},connection_type=${type},failed=${failed}`
}

describe('servicegraph', () => {
  it('counts requests and failures between services, and how long both sides took', async () => {
    const kit = await make()
    await call(kit, 1)
    await call(kit, 2)
    await call(kit, 3, 2)

    const points = await kit.flush()

    const [good, bad] = [edge('web', 'shop'), edge('web', 'shop', '', true)]
    assert.deepEqual(lines(points), [`${good} = 2`, `${bad} = 1`])
    assert.deepEqual(lines(points, FAILED), [`${bad} = 1`])
    assert.deepEqual(lines(points, SERVER), [`${good} = 2`, `${bad} = 1`])
    const sums = (metric: string) =>
      points.filter(each => each.metric === metric).map(({ point }) => point.sum)
    assert.deepEqual(sums(SERVER), [0.04, 0.02])
    assert.deepEqual(sums(CLIENT), [0.06, 0.03])
    const duration = points.find(({ metric }) => metric === SERVER)!
    assert.deepEqual([duration.unit, duration.temporality, duration.resource], ['s', 2, ''])
    assert.deepEqual(
      duration.point.explicitBounds.slice(0, 6),
      [0.002, 0.004, 0.006, 0.008, 0.01, 0.05],
    )
    assert.equal(Number(duration.point.bucketCounts[5]), 2)
    assert.equal(kit.total('total_edges'), 3)
    await kit.stop()
  })

  it('pairs sides that come in any order and in different batches', async () => {
    const kit = await make()
    await kit.spans('shop', [{ id: 2, parent: 1, kind: KIND.server }])
    await kit.spans('web', [{ id: 1, kind: KIND.client }])

    assert.deepEqual(lines(await kit.flush()), [`${edge('web', 'shop')} = 1`])
    await kit.stop()
  })

  it('knows calls of messaging systems and databases', async () => {
    const kit = await make()
    await kit.spans('shop', [
      { id: 1, kind: KIND.producer },
      { id: 3, kind: KIND.client, attributes: { 'db.name': 'orders' } },
    ])
    await kit.spans('mailer', [{ id: 2, parent: 1, kind: KIND.consumer }])

    assert.deepEqual(lines(await kit.flush()), [
      `${edge('shop', 'mailer', 'messaging_system')} = 1`,
      `${edge('shop', 'orders', 'database')} = 1`,
    ])
    await kit.stop()
  })

  it('takes dimensions of both sides, of the resource rather than of the span', async () => {
    const kit = await make({ dimensions: ['zone', 'tier'] })
    await kit.spans('web', [{ id: 1, kind: KIND.client, attributes: { zone: 'own', tier: 1n } }], {
      zone: 'a',
    })
    await kit.spans('shop', [{ id: 2, parent: 1, kind: KIND.server }], { zone: 'b' })

    assert.deepEqual(lines(await kit.flush()), [
      `${edge('web', 'shop')},client_zone=a,client_tier=1,server_zone=b = 1`,
    ])
    await kit.stop()
  })

  it('makes a node of a side that sends no spans', async () => {
    const kit = await make({ virtual_node_extra_label: true })
    await kit.spans('web', [
      { trace: 1, kind: KIND.client, attributes: { 'peer.service': 'bank' } },
      { trace: 2, kind: KIND.client },
    ])
    await kit.spans('shop', [{ trace: 3, kind: KIND.server }])

    const points = await kit.flush()

    assert.deepEqual(lines(points), [
      `${edge('user', 'shop', 'virtual_node')},virtual_node=client = 1`,
      `${edge('web', 'bank', 'virtual_node')},virtual_node=server = 1`,
      `${edge('web', 'unknown', 'virtual_node')},virtual_node=server = 1`,
    ])
    assert.equal(kit.total('expired_edges'), 3)
    await kit.stop()
  })

  it('makes no such nodes when no attributes are named for it', async () => {
    const kit = await make({ virtual_node_peer_attributes: [] })
    await kit.spans('web', [{ kind: KIND.client }])

    assert.deepEqual(await kit.flush(), [])
    assert.equal(kit.total('expired_edges'), 1)
    await kit.stop()
  })

  it('does not take a side whose other side comes after the time to live', async () => {
    const kit = await make({ store: { ttl: '2s' }, virtual_node_peer_attributes: [] })
    await kit.spans('web', [{ id: 1, kind: KIND.client }])
    await kit.services.clock.advance(5000)
    await kit.spans('shop', [{ id: 2, parent: 1, kind: KIND.server }])

    assert.deepEqual(await kit.flush(), [])
    await kit.stop()
  })

  it('counts a span that comes twice once', async () => {
    const kit = await make()
    const client = { id: 1, kind: KIND.client }
    await kit.spans('web', [client, client])
    await kit.spans('shop', [{ id: 2, parent: 1, kind: KIND.server }])

    assert.deepEqual(lines(await kit.flush()), [`${edge('web', 'shop')} = 1`])
    await kit.stop()
  })

  it('lets spans go that find no room in the store, and says so', async () => {
    const kit = await make({ store: { max_items: 1 } })
    await kit.spans('web', [
      { trace: 1, kind: KIND.client },
      { trace: 2, kind: KIND.client },
      { trace: 3, kind: KIND.internal },
    ])

    assert.equal(kit.total('dropped_spans'), 1)
    const [row] = kit.services.ledger.rows()
    assert.deepEqual(
      row.dropped
        .map(({ reason, items, intentional }) => `${reason} ${items} ${intentional}`)
        .sort(),
      ['aggregated 1 true', 'no_edge 1 true', 'too_many_edges 1 false'],
    )
    await kit.stop()
  })

  it('lets spans go when there is no memory for their texts', async () => {
    const kit = await make({ dimensions: ['note'] })
    kit.services.memory.limitBytes = 100_000
    const noted = (note: string) => ({ kind: KIND.client, attributes: { note } })
    await kit.spans('web', [
      { trace: 1, ...noted('short') },
      { trace: 2, ...noted('x'.repeat(60_000)) },
      { trace: 1, ...noted('x'.repeat(60_000)) },
    ])

    assert.equal(kit.total('dropped_spans'), 2)
    await kit.stop()
  })

  it('makes room by ending edges that have waited too long', async () => {
    const kit = await make({ store: { max_items: 1, ttl: '1s' }, store_expiration_loop: '1h' })
    await kit.spans('web', [{ trace: 1, kind: KIND.client }])
    await kit.services.clock.advance(1500)
    await kit.spans('web', [{ trace: 2, kind: KIND.client }])

    assert.equal(kit.total('dropped_spans'), 0)
    assert.equal(kit.total('expired_edges'), 1)
    await kit.stop()
  })

  it('counts edges over the number of series in one', async () => {
    const kit = await make({ max_series: 1 })
    await call(kit, 1)
    await call(kit, 2, 2)
    await call(kit, 3, 2)

    assert.deepEqual(lines(await kit.flush()), [
      `${edge('web', 'shop')} = 1`,
      'otel.metric.overflow=true = 2',
    ])
    assert.equal(kit.services.meter.total('millrace_servicegraph_overflowed'), 2)
    await kit.stop()
  })

  it('keeps exponential histograms', async () => {
    const kit = await make({ exponential_histogram_max_size: 10 })
    await call(kit)

    const points = await kit.flush()

    const { point } = points.find(({ metric }) => metric === SERVER)!
    assert.equal(point.count, '1')
    assert.equal(point.sum, 0.02)
    assert.equal(point.scale, 20)
    assert.deepEqual(point.positive.bucketCounts, ['1'])
    await kit.stop()
  })

  it('tells counts that go on, and forgets series of which nothing comes for 15 minutes', async () => {
    const kit = await make()
    await call(kit)
    const [first] = await kit.flush()
    const [second] = await kit.flush()

    const after = await kit.flush(20 * 60_000)
    const last = await kit.flush()

    assert.equal(first.point.startTimeUnixNano, second.point.startTimeUnixNano)
    assert.equal(second.point.asInt, '1')
    assert.ok(after.length > 0)
    assert.deepEqual(last, [])
    await kit.stop()
  })

  it('sends metrics with each batch when there is no interval, and dates them back', async () => {
    const kit = await make({ metrics_flush_interval: '0s', metrics_timestamp_offset: '10s' })
    await call(kit)

    const [point] = pointsOf(kit.got(OUT))

    const now = BigInt(kit.services.clock.now())
    assert.equal(BigInt(point.point.timeUnixNano), (now - 10_000n) * 1_000_000n)
    await kit.stop()
  })

  it('weights edges by what was sampled only when it is told to', async () => {
    for (const [weighting, count] of [
      ['none', 1],
      ['adjusted_count', 4],
    ] as const) {
      const kit = await make({ weighting })
      await kit.spans('web', [{ id: 1, kind: KIND.client, state: 'ot=th:c' }])
      await kit.spans('shop', [{ id: 2, parent: 1, kind: KIND.server, state: 'ot=th:c' }])

      assert.deepEqual(lines(await kit.flush()), [`${edge('web', 'shop')} = ${count}`])
      await kit.stop()
    }
  })

  it('outlives a fault while it tells its edges, says so, and tells them later', async () => {
    const kit = await make()
    await call(kit)
    const { memory, meter } = kit.services
    const { tryReserve } = memory
    memory.tryReserve = () => assert.fail('no luck')

    const broken = await kit.flush()
    memory.tryReserve = tryReserve

    assert.deepEqual(broken, [])
    assert.equal(meter.total('millrace_servicegraph_failed_flushes'), 1)
    assert.deepEqual(lines(await kit.flush()), [`${edge('web', 'shop')} = 1`])
    await kit.stop()
  })

  it('tells what it has counted when it stops, and counts halves as expired', async () => {
    const kit = await make()
    await call(kit)
    await kit.spans('web', [{ trace: 9, kind: KIND.client }])

    await kit.connector.stop(NEVER)

    assert.deepEqual(lines(pointsOf(kit.got(OUT))), [`${edge('web', 'shop')} = 1`])
    assert.equal(kit.total('expired_edges'), 1)
    await kit.stop()
  })
})

test('accounts for every span and every byte, whatever spans come to servicegraph', async () => {
  for (const { bytes, index } of fc.sample(arbitraryRequest('traces'), { numRuns: 150, seed: 1 })) {
    const kit = await make({ dimensions: ['a'], store: { max_items: 5 } })
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

describe('configuration of servicegraph', () => {
  it('refuses two kinds of histograms, and bounds that do not ascend', () => {
    const faults = (section: object): string =>
      JSON.stringify(judgeSection(factory.config, section).faults)

    const both = { latency_histogram_buckets: ['1s'], exponential_histogram_max_size: 5 }
    assert.match(faults(both), /use either/)
    assert.match(faults({ latency_histogram_buckets: ['2s', '1s'] }), /do not ascend/)
    assert.match(faults({ exponential_histogram_max_size: -1 }), /exponential_histogram_max_size/)
    assert.equal(faults({ latency_histogram_buckets: ['1s', '2s'] }), '[]')
  })
})
