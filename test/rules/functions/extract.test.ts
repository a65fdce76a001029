/** Grok expressions, URLs and user agents, at their edges, with what the reference gives. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { parse } from 'yaml'
import { GROK_PATTERNS } from '../../../src/rules/functions/grok-patterns.ts'
import { requiredLiterals } from '../../../src/rules/functions/required-literals.ts'
import { compileRegex } from '../../../src/rules/regex.ts'
import { give } from './given.ts'

test('grok captures by name, with types', () => {
  assert.equal(
    give(
      'ExtractGrokPatterns("10.0.0.1 took 1.5", "%{IP:client.ip} took %{NUMBER:t:float}", true)',
    ),
    '{"client.ip": "10.0.0.1", "t": 1.5}',
  )
  assert.equal(give('ExtractGrokPatterns("1 2", "%{INT} %{INT:b}")'), '{"INT": "1", "b": "2"}')
  assert.equal(give('ExtractGrokPatterns("1 2", "%{INT:a} %{INT:a}")'), '{"a": "2"}')
  assert.equal(give('ExtractGrokPatterns("x", "%{INT:a}")'), '{}')
  assert.equal(give('ExtractGrokPatterns("x", "%{WORD:a:int}")'), 'error')
  assert.equal(give('ExtractGrokPatterns("x", "%{WORD:a:color}")'), 'error')
  assert.equal(give('ExtractGrokPatterns("x", "%{NOPE:a}")'), 'refused')
  assert.equal(give('ExtractGrokPatterns("x", "%{WORD}", true)'), 'refused')
  assert.equal(give('ExtractGrokPatterns("x", "(")'), 'refused')
})

test('grok takes patterns of its own, and stops at those that name themselves', () => {
  const extract = (pattern: string, definitions: string) =>
    give(`ExtractGrokPatterns("ab-12", "${pattern}", true, ${definitions})`)
  assert.equal(
    extract('%{CODE:c}', '["CODE=%{LETTERS:l}-%{INT:n:int}", "LETTERS=[a-z]+"]'),
    '{"c": "ab-12", "l": "ab", "n": 12}',
  )
  assert.equal(extract('%{A:a}', '["A=%{A}"]'), 'refused')
  assert.equal(extract('%{A:a}', '["A=%{A}%{A}%{B}", "B=%{A}%{A}"]'), 'refused')
  assert.equal(extract('%{A:a}', '["A"]'), 'refused')
  assert.equal(extract('%{A:a}', '["A:b=c"]'), 'refused')
})

/** Malformed in the set itself, so the reference refuses it too. */
const MALFORMED = 'CISCOFW733100'

test('every grok pattern that comes along compiles', () => {
  for (const name of GROK_PATTERNS.keys()) {
    const given = give(`ExtractGrokPatterns("x", "%{${name}:x}")`)
    assert.equal(given === 'refused', name === MALFORMED, name)
  }
})

test('a URL is taken apart as Go takes it', () => {
  const given: readonly (readonly [string, string])[] = [
    [
      'http://u:p%40@Example.com:8080/a%20b.txt?q=1#f%20g',
      '{"url.original": "http://u:p%40@Example.com:8080/a%20b.txt?q=1#f%20g", "url.domain": "Example.com", "url.scheme": "http", "url.path": "/a b.txt", "url.port": 8080, "url.fragment": "f g", "url.user_info": "u:p%40", "url.username": "u", "url.password": "p@", "url.query": "q=1", "url.extension": "txt"}',
    ],
    [
      'mailto:x@y.z',
      '{"url.original": "mailto:x@y.z", "url.domain": "", "url.scheme": "mailto", "url.path": ""}',
    ],
    [
      'http://[::1]:80/',
      '{"url.original": "http://[::1]:80/", "url.domain": "::1", "url.scheme": "http", "url.path": "/", "url.port": 80}',
    ],
    ['?a=1&b=2&a=%33', '{"query": {"a": ["1", "3"], "b": ["2"]}}'],
    ['?', '{}'],
  ]
  for (const [url, expected] of given) assert.equal(give('URL(url)', { url }), expected, url)
  const wrong = ['', 'a:b:', ':x', '1:2', 'http://a:b/', 'http://a:1:2/', 'http://[1.2.3.4]/']
  for (const url of [
    ...wrong.slice(2),
    'http://a/%zz',
    'http://a b/',
    'http://a\n',
    '?a;b',
    '?%',
  ]) {
    assert.equal(give('URL(url)', { url }), 'error', url)
  }
  assert.equal(give('URL("")'), 'error')
})

test('a user agent names browser and system', () => {
  const chrome =
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36'
  assert.equal(
    give('UserAgent(text)', { text: chrome }),
    `{"user_agent.name": "Chrome", "user_agent.original": "${chrome}", "user_agent.version": "119.0.0", "os.name": "Windows", "os.version": "10"}`,
  )
  assert.equal(
    give('UserAgent("what is this")'),
    '{"user_agent.name": "Other", "user_agent.original": "what is this", "user_agent.version": "", "os.name": "Other"}',
  )
  assert.match(give('UserAgent(text)', { text: 'x'.repeat(1_000_000) }), /"Other"/)
})

test('what a pattern requires is read with caution', () => {
  const given: readonly (readonly [string, readonly string[] | null])[] = [
    ['(Chrome)/(\\d+)', ['Chrome']],
    ['foo(?:bar|baz)?qu', ['foo']],
    ['(abc|defg)+x', ['abc', 'defg']],
    ['(abc|)', null],
    ['ab*', null],
    ['abc|d', null],
    ['(?i)abc', null],
    ['a\\.b\\d', ['a.b']],
    ['[abc]{3}(?P<n>xy)', ['xy']],
    ['abc{0,3}', ['ab']],
    ['[]a]bc', ['bc']],
    ['\\x41bc', ['bc']],
    ['\\p{Greek}bc', ['bc']],
  ]
  for (const [pattern, expected] of given) {
    assert.deepEqual(requiredLiterals(pattern), expected, pattern)
  }
})

test('no definition of uap-core asks for a text that its own match lacks', () => {
  const path = createRequire(import.meta.url).resolve('uap-core/regexes.yaml')
  const text = readFileSync(path, 'utf8')
  const { user_agent_parsers } = parse(text.slice(0, text.indexOf('\nos_parsers:'))) as {
    user_agent_parsers: readonly { readonly regex: string }[]
  }
  const sample =
    'Mozilla/5.0 (iPad; Android 9) Version/4.0 Mobile Safari/1 Firefox/3.5.1 Chrome/99.0.1.2 curl/8.4'
  for (const { regex } of user_agent_parsers) {
    const literals = requiredLiterals(regex)
    if (literals === null || !compileRegex(regex).test(sample)) continue
    assert.ok(
      literals.some(literal => sample.includes(literal)),
      regex,
    )
  }
})
