/** Patterns that are taken for literals match what the engine matches; anything beyond literals is left to it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { RE2JS } from 're2js'
import { Random } from '../../../src/cli/generate/random.ts'
import { type BytePattern, bytePatternOf } from '../../../src/rules/predicate/byte-pattern.ts'
import { pick } from './random-telemetry.ts'

const KNOWN: readonly (readonly [pattern: string, expected: BytePattern | undefined])[] = [
  ['^/(healthz|readyz)$', { kind: 'exact', literals: ['/healthz', '/readyz'] }],
  ['^GET ', { kind: 'prefix', literals: ['GET '] }],
  ['^/api/.*', { kind: 'prefix', literals: ['/api/'] }],
  ['\\.internal$', { kind: 'suffix', literals: ['.internal'] }],
  ['error', { kind: 'contains', literals: ['error'] }],
  ['^(?:a|b)(?:c|d)', { kind: 'prefix', literals: ['ac', 'ad', 'bc', 'bd'] }],
  ['', { kind: 'contains', literals: [''] }],
  ['^$', { kind: 'exact', literals: [''] }],
  ['^größe🙂$', { kind: 'exact', literals: ['größe🙂'] }],
]

const OTHERS = [
  'a+',
  'a?',
  'a{2}',
  '^a|b$',
  '(?i)a',
  '[ab]',
  '\\d',
  'a.b',
  '(a',
  'a)',
  '\\',
  '^a.*$',
]

test('reads literals with anchors and alternatives', () => {
  for (const [pattern, expected] of KNOWN)
    assert.deepEqual(bytePatternOf(pattern), expected, pattern)
})

test('leaves everything else to the engine', () => {
  for (const pattern of OTHERS) assert.equal(bytePatternOf(pattern), undefined, pattern)
  assert.equal(bytePatternOf('(a|b|c)'.repeat(4)), undefined)
})

test('matches what the engine matches', () => {
  const random = new Random(11)
  const pieces = [
    'a',
    'b',
    'ab',
    '^',
    '$',
    '(',
    ')',
    '(?:',
    '|',
    '.*',
    '\\.',
    '\\/',
    '.',
    '*',
    '\n',
    'ö',
  ]
  let simple = 0
  for (let i = 0; i < 20_000; i++) {
    const make = (from: readonly string[], most: number) =>
      Array.from({ length: random.below(most) }, () => pick(random, from)).join('')
    const source = make(pieces, 8)
    const pattern = bytePatternOf(source)
    if (pattern === undefined) continue
    const engine = compile(source)
    if (engine === undefined) continue
    simple++
    for (let k = 0; k < 5; k++) {
      const text = make(['a', 'b', '.', '/', 'ö', '\n'], 6)
      assert.equal(
        matches(pattern, text),
        engine.test(text),
        `${source} on ${JSON.stringify(text)}`,
      )
    }
  }
  assert.ok(simple > 1000, `${simple} simple patterns`)
})

/** What the general compiler refuses never comes to the predicates. */
function compile(source: string): RE2JS | undefined {
  try {
    return RE2JS.compile(source)
  } catch {
    return undefined
  }
}

function matches({ kind, literals }: BytePattern, text: string): boolean {
  return literals.some(literal => {
    if (kind === 'exact') return text === literal
    if (kind === 'prefix') return text.startsWith(literal)
    return kind === 'suffix' ? text.endsWith(literal) : text.includes(literal)
  })
}
