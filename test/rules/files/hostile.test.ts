/** Rule texts that nobody means well: whatever they are, they are answered with problems at places, soon and in bounded memory. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Source } from '../../../src/config/source.ts'
import { readCases } from '../../../src/rules/files/cases/read.ts'
import { ruleLanguage } from '../../../src/rules/files/language.ts'
import { loadRules } from '../../../src/rules/files/load.ts'

const RUNS = 2000
const MAX_MS = 4000

function load(text: string) {
  return loadRules([new Source('r.yaml', text)], {
    language: ruleLanguage,
    destinations: () => ['a'],
  })
}

/** A set, or problems that say where. */
function assertAnswered(text: string): void {
  const began = performance.now()
  const { set, problems } = load(text)
  assert.ok(performance.now() - began < MAX_MS, 'took too long')
  const errors = problems.filter(problem => problem.severity === 'error')
  assert.equal(set === undefined, errors.length > 0)
  for (const { file, line, column, message } of errors) {
    assert.equal(file, 'r.yaml')
    assert.ok(line >= 1 && column >= 1, `${message} at ${line}:${column}`)
  }
}

const WORDS = [
  ...['version: 1', 'rules:', '- name: a', 'when:', 'do: drop', 'do:', '{', '}', '[', ']', ':'],
  ...['&a', '*a', '<<: *a', '|', '>-', '"', "'", '#', '\t', '  ', '---', '...', '!!binary'],
  ...['attributes["k"]', '==', 'nil', 'and', 'or', 'not', '(', ')', 'IsMatch(', '"(a+)+$"'],
  ...[
    'set(name, "x")',
    'where',
    '0x',
    '1e999',
    '-9223372036854775808',
    '\u0000',
    '\ud800',
    '\u{1f600}',
  ],
  ...[
    'route: [a]',
    'split: { a: 1 }',
    'percent: 5',
    'mirror: a',
    '__proto__: 1',
    'constructor: {}',
  ],
]

test('random words make problems, never anything worse', () => {
  const text = fc
    .array(fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom(' ', '\n', '\n  ', '\n    ', '')), {
      maxLength: 40,
    })
    .map(pairs => pairs.flat().join(''))
  fc.assert(fc.property(text, assertAnswered), { numRuns: RUNS, seed: 7 })
})

test('random conditions in a sound file make problems within their line', () => {
  const condition = fc
    .array(fc.constantFrom(...WORDS.slice(-30), '"', '\\', '$', "'"), { maxLength: 12 })
    .map(words => words.join(' '))
  const property = fc.property(condition, when => {
    const text = `version: 1\nrules:\n  - name: a\n    when: ${JSON.stringify(when)}\n    do: drop\n`
    assertAnswered(text)
    for (const { line } of load(text).problems) assert.ok(line >= 3 && line <= 5)
  })
  fc.assert(property, { numRuns: RUNS, seed: 11 })
})

test('random cases are answered as well', () => {
  const text = fc
    .array(
      fc.tuple(
        fc.constantFrom(
          ...[
            'cases:',
            '- name: x',
            'span:',
            '{ name: 1 }',
            'expect:',
            '{}',
            'attributes:',
            'log:',
          ],
          ...[
            'metric:',
            'points: [{}]',
            'trace_id: 1',
            'start: 99999999999999999999999',
            'k: .nan',
          ],
          ...[
            'duration: -5s',
            'k: 1e400',
            'k: 0x7fffffffffffffffffff',
            '$bytes: "%%%"',
            'value: 1',
          ],
        ),
        fc.constantFrom(' ', '\n', '\n  ', '\n    ', '\n      '),
      ),
      { maxLength: 20 },
    )
    .map(pairs => pairs.flat().join(''))
  fc.assert(
    fc.property(text, cases => {
      for (const { line, column } of readCases(new Source('c.yaml', cases), []).problems) {
        assert.ok(line >= 1 && column >= 1)
      }
    }),
    { numRuns: RUNS, seed: 13 },
  )
})

test('evil regular expressions, deep nesting and long literals are bounded', () => {
  const rule = (when: string) =>
    `version: 1\nrules:\n  - { name: a, do: drop, when: ${JSON.stringify(when)} }\n`
  assertAnswered(rule('IsMatch(name, "(a+)+$")'))
  assertAnswered(rule(`IsMatch(name, "${'(a*)*'.repeat(500)}")`))
  assertAnswered(rule(`IsMatch(name, "a{1000}{1000}")`))
  assertAnswered(rule(`${'not '.repeat(5000)}true`))
  assertAnswered(rule(`${'('.repeat(5000)}true${')'.repeat(5000)}`))
  assertAnswered(rule(`name == "${'x'.repeat(100_000)}"`))
  assertAnswered(rule(`${'true and '.repeat(1500)}true`))
  assertAnswered(rule(`Concat([${'name, '.repeat(2000)}name], "") == "x"`))
  assertAnswered(`version: 1\nrules: ${'{a: '.repeat(3000)}`)
  assertAnswered(`version: 1\nrules:\n${'  - {}\n'.repeat(6000)}`)
  assertAnswered(`version: 1\nrules: [${'&a '.repeat(1000)}]`)
})
