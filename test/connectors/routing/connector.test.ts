/** `routing`: which rows get which items, what is copied and dropped, and what a bad table is told. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeSection } from '../../../src/config/judge.ts'
import { factory } from '../../../src/connectors/routing/factory.ts'
import { busy } from '../../../src/core/outcome.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { makeConnector, spanNames, traces } from '../json-batch.ts'

const PIPELINES: Record<string, Signal> = {
  'traces/a': 'traces',
  'traces/b': 'traces',
  'traces/rest': 'traces',
}

function make(table: object[], more: object = {}, pipelines = PIPELINES) {
  return makeConnector(factory, { table, default_pipelines: ['traces/rest'], ...more }, pipelines)
}

const SHOP = { context: 'resource', condition: 'attributes["service.name"] == "shop"' }

describe('routing', () => {
  it('moves a resource with all its spans to the first row that matches', async () => {
    const kit = make([
      { ...SHOP, pipelines: ['traces/a'] },
      {
        context: 'resource',
        condition: 'IsMatch(attributes["service.name"], "s.*")',
        pipelines: ['traces/b'],
      },
    ])

    await kit.send('traces', traces({ shop: ['1', '2'], stock: ['3'], web: ['4'] }))

    assert.deepEqual(spanNames(kit.got('traces/a')), ['1', '2'])
    assert.deepEqual(spanNames(kit.got('traces/b')), ['3'])
    assert.deepEqual(spanNames(kit.got('traces/rest')), ['4'])
    kit.assertSettled()
  })

  it('copies to a row and goes on, to the default too', async () => {
    const kit = make([
      { ...SHOP, pipelines: ['traces/a'], action: 'copy' },
      { context: 'span', condition: 'name == "2"', pipelines: ['traces/b'] },
    ])

    await kit.send('traces', traces({ shop: ['1', '2'], web: ['3'] }))

    assert.deepEqual(spanNames(kit.got('traces/a')), ['1', '2'])
    assert.deepEqual(spanNames(kit.got('traces/b')), ['2'])
    assert.deepEqual(spanNames(kit.got('traces/rest')), ['1', '3'])
    assert.equal(kit.services.ledger.rows()[0].copied, 2)
    kit.assertSettled()
  })

  it('sends to every row with match_once false, and to the default only what no row matched', async () => {
    const rows = [
      { statement: 'route() where attributes["service.name"] == "shop"', pipelines: ['traces/a'] },
      { condition: 'attributes["service.name"] != "web"', pipelines: ['traces/b'] },
    ]
    for (const more of [{ match_once: false }, {}]) {
      const kit = make(rows, more)

      await kit.send('traces', traces({ shop: ['1'], stock: ['2'], web: ['3'] }))

      assert.deepEqual(spanNames(kit.got('traces/a')), ['1'])
      assert.deepEqual(spanNames(kit.got('traces/b')), ['1', '2'])
      assert.deepEqual(spanNames(kit.got('traces/rest')), ['3'])
      kit.assertSettled()
    }
  })

  it('routes data points, metrics and log records by conditions about them', async () => {
    const pipelines: Record<string, Signal> = {
      'metrics/a': 'metrics',
      'metrics/b': 'metrics',
      'metrics/rest': 'metrics',
    }
    const kit = make(
      [
        { context: 'metric', condition: 'name == "cpu"', pipelines: ['metrics/a'] },
        { context: 'datapoint', condition: 'value_int > 5', pipelines: ['metrics/b'] },
      ],
      { default_pipelines: ['metrics/rest'] },
      pipelines,
    )
    const gauge = (name: string, ...values: number[]) => ({
      name,
      gauge: { dataPoints: values.map(value => ({ asInt: String(value) })) },
    })
    const request = {
      resourceMetrics: [{ scopeMetrics: [{ metrics: [gauge('cpu', 1, 9), gauge('mem', 2, 8)] }] }],
    }

    await kit.send('metrics', request)

    const points = (pipeline: string) =>
      kit
        .got(pipeline)
        .flatMap(r => r.resourceMetrics[0].scopeMetrics[0].metrics)
        .map((m: { name: string; gauge: { dataPoints: { asInt: string }[] } }) => [
          m.name,
          ...m.gauge.dataPoints.map(point => point.asInt),
        ])
    assert.deepEqual(points('metrics/a'), [['cpu', '1', '9']])
    assert.deepEqual(points('metrics/b'), [['mem', '8']])
    assert.deepEqual(points('metrics/rest'), [['mem', '2']])
    kit.assertSettled()
  })

  it('routes a whole request by its metadata', async () => {
    const kit = make([
      { context: 'request', condition: 'request["X-Tenant"] == "acme"', pipelines: ['traces/a'] },
      { context: 'request', condition: 'request["X-Tenant"] != "acme"', pipelines: ['traces/b'] },
    ])
    const from = (tenant: string) => ({ metadata: new Map([['x-tenant', [tenant]]]), peer: '' })

    await kit.send('traces', traces({ shop: ['1'] }), from('acme'))
    await kit.send('traces', traces({ shop: ['2'] }), from('other'))
    await kit.send('traces', traces({ shop: ['3'] }))

    assert.deepEqual(spanNames(kit.got('traces/a')), ['1'])
    assert.deepEqual(spanNames(kit.got('traces/b')), ['2'])
    assert.deepEqual(spanNames(kit.got('traces/rest')), ['3'])
    kit.assertSettled()
  })

  it('runs an editor of a statement on what it routes', async () => {
    const kit = make([
      {
        statement: 'set(attributes["routed"], true) where attributes["service.name"] == "shop"',
        pipelines: ['traces/a'],
      },
    ])

    await kit.send('traces', traces({ shop: ['1'], web: ['2'] }))

    const keys = (pipeline: string) =>
      kit.got(pipeline)[0].resourceSpans[0].resource.attributes.map((a: { key: string }) => a.key)
    assert.deepEqual(keys('traces/a'), ['service.name', 'routed'])
    assert.deepEqual(keys('traces/rest'), ['service.name'])
    kit.assertSettled()
  })

  it('drops what has no way, and says so', async () => {
    const kit = make([{ ...SHOP, pipelines: ['traces/a'] }], { default_pipelines: [] })

    assert.equal(await kit.send('traces', traces({ shop: ['1'], web: ['2', '3'] })), 'accepted')
    assert.equal(await kit.send('traces', traces({ web: ['4'] })), 'accepted')

    assert.deepEqual(kit.services.ledger.rows()[0].dropped, [
      { stage: 'it', reason: 'no_route', intentional: true, items: 3 },
    ])
    kit.assertSettled()
  })

  it('takes a failing condition for no match, or refuses the batch with propagate', async () => {
    const row = { context: 'span', condition: 'Len(attributes["n"]) > 1', pipelines: ['traces/a'] }
    const lenient = make([row], { error_mode: 'ignore' })
    const strict = make([row])

    await lenient.send('traces', traces({ shop: ['1'] }))
    const answer = await strict.send('traces', traces({ shop: ['1', '2'] }))

    assert.deepEqual(spanNames(lenient.got('traces/rest')), ['1'])
    assert.match(answer, /^refused 2: it: /)
    lenient.assertSettled()
    strict.assertSettled()
  })

  it('gives a batch back whole when nobody takes it, and keeps on asking when somebody has', async () => {
    const kit = make([{ ...SHOP, pipelines: ['traces/a'] }])
    const both = traces({ shop: ['1'], web: ['2'] })
    for (const sink of kit.sinks.values()) sink.answer = () => busy(50)
    assert.equal(await kit.send('traces', both), 'busy')

    kit.sinks.get('traces/a')!.answer = () => ({ kind: 'accepted' })
    const answer = kit.send('traces', both)
    await kit.services.clock.advance(40)
    kit.sinks.get('traces/rest')!.answer = () => ({ kind: 'accepted' })
    await kit.services.clock.advance(40)

    assert.equal(await answer, 'accepted')
    assert.deepEqual(spanNames(kit.got('traces/a')), ['1'])
    assert.deepEqual(spanNames(kit.got('traces/rest')), ['2'])
    kit.assertSettled()
  })

  it('does not start with a pipeline that it does not feed', () => {
    assert.throws(
      () => make([{ ...SHOP, pipelines: ['traces/x'] }]),
      /traces\/x.*those that do: traces\/a/s,
    )
  })

  it('says all that is wrong with a table', () => {
    const faults = (section: object) =>
      judgeSection(factory.config, section).faults.map(
        ({ path, message }) => `${path.join('.')} ${message}`,
      )

    assert.match(faults({})[0], /^table is empty/)
    const found = faults({
      table: [
        { condition: 'true', statement: 'route()', pipelines: ['a'] },
        { pipelines: ['a'] },
        { condition: 'true' },
        { condition: 'atributes["x"] == 1', pipelines: ['a'] },
        { context: 'request', condition: 'name == "x"', pipelines: ['a'] },
        { context: 'request', statement: 'route()', pipelines: ['a'] },
      ],
    })
    assert.deepEqual(
      found.map(fault => fault.split(' ')[0]),
      [
        'table.0.condition',
        'table.1.condition',
        'table.2.pipelines',
        'table.3.condition',
        'table.4.condition',
        'table.5.statement',
      ],
    )
    assert.match(found[3], /attributes/)
  })
})
