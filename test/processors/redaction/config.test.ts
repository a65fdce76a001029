/** What `redaction` refuses at load, above all what it does not do although upstream does. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { validateComponentConfig } from '../../../src/config/judge.ts'
import { factory } from '../../../src/processors/redaction/factory.ts'

const WRONG: readonly (readonly [string, object, RegExp])[] = [
  ['a pattern of values', { blocked_values: ['ok', '(?=x)'] }, /^blocked_values\.1: /],
  ['a pattern of keys', { blocked_key_patterns: ['('] }, /^blocked_key_patterns\.0: /],
  ['a pattern of ignored keys', { ignored_key_patterns: ['['] }, /^ignored_key_patterns\.0: /],
  ['an unknown hash function', { hash_function: 'crc' }, /^hash_function: .*hash function/],
  ['an unknown summary', { summary: 'all' }, /^summary: /],
  ['hmac without a key', { hash_function: 'hmac-sha256' }, /^hmac_key: is missing/],
  [
    'a key that is too short',
    { hash_function: 'hmac-sha512', hmac_key: 'k'.repeat(32) },
    /^hmac_key: has 32 bytes/,
  ],
  [
    'the URL sanitizer',
    { url_sanitizer: { enabled: true, attributes: ['http.url'] } },
    /^url_sanitizer\.enabled: .*not supported/,
  ],
  [
    'a database sanitizer',
    { db_sanitizer: { redis: { enabled: true } } },
    /^db_sanitizer\.redis\.enabled: .*not supported/,
  ],
]

for (const [what, section, message] of WRONG) {
  test(`refuses ${what}`, () => {
    const problems = validateComponentConfig(factory, section)

    assert.match(problems.map(p => `${p.path}: ${p.message}`).join('\n'), message)
  })
}

test('takes an empty section, and sanitizers that are switched off', () => {
  const off = { enabled: false, attributes: ['url'] }
  const section = { url_sanitizer: off, db_sanitizer: { sql: off, sanitize_span_name: false } }

  assert.deepEqual(validateComponentConfig(factory, {}), [])
  assert.deepEqual(validateComponentConfig(factory, section), [])
})

test('never shows the key in a problem', () => {
  const section = { hash_function: 'hmac-sha512', hmac_key: 'hush-hush' }

  const problems = validateComponentConfig(factory, section)

  assert.equal(problems.length, 1)
  assert.doesNotMatch(JSON.stringify(problems), /hush/)
})
