/** Decisions about items: order, continue, drop, routes, splits, mirrors, importance, tenants and errors. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Source } from '../../../src/config/source.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { decodeJson } from '../../../src/otlp/json/decode.ts'
import { Selection } from '../../../src/otlp/selection.ts'
import type { ItemOutcome } from '../../../src/rules/files/cases/compare.ts'
import { Engine, PropagatedError } from '../../../src/rules/files/engine.ts'
import { loadRules } from '../../../src/rules/files/load.ts'
import { partOf, Tracer } from '../../../src/rules/files/trace.ts'
import { atOnce } from '../../../src/util/in-slices.ts'
import { smallLanguage } from './small-language.ts'
import { viewEvaluator } from './view-evaluator.ts'

function engineFor(rules: string, signal: Signal = 'traces'): Engine {
  const text = `version: 1\nrules:\n${rules}`
  const { set, problems } = loadRules([new Source('r.yaml', text)], { language: smallLanguage })
  assert.ok(set !== undefined, JSON.stringify(problems))
  return atOnce(Engine.build(set, signal, viewEvaluator))
}

interface Item {
  readonly name: string
  readonly trace?: string
  readonly service?: string
  readonly fail?: boolean
}

function spans(items: readonly Item[]) {
  const resourceSpans = items.map(
    ({ name, trace = '0'.repeat(31).concat('1'), service = 's', fail }) => ({
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeSpans: [
        {
          spans: [
            {
              name,
              traceId: trace,
              attributes: fail ? [{ key: 'fail', value: { boolValue: true } }] : [],
            },
          ],
        },
      ],
    }),
  )
  return partOf(
    'traces',
    decodeJson('traces', Buffer.from(JSON.stringify({ resourceSpans }))) as Uint8Array,
  )
}

function decide(rules: string, items: readonly Item[], tenant = 'default'): readonly ItemOutcome[] {
  return new Tracer(engineFor(rules)).run(spans(items), tenant)
}

test('the first rule that drops or routes ends the walk, and what nobody routes goes to the default', () => {
  const [a, b, c] = decide(
    `  - { name: drop-a, when: name == "a", do: drop }
  - { name: route-ab, when: name != "c", do: { route: [x, y] } }
  - { name: drop-b, when: name == "b", do: drop }`,
    [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
  )

  assert.deepEqual([a.droppedBy, a.hits], ['drop-a', ['drop-a']])
  assert.deepEqual([b.droppedBy, b.routedTo, b.hits], [null, ['x', 'y'], ['route-ab']])
  assert.deepEqual([c.droppedBy, c.routedTo, c.hits], [null, [], []])
})

test('a rule that continues adds its destinations to those of later rules', () => {
  const [item] = decide(
    `  - { name: one, do: { route: [x, y] }, continue: true }
  - { name: two, do: { route: [y, z] } }
  - { name: three, do: { route: [w] } }`,
    [{ name: 'a' }],
  )

  assert.deepEqual(item.routedTo, ['x', 'y', 'z'])
  assert.deepEqual(item.hits, ['one', 'two'])
})

test('a drop also takes what was routed before, but not the mirrored copy', () => {
  const [item] = decide(
    `  - { name: one, do: { route: [x], mirror: m }, continue: true }
  - { name: two, do: drop }`,
    [{ name: 'a' }],
  )

  assert.deepEqual([item.droppedBy, item.routedTo, item.mirroredTo], ['two', [], ['m']])
})

test('edits are seen by the rules behind them', () => {
  const [item] = decide(
    `  - { name: rename, when: name == "a", do: ['set(name, "b")'] }
  - { name: find, when: name == "b", do: drop }`,
    [{ name: 'a' }],
  )

  assert.equal(item.droppedBy, 'find')
})

test('a split divides by weight and keeps a trace together', () => {
  const rules = '  - { name: canary, do: { route: { split: { a: 90, b: 10 } } } }'
  const traces = Array.from({ length: 3000 }, (_, i) =>
    (i * 7919 + 13).toString(16).padStart(32, '0'),
  )
  const items = [...traces, ...traces].map(trace => ({ name: 'x', trace }))

  const outcomes = decide(rules, items)

  const ways = outcomes.map(outcome => outcome.routedTo.join())
  assert.deepEqual(ways.slice(0, 3000), ways.slice(3000))
  const share = ways.filter(way => way === 'b').length / ways.length
  assert.ok(share > 0.08 && share < 0.12, `share ${share}`)
  assert.ok(ways.every(way => way === 'a' || way === 'b'))
})

test('items without a trace, and splits by resource, go by their resource', () => {
  const items = Array.from({ length: 400 }, (_, i) => ({
    name: 'x',
    trace: '',
    service: `s${i % 40}`,
  }))

  const byTrace = decide('  - { name: c, do: { route: { split: { a: 1, b: 1 } } } }', items)
  const byResource = decide(
    '  - { name: c, do: { route: { split: { a: 1, b: 1 }, by: resource } } }',
    items.map((item, i) => ({ ...item, trace: i.toString(16).padStart(32, '1') })),
  )

  const ways = byTrace.map(outcome => outcome.routedTo.join())
  assert.deepEqual(
    byResource.map(outcome => outcome.routedTo.join()),
    ways,
  )
  assert.deepEqual(ways.slice(0, 40), ways.slice(40, 80))
  assert.equal(new Set(ways).size, 2)
})

test('a mirror takes its share of the traces, independent of a split', () => {
  const traces = Array.from({ length: 4000 }, (_, i) =>
    (i * 104729 + 7).toString(16).padStart(32, '0'),
  )
  const outcomes = decide(
    `  - { name: shadow, do: { mirror: m, percent: 25 } }
  - { name: canary, do: { route: { split: { a: 50, b: 50 } } } }`,
    traces.map(trace => ({ name: 'x', trace })),
  )

  const mirrored = outcomes.filter(outcome => outcome.mirroredTo.length > 0)
  assert.ok(Math.abs(mirrored.length / 4000 - 0.25) < 0.03, `${mirrored.length}`)
  const half = mirrored.filter(outcome => outcome.routedTo[0] === 'a').length / mirrored.length
  assert.ok(Math.abs(half - 0.5) < 0.06, `${half}`)
})

test('the last importance counts', () => {
  const [item] = decide(
    `  - { name: one, do: { importance: 10 } }
  - { name: two, do: { importance: -3 } }`,
    [{ name: 'a' }],
  )

  assert.equal(item.importance, -3)
})

test('a rule for tenants leaves the others alone', () => {
  const rules = '  - { name: one, tenants: [shop-*, bank], do: drop }'

  assert.equal(decide(rules, [{ name: 'a' }], 'shop-1')[0].droppedBy, 'one')
  assert.equal(decide(rules, [{ name: 'a' }], 'bank')[0].droppedBy, 'one')
  assert.equal(decide(rules, [{ name: 'a' }], 'banks')[0].droppedBy, null)
})

test('a condition that fails does not hold, and the other rules go on', () => {
  const [item, fine] = decide(
    `  - { name: one, when: name == "a", do: drop }
  - { name: two, do: { route: [x] } }`,
    [{ name: 'a', fail: true }, { name: 'a' }],
  )

  assert.deepEqual([item.droppedBy, item.routedTo], [null, ['x']])
  assert.deepEqual(item.errors, ['one: cannot read it'])
  assert.deepEqual([fine.droppedBy, fine.errors], ['one', []])
})

test('error_mode propagate ends the whole part', () => {
  const engine = engineFor('  - { name: one, when: name == "a", do: drop, error_mode: propagate }')

  assert.throws(
    () =>
      engine.decide(spans([{ name: 'a', fail: true }]), 'default', {
        metadata: new Map(),
        peer: '',
      }),
    (error: Error) =>
      error instanceof PropagatedError && /rule one: cannot read it/.test(error.message),
  )
})

test('counts hits, drops, routes and errors by rule', () => {
  const engine = engineFor(
    `  - { name: one, when: name == "a", do: drop }
  - { name: two, do: { route: [x] } }`,
  )
  const part = spans([{ name: 'a' }, { name: 'b' }, { name: 'c', fail: true }])

  engine.decide(part, 'default', { metadata: new Map(), peer: '' })

  const { hits, drops, routes, errors } = engine.counts
  assert.deepEqual([...hits], [1, 2])
  assert.deepEqual([...drops], [1, 0])
  assert.deepEqual([...routes], [0, 2])
  assert.deepEqual([...errors], [1, 0])
})

test('items that were out before are not looked at', () => {
  const engine = engineFor('  - { name: one, do: drop }')
  const whole = spans([{ name: 'a' }, { name: 'b' }])
  const part = { ...whole, selection: Selection.range(2, 1, 2), items: 1 }

  const { verdicts } = engine.decide(part, 'default', { metadata: new Map(), peer: '' })

  assert.deepEqual([...engine.counts.drops], [1])
  assert.deepEqual([verdicts.droppedBy(0), verdicts.droppedBy(1)], [-1, 0])
})

test('a rule for metrics decides about all points, and one for data points about each', () => {
  const point = (k: string) => ({
    asInt: '1',
    attributes: [{ key: 'k', value: { stringValue: k } }],
  })
  const resourceMetrics = [
    {
      scopeMetrics: [
        {
          metrics: [
            { name: 'a', gauge: { dataPoints: [point('1'), point('2')] } },
            { name: 'b', gauge: { dataPoints: [point('1'), point('2')] } },
          ],
        },
      ],
    },
  ]
  const bytes = decodeJson('metrics', Buffer.from(JSON.stringify({ resourceMetrics })))
  const engine = engineFor(
    `  - { name: points, on: datapoint, when: 'name == "b" and attributes["k"] == "1"', do: drop }
  - { name: metrics, on: metric, do: { route: [x] } }
  - { name: spans, do: drop }`,
    'metrics',
  )

  const outcomes = new Tracer(engine).run(partOf('metrics', bytes as Uint8Array), 'default')

  assert.deepEqual(
    outcomes.map(outcome => outcome.droppedBy ?? outcome.routedTo.join()),
    ['x', 'x', 'points', 'x'],
  )
  assert.deepEqual([...engine.counts.hits], [1, 3])
})
