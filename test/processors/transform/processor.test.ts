/** `transform`: the ledger when points are joined or added, what is left alone, and what is refused at load. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { validateComponentConfig } from '../../../src/config/judge.ts'
import { ACCEPTED } from '../../../src/core/outcome.ts'
import type { Signal } from '../../../src/core/signal.ts'
import { config as spec } from '../../../src/processors/transform/config.ts'
import { factory } from '../../../src/processors/transform/factory.ts'
import { TransformProcessor } from '../../../src/processors/transform/processor.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { batchOfJson, jsonOf, text, tracesOf } from '../request-batch.ts'

function start(section: object, signal: Signal = 'traces') {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const config = spec.schema.parse(section)
  const context = { ...services, id: 'transform', config, signals: [signal] }
  return { ...services, next, processor: new TransformProcessor(context, next) }
}

function gauge(...hosts: readonly string[]): object {
  const dataPoints = hosts.map((host, i) => ({
    asInt: String(i + 1),
    attributes: [text('host', host)],
  }))
  const metrics = [{ name: 'load', gauge: { dataPoints } }]
  return { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }
}

test('runs groups in order; a later one sees what an earlier one wrote', async () => {
  const { processor, next } = start({
    trace_statements: [
      { context: 'resource', statements: ['set(attributes["zone"], "a")'] },
      { statements: ['set(span.name, Concat([resource.attributes["zone"], span.name], "/"))'] },
      { conditions: ['span.name == "a/x"'], statements: ['set(span.attributes["hit"], true)'] },
    ],
  })

  await processor.consume(batchOfJson('traces', tracesOf({ name: 'x' }, { name: 'y' })))

  const [x, y] = jsonOf(next.batches[0]).resourceSpans[0].scopeSpans[0].spans
  assert.deepEqual([x.name, y.name], ['a/x', 'a/y'])
  assert.deepEqual(x.attributes, [{ key: 'hit', value: { boolValue: true } }])
  assert.equal(y.attributes, undefined)
})

test('hands the very batch on when nothing was changed', async () => {
  const { processor, next } = start({
    trace_statements: ['set(span.name, "z") where span.name == "no"'],
  })
  const batch = batchOfJson('traces', tracesOf({ name: 'x' }))

  await processor.consume(batch)

  assert.equal(next.batches[0], batch)
})

test('memory of edits is used again only after the batch that needs it has ended', async () => {
  const { processor, next } = start({
    trace_statements: ['set(span.name, Concat([span.name, "!"], ""))'],
  })
  let freed = 0
  for (let i = 0; i < 20; i++) {
    const names = Array.from({ length: 100 }, (_, k) => ({ name: `span-${i}-${k}` }))
    await processor.consume(batchOfJson('traces', tracesOf(...names), () => freed++))
    if (i % 3 === 0) next.batches[i].release()
  }
  assert.equal(freed, 7)

  for (const [i, batch] of next.batches.entries()) {
    if (i % 3 === 0) continue
    const { spans } = jsonOf(batch).resourceSpans[0].scopeSpans[0]
    for (const [k, { name }] of spans.entries()) assert.equal(name, `span-${i}-${k}!`)
    batch.release()
  }
  assert.equal(freed, 20)
})

test('books joined points as dropped on purpose', async () => {
  const statements = ['aggregate_on_attributes("sum", []) where metric.name == "load"']
  const { processor, next, ledger } = start({ metric_statements: statements }, 'metrics')
  ledger.accepted('default', 'metrics', 3)

  assert.equal(await processor.consume(batchOfJson('metrics', gauge('a', 'b', 'c'))), ACCEPTED)

  const [metric] = jsonOf(next.batches[0]).resourceMetrics[0].scopeMetrics[0].metrics
  assert.deepEqual(metric.gauge.dataPoints, [{ asInt: '6' }])
  const drop = { stage: 'transform', reason: 'aggregated', intentional: true, items: 2 }
  assert.deepEqual(ledger.rows()[0].dropped, [drop])
  ledger.sent('default', 'metrics', 1)
  assertBalanced(ledger)
})

test('books added points as copied, and frees what it made in between', async () => {
  const statements = [
    'copy_metric(name="copy") where metric.name == "load"',
    'set(metric.unit, "1") where metric.name == "copy"',
  ]
  const { processor, next, ledger } = start({ metric_statements: statements }, 'metrics')
  let frees = 0
  ledger.accepted('default', 'metrics', 2)

  await processor.consume(batchOfJson('metrics', gauge('a', 'b'), () => frees++))

  const { metrics } = jsonOf(next.batches[0]).resourceMetrics[0].scopeMetrics[0]
  assert.deepEqual(
    metrics.map((metric: { name: string; unit?: string }) => [metric.name, metric.unit]),
    [
      ['load', undefined],
      ['copy', '1'],
    ],
  )
  assert.equal(frees, 1)
  ledger.sent('default', 'metrics', 4)
  assertBalanced(ledger)
})

test('refuses a batch whose statements would copy without end', async () => {
  const { processor, next } = start({ metric_statements: ['copy_metric(name="c")'] }, 'metrics')
  let frees = 0
  const batch = batchOfJson('metrics', gauge('a'), () => frees++)

  // Nothing names a context here, so the group says it.
  const named = start(
    { metric_statements: [{ context: 'metric', statements: ['copy_metric(name="c")'] }] },
    'metrics',
  )
  const outcome = await named.processor.consume(batch)

  assert.ok(outcome.kind === 'refused')
  assert.equal(frees, 0)
  assert.equal(named.next.batches.length, 0)
  await processor.consume(batch)
  assert.equal(next.batches.length, 1)
})

const WRONG: readonly (readonly [string, object, RegExp])[] = [
  ['a syntax error', { trace_statements: ['set(span.name, "x"'] }, /trace_statements/],
  ['an unknown function', { log_statements: ['not_one(log.body)'] }, /not_one|context/],
  [
    'a metric function elsewhere',
    { trace_statements: [{ context: 'span', statements: ['convert_sum_to_gauge()'] }] },
    /convert_sum_to_gauge/,
  ],
  [
    'a context that is none of the signal',
    { log_statements: [{ context: 'span', statements: [] }] },
    /no context span/,
  ],
  ['statements among groups', { log_statements: ['set(log.body, "")', {}] }, /mixes/],
  ['an unknown error mode', { error_mode: 'loud' }, /error_mode/],
  [
    'a temporality that is none',
    { metric_statements: ['convert_gauge_to_sum("x", true) where metric.name == ""'] },
    /temporality/,
  ],
]

for (const [what, section, message] of WRONG) {
  test(`refuses ${what} at load`, () => {
    const problems = validateComponentConfig(factory, section)

    assert.match(problems.map(p => `${p.path}: ${p.message}`).join('\n'), message)
  })
}
