/** `filter`: that the ledger says what went, that errors mean what `error_mode` says, and what is refused at load. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { validateComponentConfig } from '../../../src/config/judge.ts'
import { ACCEPTED, busy } from '../../../src/core/outcome.ts'
import { config as spec } from '../../../src/processors/filter/config.ts'
import { factory } from '../../../src/processors/filter/factory.ts'
import { FilterProcessor } from '../../../src/processors/filter/processor.ts'
import { assertBalanced, CollectingConsumer, fakeServices } from '../../../src/testing/fakes.ts'
import { batchOfJson, jsonOf, text, tracesOf } from '../request-batch.ts'

const SPANS = tracesOf(
  { name: 'keep', events: [{ name: 'a' }, { name: 'b' }] },
  { name: 'drop', attributes: [text('n', 'not a number')] },
  { name: 'keep too' },
)

function start(section: object) {
  const services = fakeServices()
  const next = new CollectingConsumer()
  const config = spec.schema.parse(section)
  const context = { ...services, id: 'filter', config, signals: ['traces'] as const }
  return { ...services, next, processor: new FilterProcessor(context, next) }
}

test('drops what a condition holds for, and says so in ledger and metric', async () => {
  const { processor, next, ledger, meter } = start({ trace_conditions: ['span.name == "drop"'] })
  ledger.accepted('default', 'traces', 3)

  assert.equal(await processor.consume(batchOfJson('traces', SPANS)), ACCEPTED)

  const { spans } = jsonOf(next.batches[0]).resourceSpans[0].scopeSpans[0]
  assert.deepEqual(
    spans.map((span: { name: string }) => span.name),
    ['keep', 'keep too'],
  )
  const drop = { stage: 'filter', reason: 'filtered', intentional: true, items: 1 }
  assert.deepEqual(ledger.rows()[0].dropped, [drop])
  assert.equal(meter.total('otelcol_processor_filter_spans_filtered'), 1)
  ledger.sent('default', 'traces', 2)
  assertBalanced(ledger)
})

test('drops events without counting them as items', async () => {
  const { processor, next, ledger } = start({ traces: { spanevent: ['name == "a"'] } })
  ledger.accepted('default', 'traces', 3)

  await processor.consume(batchOfJson('traces', SPANS))

  const [span] = jsonOf(next.batches[0]).resourceSpans[0].scopeSpans[0].spans
  assert.deepEqual(span.events, [{ name: 'b' }])
  ledger.sent('default', 'traces', 3)
  assertBalanced(ledger)
})

test('hands the very batch on when nothing goes', async () => {
  const { processor, next } = start({ trace_conditions: ['span.name == "nothing"'] })
  const batch = batchOfJson('traces', SPANS)

  await processor.consume(batch)

  assert.equal(next.batches[0], batch)
})

test('an error in a condition drops nothing under ignore and refuses the batch under propagate', async () => {
  const conditions = ['ParseJSON(span.name)["x"] == 1']
  const lenient = start({ trace_conditions: conditions })
  const strict = start({ trace_conditions: conditions, error_mode: 'propagate' })

  await lenient.processor.consume(batchOfJson('traces', SPANS))
  const outcome = await strict.processor.consume(batchOfJson('traces', SPANS))

  assert.equal(lenient.next.items, 3)
  assert.equal(strict.next.batches.length, 0)
  assert.ok(outcome.kind === 'refused')
  assert.deepEqual([outcome.items, outcome.why], [3, 'rejected'])
})

test('books a drop only once the rest was taken', async () => {
  const { processor, next, ledger } = start({ trace_conditions: ['span.name == "drop"'] })
  ledger.accepted('default', 'traces', 3)
  const batch = batchOfJson('traces', SPANS)
  next.answer = () => busy(3)

  assert.deepEqual(await processor.consume(batch), busy(3))
  assert.deepEqual(ledger.rows()[0].dropped, [])
  next.answer = () => ACCEPTED
  await processor.consume(batch)

  ledger.sent('default', 'traces', 2)
  assertBalanced(ledger)
})

const WRONG: readonly (readonly [string, object, RegExp])[] = [
  ['a syntax error', { traces: { span: ['name =='] } }, /traces\.span\.0/],
  ['an unknown path', { trace_conditions: ['span.nam == "a"'] }, /trace_conditions\.0.*name/s],
  ['an unknown function', { logs: { log_record: ['Foo(body)'] } }, /Foo/],
  ['a condition that names no context', { trace_conditions: ['name == "a"'] }, /context/],
  ['a context of another signal', { trace_conditions: ['log.body == "a"'] }, /log/],
  ['conditions among groups', { log_conditions: ['log.body == ""', { conditions: [] }] }, /mixes/],
  [
    'two forms at once',
    { traces: { span: ['name == ""'] }, trace_conditions: ['span.name == ""'] },
    /together/,
  ],
  [
    'properties without a property',
    { spans: { include: { match_type: 'strict' } } },
    /spans\.include/,
  ],
  [
    'a pattern that RE2 refuses',
    { metrics: { include: { match_type: 'regexp', metric_names: ['(?=x)'] } } },
    /metrics\.include/,
  ],
  [
    'expr',
    { metrics: { include: { match_type: 'expr', expressions: ['HasLabel("a")'] } } },
    /expr.*not supported/,
  ],
  ['a severity that is none', { logs: { include: { severity_number: { min: 'LOUD' } } } }, /LOUD/],
]

for (const [what, section, message] of WRONG) {
  test(`refuses ${what} at load`, () => {
    const problems = validateComponentConfig(factory, section)

    assert.match(problems.map(p => `${p.path}: ${p.message}`).join('\n'), message)
  })
}
