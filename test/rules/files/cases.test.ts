/** Cases beside rule files: the short notation, what it becomes in bytes, and what is told when something differs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Source } from '../../../src/config/source.ts'
import { ItemReader } from '../../../src/rules/files/cases/describe-item.ts'
import { casesPathOf, readCases } from '../../../src/rules/files/cases/read.ts'
import { type CaseResult, runCases } from '../../../src/rules/files/cases/run.ts'
import { makeCursorEvaluator } from '../../../src/rules/files/cursor-evaluator.ts'
import { ruleLanguage } from '../../../src/rules/files/language.ts'
import { loadRules } from '../../../src/rules/files/load.ts'
import { partOf } from '../../../src/rules/files/trace.ts'

const RULES = `version: 1
rules:
  - name: health
    when: attributes["url.path"] == "/healthz"
    do: drop
  - name: mask
    when: attributes["card"] != nil
    do:
      - set(attributes["card"], "****")
      - set(resource.attributes["masked"], true)
  - name: payments
    when: resource.attributes["service.name"] == "payments" and status.code == STATUS_CODE_ERROR
    do: { route: [jaeger, kafka/errors], importance: 5 }
  - name: fails
    when: Int(name) + 1 == 2
    do: drop
  - name: slow
    when: end_time_unix_nano - start_time_unix_nano > 1000000000
    do: { mirror: slow }
  - name: noisy-events
    on: spanevent
    when: name == "noise"
    do: drop
  - name: debug-logs
    on: log
    when: severity_number < SEVERITY_NUMBER_INFO and IsString(body)
    do: drop
  - name: cardinality
    on: datapoint
    when: metric.name == "requests"
    do:
      - delete_key(attributes, "user.id")
  - name: old-metric
    on: metric
    when: name == "old"
    do: drop
`

function setOf(rules: string) {
  const { set, problems } = loadRules([new Source('r.yaml', rules)], { language: ruleLanguage })
  assert.ok(set !== undefined, JSON.stringify(problems.map(problem => problem.message)))
  return set
}

function run(cases: string, rules = RULES): readonly CaseResult[] {
  const set = setOf(rules)
  const read = readCases(
    new Source('r.cases.yaml', cases),
    set.rules.map(rule => rule.name),
  )
  assert.deepEqual(
    read.problems.map(problem => `${problem.line}:${problem.column} ${problem.message}`),
    [],
  )
  return runCases(set, read.cases, makeCursorEvaluator)
}

function assertAllHold(cases: string, rules = RULES): void {
  for (const { case: each, differences } of run(cases, rules)) {
    assert.deepEqual(differences, [], each.name)
  }
}

test('cases that hold', () => {
  assertAllHold(`cases:
  - name: a health check is dropped
    span: { name: GET /healthz, attributes: { url.path: /healthz } }
    expect: { dropped_by: health, hits: [health] }
  - name: a payment error goes to both places
    resource: { service.name: payments }
    span: { name: '3', status: ERROR }
    expect: { routed_to: [kafka/errors, jaeger], importance: 5, unchanged: true }
  - name: an ordinary span goes on
    span: { name: '3', kind: SERVER }
    expect: { routed_to: default, hits: [], mirrored_to: [] }
  - name: a card is masked, also for the resource
    span: { name: '3', attributes: { card: '4111', other: 1, gone: null } }
    expect:
      attributes: { card: '****', other: 1, nothing: null }
      resource: { masked: true }
      unchanged: false
  - name: a slow span is copied
    span: { name: '3', duration: 1.5s }
    expect: { mirrored_to: [slow] }
  - name: an expression fails
    span: { name: many }
    expect: { routed_to: default, error: 'fails:' }
  - name: noise is taken out of the events
    span: { name: '3', events: [{ name: noise }, { name: kept, attributes: { k: [1, two] } }] }
    expect:
      hits: [noisy-events]
      span: { events: [{ name: kept, attributes: { k: [1, two] } }] }
`)
})

test('cases for logs and metrics', () => {
  assertAllHold(`cases:
  - name: debug logs go
    log: { body: hello, severity: DEBUG2 }
    expect: { dropped_by: debug-logs }
  - name: structured ones stay
    log: { body: { a: 1.0, b: [true] }, severity: DEBUG, attributes: { k: v } }
    expect: { routed_to: default, log: { body: { a: 1.0, b: [true] }, severity: DEBUG, attributes: { k: v } } }
  - name: users are taken out of the points
    metric:
      name: requests
      type: sum
      temporality: delta
      points:
        - { value: 1, attributes: { user.id: a, route: / } }
        - { value: 2.5, attributes: { user.id: b, route: / } }
    expect: { attributes: { user.id: null, route: / }, metric: { value: 1, temporality: delta, monotonic: true } }
  - name: an old metric goes with all its points
    metric: { name: old, value: 1 }
    expect: { dropped_by: old-metric }
  - name: histograms
    metric: { name: h, type: histogram, count: 3, sum: 6.5, bounds: [1, 2], buckets: [1, 1, 1], unit: ms }
    expect: { metric: { count: 3, sum: 6.5, bounds: [1, 2], buckets: [1, 1, 1], unit: ms, type: histogram } }
`)
})

test('tells each difference with what was expected and what came out', () => {
  const results = run(`cases:
  - name: wrong in every way
    resource: { service.name: payments }
    span: { name: '3', status: ERROR, attributes: { n: 1, d: 1.0, big: 9007199254740993 } }
    expect:
      routed_to: [jaeger]
      mirrored_to: [m]
      importance: 1
      hits: []
      unchanged: false
      error: true
      attributes: { n: 2, d: 1, big: 9007199254740993, gone: x }
      span: { status: OK, name: '3' }
  - name: dropped all the same
    span: { name: x, attributes: { url.path: /healthz } }
    expect: { routed_to: default }
`)

  assert.deepEqual(
    results[0].differences.map(({ what, expected, got }) => `${what}: ${expected} / ${got}`),
    [
      'routed_to: jaeger / jaeger, kafka/errors',
      'mirrored_to: m / nowhere',
      'importance: 1 / 5',
      'hits: [] / [payments]',
      'unchanged: false / true',
      'error: an error / no error',
      'attributes.n: 2 / 1',
      'attributes.gone: "x" / absent',
      'span.status: "OK" / "ERROR"',
    ],
  )
  assert.deepEqual(
    results[1].differences.map(({ what, expected, got }) => `${what}: ${expected} / ${got}`),
    ['dropped_by: nothing / health'],
  )
})

test('tells every problem of a file of cases with its place', () => {
  const cases = `cases:
  - name: one
    span: { nmae: x }
    expect: { dropped_by: health }
  - name: two
    expect: { dropped_by: health }
  - name: three
    span: { trace_id: xyz, kind: BEAR, start: yesterday }
    log: {}
    expect: {}
  - name: four
    span: { trace_id: xyz, duration: long, start: yesterday }
    expect: { dropped_by: heath, hits: [nobody] }
  - span: {}
    expect: { droped_by: health }
`
  const { problems } = readCases(new Source('c.yaml', cases), ['health'])

  assert.deepEqual(
    problems.map(
      ({ line, column, message, nearest }) =>
        `${line}:${column} ${message}${nearest ? ` (${nearest}?)` : ''}`,
    ),
    [
      '3:13 is not a known key (name?)',
      '5:5 has no item',
      '8:34 is not a valid choice',
      '12:23 is no id',
      '12:38 is not a duration',
      '12:51 is not a time',
      '13:27 there is no rule "heath" (health?)',
      '13:41 there is no rule "nobody"',
      '14:5 is missing',
      '15:15 is not a known key (dropped_by?)',
    ],
  )
})

test('ids of digits, times and integers keep what was written', () => {
  const { cases } = readCases(
    new Source(
      'c.yaml',
      `cases:
  - name: one
    span:
      trace_id: 00000000000000000000000000000012
      span_id: 1234567890123456
      start: 2026-01-02T03:04:05.123456789Z
      duration: 2ms
      attributes: { i: 9223372036854775807, d: 1e3, b: { $bytes: AAEC } }
    expect: { routed_to: default }
`,
    ),
    [],
  )
  const { signal, bytes } = cases[0].item

  const { fields, attributes } = new ItemReader().read(bytes, partOf(signal, bytes).index, 0)

  assert.equal(fields.get('trace_id'), '00000000000000000000000000000012')
  assert.equal(fields.get('span_id'), '1234567890123456')
  assert.equal(fields.get('start'), 1767323045123456789n)
  assert.equal(fields.get('duration'), '2ms')
  assert.equal(attributes.get('i'), 9223372036854775807n)
  assert.equal(attributes.get('d'), 1000)
  assert.deepEqual([...(attributes.get('b') as Uint8Array)], [0, 1, 2])
})

test('cases stand beside their rules', () => {
  assert.equal(casesPathOf('rules/x.yaml'), 'rules/x.cases.yaml')
  assert.equal(casesPathOf('x.yml'), 'x.cases.yml')
  assert.equal(casesPathOf('x'), 'x.cases.yaml')
})
