/** `count`: what is counted under which attributes, what the sums look like, and who answers for what in the ledger. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeSection } from '../../../src/config/judge.ts'
import { factory } from '../../../src/connectors/count/factory.ts'
import { MAX_SERIES, MAX_SERIES_BYTES } from '../../../src/connectors/count/tally.ts'
import { busy, refused } from '../../../src/core/outcome.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { type Json, makeConnector, traces } from '../json-batch.ts'

const OUT = 'metrics/counts'
const SCOPE = 'github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector'

function make(
  section: object | null = null,
  pipelines: Record<string, Signal> = { [OUT]: 'metrics' },
) {
  return makeConnector(factory, (section ?? {}) as object, pipelines)
}

type Kit = ReturnType<typeof make>

/** Every point as one line: resource, metric, attributes, count. */
function counts(kit: Kit, pipeline = OUT): string[] {
  return kit
    .got(pipeline)
    .flatMap(request =>
      request.resourceMetrics.flatMap((group: Json) =>
        group.scopeMetrics[0].metrics.flatMap((metric: Json) =>
          metric.sum.dataPoints.map((point: Json) =>
            [
              text(group.resource?.attributes),
              metric.name,
              text(point.attributes),
              `= ${point.asInt}`,
            ].join(' '),
          ),
        ),
      ),
    )
}

function text(attributes: Json[] = []): string {
  return attributes.map(({ key, value }) => `${key}=${Object.values(value)[0]}`).join(',') || '-'
}

function attribute(key: string, value: Json): Json {
  return { key, value }
}

/** Log records with these attributes in one resource. */
function logs(records: readonly Json[], resource: Json[] = [], scope: Json[] = []): Json {
  const logRecords = records.map(attributes => ({ attributes }))
  return {
    resourceLogs: [
      {
        resource: { attributes: resource },
        scopeLogs: [{ scope: { attributes: scope }, logRecords }],
      },
    ],
  }
}

const env = (value: string): Json => attribute('env', { stringValue: value })

describe('count', () => {
  it('counts spans and their events in each resource without any configuration', async () => {
    const kit = make()
    const request = traces({ shop: ['1', '2'], web: ['3'] })
    request.resourceSpans[0].scopeSpans[0].spans[0].events = [{ name: 'a' }, { name: 'b' }]

    assert.equal(await kit.send('traces', request), 'accepted')

    assert.deepEqual(counts(kit), [
      'service.name=shop trace.span.count - = 2',
      'service.name=shop trace.span.event.count - = 2',
      'service.name=web trace.span.count - = 1',
    ])
    kit.assertSettled()
  })

  it('counts metrics, data points and log records without any configuration', async () => {
    const kit = make()
    const gauge = { name: 'cpu', gauge: { dataPoints: [{ asInt: '1' }, { asInt: '2' }] } }
    const histogram = { name: 'size', histogram: { dataPoints: [{ count: '1' }] } }

    await kit.send('metrics', {
      resourceMetrics: [{ scopeMetrics: [{ metrics: [gauge, histogram, { name: 'empty' }] }] }],
    })
    await kit.send('logs', logs([[], []]))

    assert.deepEqual(counts(kit), [
      '- metric.count - = 3',
      '- metric.datapoint.count - = 3',
      '- log.record.count - = 2',
    ])
    kit.assertSettled()
  })

  it('sends monotonic delta sums that reach from the first to the last time of the items', async () => {
    const kit = make()
    const request = traces({ shop: ['1', '2', '3'] })
    const { spans } = request.resourceSpans[0].scopeSpans[0]
    Object.assign(spans[0], { startTimeUnixNano: '200', endTimeUnixNano: '300' })
    Object.assign(spans[1], { startTimeUnixNano: '100', endTimeUnixNano: '250' })

    await kit.send('traces', request)

    assert.deepEqual(kit.got(OUT)[0].resourceMetrics[0].scopeMetrics, [
      {
        scope: { name: SCOPE },
        metrics: [
          {
            name: 'trace.span.count',
            description: 'The number of spans observed.',
            sum: {
              dataPoints: [{ startTimeUnixNano: '100', timeUnixNano: '300', asInt: '3' }],
              aggregationTemporality: 1,
              isMonotonic: true,
            },
          },
        ],
      },
    ])
    kit.assertSettled()
  })

  it('takes the clock where no item has a time', async () => {
    const kit = make()

    await kit.send('logs', logs([[]]))

    const [point] = kit.got(OUT)[0].resourceMetrics[0].scopeMetrics[0].metrics[0].sum.dataPoints
    const now = `${kit.services.clock.now()}000000`
    assert.deepEqual([point.startTimeUnixNano, point.timeUnixNano], [now, now])
    kit.assertSettled()
  })

  it('counts what matches one of the conditions, by each metric on its own', async () => {
    const kit = make({
      logs: {
        all: {},
        prod: { conditions: ['attributes["env"] == "prod"'] },
        known: {
          conditions: ['attributes["env"] == "prod"', 'IsMatch(attributes["env"], "^te")'],
        },
        nothing: { conditions: ['attributes["env"] == "nowhere"'] },
      },
    })

    await kit.send('logs', logs([[env('prod')], [env('test')], [env('x')], []]))

    assert.deepEqual(counts(kit), ['- all - = 4', '- prod - = 1', '- known - = 2'])
    kit.assertSettled()
  })

  it('asks about events, metrics and data points in the contexts of theirs', async () => {
    const kit = make({
      spanevents: {
        'errors.of.shop': {
          conditions: ['name == "exception" and resource.attributes["service.name"] == "shop"'],
          attributes: [{ key: 'type' }],
        },
      },
      metrics: { cpu: { conditions: ['HasAttrOnDatapoint("core", "1")'] } },
      datapoints: { large: { conditions: ['value_int > 5 and metric.name == "cpu"'] } },
    })
    const request = traces({ shop: ['1'], web: ['2'] })
    for (const { scopeSpans } of request.resourceSpans) {
      const type = attribute('type', { stringValue: 'io' })
      scopeSpans[0].spans[0].events = [
        { name: 'exception', attributes: [type] },
        { name: 'exception' },
        { name: 'retry', attributes: [type] },
      ]
    }
    const point = { asInt: '9', attributes: [attribute('core', { stringValue: '1' })] }
    const gauge = (name: string) => ({ name, gauge: { dataPoints: [{ asInt: '1' }, point] } })

    await kit.send('traces', request)
    await kit.send('metrics', {
      resourceMetrics: [{ scopeMetrics: [{ metrics: [gauge('cpu'), { name: 'x' }] }] }],
    })

    assert.deepEqual(counts(kit), [
      'service.name=shop trace.span.count - = 1',
      'service.name=shop errors.of.shop type=io = 1',
      'service.name=web trace.span.count - = 1',
      '- cpu - = 1',
      '- large - = 1',
    ])
    kit.assertSettled()
  })

  it('keeps one count for each set of attribute values, of the item before its scope and resource', async () => {
    const kit = make({
      logs: { 'by.env': { attributes: [{ key: 'env' }, { key: 'host' }, { key: 'lib' }] } },
    })
    const host = attribute('host', { stringValue: 'h' })
    const lib = attribute('lib', { intValue: '7' })

    await kit.send('logs', logs([[env('a')], [], [env('a')]], [env('r'), host], [lib, env('s')]))
    await kit.send('logs', logs([[env('a')]], [host]))

    assert.deepEqual(counts(kit), [
      'env=r,host=h by.env env=a,host=h,lib=7 = 2',
      'env=r,host=h by.env env=s,host=h,lib=7 = 1',
    ])
    kit.assertSettled()
  })

  it('tells texts, integers and doubles apart and puts defaults in place of what is absent', async () => {
    const kit = make({
      logs: {
        n: { attributes: [{ key: 'n', default_value: 2 }] },
        none: { attributes: [{ key: 'n', default_value: '' }] },
        half: { attributes: [{ key: 'm', default_value: 0.5 }] },
      },
    })
    const values = [
      { stringValue: '1' },
      { intValue: '1' },
      { doubleValue: 1 },
      { boolValue: true },
    ]

    await kit.send('logs', logs([...values.map(value => [attribute('n', value)]), []]))

    const points = kit
      .got(OUT)[0]
      .resourceMetrics[0].scopeMetrics[0].metrics.map(({ name, sum }: Json) => [
        name,
        sum.dataPoints.map((point: Json) => point.attributes[0].value),
      ])
    const counted = [
      { stringValue: '1' },
      { intValue: '1' },
      { doubleValue: 1 },
      { stringValue: '' },
    ]
    assert.deepEqual(points, [
      ['n', [...counted, { intValue: '2' }]],
      ['none', counted],
      ['half', [{ doubleValue: 0.5 }]],
    ])
    kit.assertSettled()
  })

  it('sends nothing on when nothing was counted, and says where the items went', async () => {
    const kit = make({ logs: { prod: { conditions: ['attributes["env"] == "prod"'] } } })

    assert.equal(await kit.send('logs', logs([[], []])), 'accepted')

    assert.deepEqual(kit.got(OUT), [])
    assert.deepEqual(kit.services.ledger.rows()[0].dropped, [
      { stage: 'it', reason: 'counted', intentional: true, items: 2 },
    ])
    kit.assertSettled()
  })

  it('counts nothing of a kind whose section is there and empty', async () => {
    const kit = make({ spans: {}, logs: null })
    const request = traces({ shop: ['1'] })
    request.resourceSpans[0].scopeSpans[0].spans[0].events = [{ name: 'a' }]

    await kit.send('traces', request)
    await kit.send('logs', logs([[]]))

    assert.deepEqual(counts(kit), ['service.name=shop trace.span.event.count - = 1'])
    kit.assertSettled()
  })

  it('feeds all its metrics pipelines', async () => {
    const kit = make(null, { 'metrics/a': 'metrics', 'metrics/b': 'metrics' })

    await kit.send('logs', logs([[]]))

    assert.deepEqual(counts(kit, 'metrics/a'), ['- log.record.count - = 1'])
    assert.deepEqual(counts(kit, 'metrics/b'), ['- log.record.count - = 1'])
    kit.assertSettled()
  })

  it('refuses a batch in which a condition fails', async () => {
    const kit = make({ logs: { long: { conditions: ['Len(attributes["n"]) > 1'] } } })

    assert.match(await kit.send('logs', logs([[], []])), /^refused 2: it: /)

    assert.deepEqual(kit.got(OUT), [])
    kit.assertSettled()
  })

  it('is busy while the pipeline behind it is, and counts once when it no longer is', async () => {
    const kit = make()
    const sink = kit.sinks.get(OUT)!
    const answers = [busy(50), Promise.resolve(busy(50))]
    sink.answer = () => answers.shift() ?? { kind: 'accepted' }

    assert.equal(await kit.send('logs', logs([[], []])), 'busy')
    assert.equal(await kit.send('logs', logs([[], []])), 'busy')
    assert.equal(kit.services.memory.reservedBytes, 0)
    assert.equal(await kit.send('logs', logs([[], []])), 'accepted')

    assert.deepEqual(counts(kit), ['- log.record.count - = 2'])
    const copied = kit.services.ledger.rows().map(({ signal, copied }) => [signal, copied])
    assert.deepEqual(Object.fromEntries(copied), { logs: 0, metrics: 1 })
    kit.assertSettled()
  })

  it('refuses what the pipeline behind it refuses, and books counts that were refused in part', async () => {
    const kit = make({ logs: { a: {}, b: {} } })
    const sink = kit.sinks.get(OUT)!
    sink.answer = batch => refused(batch.items, 'rejected', 'no')
    assert.equal(await kit.send('logs', logs([[], [], []])), 'refused 3: no')

    sink.answer = batch => {
      kit.services.ledger.sent(batch.tenant, batch.signal, 1)
      batch.release()
      return refused(1, 'bad_data', 'one')
    }
    assert.equal(await kit.send('logs', logs([[], [], []])), 'accepted')

    const row = kit.services.ledger.rows().find(each => each.signal === 'metrics')!
    assert.deepEqual(row.dropped, [
      { stage: 'it', reason: 'bad_data', intentional: false, items: 1 },
    ])
    kit.assertSettled()
  })

  it('holds memory for its counts until they are let go, and is busy without room', async () => {
    const kit = make()
    await kit.send('logs', logs([[]]))
    assert.ok(kit.services.memory.reservedBytes > 100)

    kit.services.memory.limitBytes = kit.services.memory.reservedBytes + 10
    assert.equal(await kit.send('logs', logs([[]])), 'busy')

    kit.assertSettled()
    assert.equal(kit.services.memory.reservedBytes, 0)
  })

  it('counts in one point what is beyond the bound on series, and says how much it was', async () => {
    const kit = make({ logs: { n: { attributes: [{ key: 'n' }] } } })
    const records = Array.from({ length: MAX_SERIES + 3 }, (_, i) => [
      attribute('n', { intValue: String(i) }),
    ])

    await kit.send('logs', logs([...records, records[0]], [env('prod')]))

    const lines = counts(kit)
    assert.equal(lines.length, MAX_SERIES + 1)
    assert.equal(lines[0], 'env=prod n n=0 = 2')
    assert.equal(lines.at(-1), '- n otel.metric.overflow=true = 3')
    assert.equal(kit.services.meter.total('millrace_count_overflowed'), 3)
    kit.assertSettled()
  })

  it('bounds the bytes of series too', async () => {
    const kit = make({ logs: { n: { attributes: [{ key: 'n' }] } } })
    const half = MAX_SERIES_BYTES / 2 - 100
    const records = ['a', 'b', 'c', 'd'].map(letter => [
      attribute('n', { stringValue: letter.repeat(half) }),
    ])

    await kit.send('logs', logs(records))

    const [{ sum }] = kit
      .got(OUT)[0]
      .resourceMetrics.map((group: Json) => group.scopeMetrics[0].metrics[0])
    assert.equal(sum.dataPoints.length, 2)
    assert.equal(counts(kit).at(-1), '- n otel.metric.overflow=true = 2')
    kit.assertSettled()
  })

  it('says all that is wrong with a section', () => {
    const faults = (section: object) =>
      judgeSection(factory.config, section).faults.map(
        ({ path, message }) => `${path.join('.')} ${message}`,
      )

    const found = faults({
      spans: { '': {}, a: { conditions: ['invalid condition'] } },
      spanevents: { a: { attributes: [{ key: '' }] } },
      metrics: { a: { attributes: [{ key: 'x' }] } },
      datapoints: { a: { conditions: ['attributes["x"] == 1', 'atributes["x"] == 1'] } },
      logs: { a: { attributes: [{ key: 'x' }, { key: 'x' }] } },
    })
    assert.deepEqual(
      found.map(fault => fault.split(' ')[0]),
      [
        'spans.',
        'spans.a.conditions.0',
        'spanevents.a.attributes.0.key',
        'metrics.a.attributes',
        'datapoints.a.conditions.1',
        'logs.a.attributes.1.key',
      ],
    )
    assert.match(found[0], /metric name missing/)
    assert.match(found[2], /attribute key missing/)
    assert.match(
      faults({ logs: { a: { attributes: [{ key: 'x', default_value: true }] } } })[0],
      /default_value/,
    )
  })
})
