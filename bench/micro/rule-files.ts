/**
 * Answers: what do rule files cost, by the number of rules and by what they do? Nanoseconds per span of a request with
 * 512 spans; rules that compare attributes and match nothing, rules that split, and three edits. And: how long does it take to
 * load a set of a thousand rules and make it ready?
 *
 *   node --import tsx bench/micro/rule-files.ts
 */
import { Source } from '../../src/config/source.ts'
import { NO_CONTEXT } from '../../src/core/batch.ts'
import { decodeJson } from '../../src/otlp/json/decode.ts'
import { makeCursorEvaluator } from '../../src/rules/files/cursor-evaluator.ts'
import { Engine } from '../../src/rules/files/engine.ts'
import { ruleLanguage } from '../../src/rules/files/language.ts'
import { loadRules } from '../../src/rules/files/load.ts'
import type { RuleSet } from '../../src/rules/files/rule-set.ts'
import { partOf } from '../../src/rules/files/trace.ts'
import { atOnce } from '../../src/util/in-slices.ts'
import { compareWays } from '../compare-ways.ts'

const SPANS = 512
const KEYS = [
  'http.route',
  'http.request.method',
  'url.path',
  'user.id',
  'db.system',
  'k5',
  'k6',
  'k7',
]

const part = partOf('traces', request())

function attribute(key: string, stringValue: string): object {
  return { key, value: { stringValue } }
}

function request(): Uint8Array {
  const spans = Array.from({ length: SPANS }, (_, i) => ({
    name: `GET /${i % 20}`,
    kind: 2,
    traceId: (i + 1).toString(16).padStart(32, '0'),
    spanId: '1'.repeat(16),
    status: { code: i % 50 === 0 ? 2 : 0 },
    attributes: KEYS.map((key, j) => attribute(key, `v${(i + j) % 40}`)),
  }))
  const resource = { attributes: [attribute('service.name', 'shop')] }
  const json = { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }
  return decodeJson('traces', Buffer.from(JSON.stringify(json))) as Uint8Array
}

function comparing(rules: number): string {
  return Array.from(
    { length: rules },
    (_, i) =>
      `  - { name: r${i}, when: 'attributes["${KEYS[i % KEYS.length]}"] == "w${i}"', do: { route: [a] } }`,
  ).join('\n')
}

function load(rules: string): RuleSet {
  const source = new Source('r.yaml', `version: 1\nrules:\n${rules}\n`)
  const { set, problems } = loadRules([source], { language: ruleLanguage })
  if (set === undefined) throw new Error(problems.map(problem => problem.message).join('\n'))
  return set
}

function ready(rules: string): () => unknown {
  const engine = atOnce(Engine.build(load(rules), 'traces', makeCursorEvaluator))
  return () => engine.decide(part, 'default', NO_CONTEXT)
}

console.log('rules on 512 spans, ns per span')
compareWays(SPANS, [
  ['5 rules, nothing matches', ready(comparing(5))],
  ['100 rules over 8 attributes', ready(comparing(100))],
  ['1000 rules over 8 attributes', ready(comparing(1000))],
  ['a split by trace id', ready('  - { name: s, do: { route: { split: { a: 9, b: 1 } } } }')],
  [
    'three edits',
    ready(
      `  - name: e\n    do:\n      - set(attributes["x"], "y")\n      - replace_pattern(attributes["url.path"], "v(\\\\d+)", "w$$1")\n      - delete_key(attributes, "k7")`,
    ),
  ],
])
console.log('1000 rules, loaded and made ready, ns per rule')
compareWays(1000, [['load', () => ready(comparing(1000))]])
