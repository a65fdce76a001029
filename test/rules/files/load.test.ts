/** Reading rule files: what is understood, and every problem at once with its place. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Source } from '../../../src/config/source.ts'
import { type LoadedRules, loadRules } from '../../../src/rules/files/load.ts'
import { smallLanguage } from './small-language.ts'

const DESTINATIONS = ['jaeger', 'kafka/errors', 'otlp/a', 'otlp/b', 'otlp/staging']

function load(...texts: string[]): LoadedRules {
  const sources = texts.map((text, i) => new Source(`${'abc'[i]}.yaml`, text))
  return loadRules(sources, { language: smallLanguage, destinations: () => DESTINATIONS })
}

function problemsOf(...texts: string[]): string[] {
  return load(...texts).problems.map(
    ({ file, line, column, message, nearest, expected }) =>
      `${file}:${line}:${column} ${message}${nearest ? ` (${nearest}?)` : ''}${expected ? ` [${expected}]` : ''}`,
  )
}

const RULES = 'version: 1\nrules:\n'

test('understands every kind of rule', () => {
  const { set, problems } = load(`version: 1
defaults: { on: span, error_mode: silent }
rules:
  - name: health-checks
    when: IsMatch(attributes["url.path"], "^/healthz$")
    do: drop
  - name: mask
    on: log
    error_mode: ignore
    when: attributes["card.number"] != nil
    do:
      - set(attributes["card.number"], "****")
  - name: payments-errors
    tenants: [shop-*]
    when: resource.attributes["service.name"] == "payments" and status.code == STATUS_CODE_ERROR
    do: { route: [jaeger, kafka/errors] }
    continue: true
  - name: canary
    do: { route: { split: { otlp/a: 90, otlp/b: 10 }, by: trace_id } }
  - name: shadow
    on: datapoint
    do: { mirror: otlp/staging, percent: 5 }
  - name: keep
    on: metric
    do: { importance: 10 }
`)

  assert.deepEqual(problems, [])
  const rules = set!.rules
  assert.deepEqual(
    rules.map(rule => [rule.name, rule.on, rule.errorMode, rule.line]),
    [
      ['health-checks', 'span', 'silent', 4],
      ['mask', 'log', 'ignore', 7],
      ['payments-errors', 'span', 'silent', 13],
      ['canary', 'span', 'silent', 18],
      ['shadow', 'datapoint', 'silent', 20],
      ['keep', 'metric', 'silent', 23],
    ],
  )
  assert.equal(rules[0].action.drop, true)
  assert.equal(rules[1].action.edits.length, 1)
  assert.deepEqual(rules[2].action.route, { kind: 'list', to: ['jaeger', 'kafka/errors'] })
  assert.equal(rules[2].continues, true)
  assert.equal(rules[2].tenants!('shop-7'), true)
  assert.equal(rules[2].tenants!('bank'), false)
  assert.deepEqual(rules[3].action.route, {
    kind: 'split',
    by: 'trace_id',
    shares: [
      { to: 'otlp/a', below: 0.9 },
      { to: 'otlp/b', below: 1 },
    ],
  })
  assert.deepEqual(rules[4].action.mirror, { to: 'otlp/staging', share: 0.05 })
  assert.equal(rules[5].action.importance, 10)
})

test('tells every problem of a file at once, each at its place', () => {
  const text = `version: 1
defualts: {}
rules:
  - name: one
    wen: name == "x"
    do: drop
  - name: one
    when: nam == "x"
    do: dorp
  - name: two
    do: { rout: [jaeger] }
  - name: three
    do: { route: [jaegr], percent: 5 }
  - name: four
    do: { route: { split: { otlp/a: 0, otlp/x: 0 } } }
  - name: five
    when: IsMatch(name, "(")
    do:
      - set(name, "x"
      - sett(name, "x")
  - do: drop
`

  assert.deepEqual(problemsOf(text), [
    'a.yaml:2:1 is not a known key (defaults?)',
    'a.yaml:5:5 is not a known key (when?)',
    'a.yaml:7:11 there is already a rule "one", at a.yaml:4 [a name of its own]',
    'a.yaml:8:11 there is no path nam; did you mean name?',
    'a.yaml:9:9 is not a valid choice (drop?) [drop]',
    'a.yaml:11:11 is not a known key (route?)',
    'a.yaml:13:19 there is no exporter "jaegr" (jaeger?)',
    'a.yaml:13:36 has no effect without mirror [mirror beside it]',
    'a.yaml:15:20 has no weight above 0 [a weight for each exporter]',
    'a.yaml:15:40 there is no exporter "otlp/x" (otlp/a?)',
    'a.yaml:17:11 IsMatch: missing closing )',
    'a.yaml:19:22 expected ",", found the end',
    'a.yaml:20:9 there is no editor sett; did you mean set?',
    'a.yaml:21:5 is missing [a text]',
  ])
})

test('points into expressions however YAML writes them', () => {
  const bad = (when: string) =>
    problemsOf(`${RULES}  - name: a\n    do: drop\n    when: ${when}`)[0]
  const place = (text: string) => /^a.yaml:(\d+:\d+)/.exec(text)?.[1]

  assert.equal(place(bad('name == nmae')), '5:19')
  assert.equal(place(bad(`'name == "it''s" or nmae == 1'`)), '5:31')
  assert.equal(place(bad(String.raw`"name == \"x\" or nmae == 1"`)), '5:29')
  assert.equal(place(bad(String.raw`"name == \"\u00e9\" or nmae == 1"`)), '5:34')
  assert.equal(place(bad('|\n      name == 1\n      or nmae == 2')), '7:10')
  assert.equal(place(bad('>-\n      name == 1\n      or nmae == 2')), '7:10')
  assert.equal(place(bad('name == 1\n      or nmae == 2')), '6:10')
  assert.equal(place(bad('"name == 1 \\\n      or nmae == 2"')), '6:10')
})

test('names are unique over all files of a set, and the set has one hash', () => {
  const rule = `${RULES}  - { name: a, do: drop, when: name == "x" }\n`

  assert.deepEqual(problemsOf(rule, rule), [
    'b.yaml:3:13 there is already a rule "a", at a.yaml:3 [a name of its own]',
  ])
  const [one, two] = [load(rule).set!, load(rule.replace('"x"', '"y"')).set!]
  assert.notEqual(one.hash, two.hash)
  assert.equal(one.hash, load(rule).set!.hash)
  assert.deepEqual(one.files, ['a.yaml'])
})

test('refuses what cannot work together', () => {
  const say = (rest: string) => problemsOf(`${RULES}  - name: a\n    ${rest}`)

  assert.match(say('do: drop\n    continue: true')[0], /what is dropped goes no further/)
  assert.match(say('on: spanevent\n    do: { route: [jaeger] }')[0], /events go where/)
  assert.match(say('do: {}')[0], /does nothing/)
  assert.match(say('do: []')[0], /too small/)
  assert.match(say('do: { route: [jaeger, jaeger] }')[0], /here twice/)
  assert.match(say('do: { mirror: jaeger, percent: 0 }')[0], /too small/)
  assert.match(say('when: true\n    do: drop')[0], /a text; put it in quotes/)
})

test('warns of rules that nothing can reach', () => {
  const text = `${RULES}  - { name: a, do: drop }\n  - { name: b, do: drop }\n  - { name: c, on: log, do: drop }`

  assert.deepEqual(problemsOf(text), [
    'a.yaml:4:13 is never reached: every span ends at the rule "a"',
  ])
  assert.equal(load(text).set!.rules.length, 3)
})

test('bounds what a file may hold', () => {
  const levels = Array.from({ length: 12 }, (_, i) =>
    i === 0 ? 'a0: &a0 [x, x, x, x, x, x, x, x]' : `a${i}: &a${i} [${`*a${i - 1}, `.repeat(8)}]`,
  )
  const bomb = `version: 1\nrules: []\n${levels.join('\n')}\n`
  const deep = `version: 1\nrules: ${'['.repeat(5000)}${']'.repeat(5000)}\n`
  const long = `${RULES}  - { name: a, do: drop, when: '${'1 == 1 and '.repeat(3000)}1 == 1' }`
  const nested = `${RULES}  - { name: a, do: drop, when: '${'('.repeat(8000)}' }`

  assert.match(problemsOf(bomb)[0], /grows beyond all measure/)
  assert.match(problemsOf(deep)[0], /nested too deeply/)
  assert.match(problemsOf(long)[0], /characters long/)
  assert.match(problemsOf(nested)[0], /nested deeper/)
  assert.match(problemsOf('')[0], /empty/)
  assert.match(problemsOf('- 1')[0], /is a list/)
  assert.match(problemsOf('version: 2\nrules: []')[0], /1/)
})

test('reads a thousand rules quickly', () => {
  const rules = Array.from(
    { length: 1000 },
    (_, i) =>
      `  - name: rule-${i}\n    when: attributes["k${i % 8}"] == "v${i}" and name != "x"\n    do: { route: [jaeger] }`,
  )
  const began = performance.now()

  const { set } = load(`${RULES}${rules.join('\n')}`)

  assert.equal(set!.rules.length, 1000)
  // 0.2 s on a quiet machine; a busy one must not fail the test.
  assert.ok(performance.now() - began < 5000, `${performance.now() - began} ms`)
})

test('two dollars stand for one, and places behind them are right', () => {
  const { set } = load(`${RULES}  - { name: a, when: 'IsMatch(name, "x$$")', do: drop }`)
  assert.equal(set!.rules[0].when!.text, 'IsMatch(name, "x$")')

  assert.deepEqual(
    problemsOf(`${RULES}  - { name: a, when: 'name == "$$1$$" and nam == 1', do: drop }`),
    ['a.yaml:3:43 there is no path nam; did you mean name?'],
  )
})
