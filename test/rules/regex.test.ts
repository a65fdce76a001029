/** Regular expressions: Go's rules for replacing, refusals, bounds, and the fast forms beside the general engine. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileRegex, MAX_PATTERN_LENGTH, type Regex } from '../../src/rules/regex.ts'
import { NO_MATCH, UNDECIDED } from '../../src/rules/regex-sequence.ts'
import { EvaluationError } from '../../src/rules/value.ts'

/** Pattern, text, template, result: all as Go's ReplaceAllString gives them. */
const REPLACED: readonly (readonly [string, string, string, string])[] = [
  ['a(b)', 'xabx', '$1x', 'xx'],
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: Go's notation
  ['a(b)', 'xabx', '${1}x', 'xbxx'],
  ['a(b)', 'xabx', '$$1', 'x$1x'],
  ['a(b)', 'xabx', '$', 'x$x'],
  ['a(b)', 'xabx', '${', 'x${x'],
  ['a(b)', 'xabx', '${1', 'x${1x'],
  ['a(b)', 'xabx', '$9', 'xx'],
  ['a(b)', 'xabx', '$01', 'xx'],
  ['a(?P<n>b)', 'xabx', '<$n>', 'x<b>x'],
  ['a(?P<n>b)', 'xabx', '${n}$0', 'xbabx'],
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: Go's notation
  ['(a)|(b)', 'ab', '[$1$2]', '[a][b]'],
  ['a*', 'baac', 'x', 'xbxcx'],
  ['', 'é😀', '-', '-é-😀-'],
  ['a*?', 'aa', '-', '-a-a-'],
  ['^(\\d+\\.\\d+)\\..*', '10.1.2.3', '$1.x.x', '10.1.x.x'],
  ['\\d{12}(\\d{4})', 'card 1234567812345678!', '****$1', 'card ****5678!'],
]

test('replaces as Go does', () => {
  for (const [pattern, text, template, result] of REPLACED) {
    assert.equal(compileRegex(pattern).replaceAll(text, template), result, `${pattern} ${template}`)
  }
})

test('finds all as Go does: no empty match right after another', () => {
  const found = compileRegex('a*').findAll('baab')
  assert.deepEqual(
    found.map(({ start, end }) => [start, end]),
    [
      [0, 0],
      [1, 3],
      [4, 4],
    ],
  )
})

test('groups that took no part are undefined, and have their names', () => {
  const regex = compileRegex('(?P<one>a)|(b)')
  assert.deepEqual(regex.groupNames, ['', 'one', ''])
  assert.deepEqual(regex.find('b')?.groups, ['b', undefined, 'b'])
})

test('refuses what RE2 refuses, and patterns that are too long', () => {
  const refused = ['(', '*', 'a**', '(?=a)', '(?<=a)b', '(a)\\1', '\\Z', 'a{1001}', '[b-a]', '\\C']
  for (const pattern of refused) assert.throws(() => compileRegex(pattern), Error, pattern)
  assert.throws(() => compileRegex('a'.repeat(MAX_PATTERN_LENGTH + 1)), /longer/)
})

test('evil patterns and texts take bounded time', () => {
  const began = performance.now()
  const text = `${'a'.repeat(20_000)}!`
  for (const pattern of ['(a+)+$', '(a|aa)+$', '(.*a){20}$', 'a[ab]+c', '^(([a-z])+.)+[A-Z]$']) {
    assert.equal(compileRegex(pattern).test(text), false, pattern)
  }
  assert.ok(performance.now() - began < 10_000)
})

test('a replaced text does not grow without bound', () => {
  const regex = compileRegex('a')
  assert.throws(() => regex.replaceAll('a'.repeat(10_000), '$0'.repeat(10_000)), EvaluationError)
})

test('simple patterns are known to be comparisons with fixed texts', () => {
  const { literals } = compileRegex('^/(healthz|ready\\.z)$')
  assert.deepEqual(literals, { texts: ['/healthz', '/ready.z'], isAtStart: true, isAtEnd: true })
  assert.deepEqual(compileRegex('a|b').literals?.texts, ['a', 'b'])
  for (const other of ['^a|b', '(a|b)+', 'a\\d', '(?i)a', 'a.']) {
    assert.equal(compileRegex(other).literals, null, other)
  }
})

const piece = fc.constantFrom(
  ...['a', 'b', '1', '\\.', '/', 'é', ' ', '\\d', '\\w', '\\s', '\\D', '\\S', '.', '[ab]', '[^a]'],
  ...[
    '[a-f0-9]',
    '[^/ ]',
    '[\\d.]',
    '[\\w-]',
    'x|y',
    '|',
    '(',
    ')',
    '(?:',
    '(?P<n>',
    '^',
    '$',
    '\\b',
  ],
)
const count = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,2}', '{2,}', '*?', '{0,1}')
const pattern = fc
  .array(fc.tuple(piece, count), { maxLength: 6 })
  .chain(parts => fc.tuple(fc.constantFrom('', '^'), fc.constant(parts), fc.constantFrom('', '$')))
  .map(([start, parts, end]) => start + parts.map(([what, times]) => what + times).join('') + end)
const text = fc
  .array(fc.constantFrom('a', 'b', 'f', 'x', '1', '23', '.', '/', ' ', '\n', 'é', '😀', '\ud800'), {
    maxLength: 12,
  })
  .map(parts => parts.join(''))

/** What is replaced in the bytes is what is replaced in the text. */
function checkInPlace(regex: Regex, text: string): void {
  const replacer = regex.bytesReplacer('<$1é$0>')
  if (replacer === null) return
  const bytes = Buffer.from(`..${text}..`)
  const length = replacer.run(bytes, 2, bytes.length - 2)
  if (length === UNDECIDED) assert.match(text, /[^\0-\x7f]/)
  else if (length === NO_MATCH) assert.equal(regex.test(text), false)
  else {
    const replaced = Buffer.from(replacer.out.subarray(0, length)).toString()
    assert.equal(replaced, regex.replaceAll(text, '<$1é$0>'))
  }
}

test('the fast forms give what the general engine gives', () => {
  let compared = 0
  fc.assert(
    fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 4 }), (source, texts) => {
      const general = compileOrNull(source, false)
      const fast = compileOrNull(source, true)
      assert.equal(fast === null, general === null)
      if (fast === null || general === null) return
      compared++
      for (const each of texts) {
        const isFound = general.test(each)
        assert.equal(fast.test(each), isFound)
        assert.deepEqual(fast.find(each), general.find(each))
        assert.deepEqual(fast.findAll(each), general.findAll(each))
        assert.equal(fast.replaceAll(each, '<$1|$n>'), general.replaceAll(each, '<$1|$n>'))
        checkInPlace(fast, each)
      }
    }),
    { numRuns: 4000 },
  )
  assert.ok(compared > 1000)
})

function compileOrNull(source: string, isSimplified: boolean) {
  try {
    return compileRegex(source, isSimplified)
  } catch {
    return null
  }
}
